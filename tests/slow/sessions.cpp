// Whatever ends sessions also ends those whose login is in progress.
#include <functional>
#include <future>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "service/administration.hpp"
#include "support/cutting_proxy.hpp"
#include "support/metrics_text.hpp"
#include "support/service.hpp"

using namespace users;
using namespace users::test;
using namespace std::chrono_literals;
namespace data = boost::unit_test::data;

namespace {

constexpr std::string_view kNewPassword = "another horse 7";

struct Fixture : RegisteredPhone {
  static std::string token_of(const LoginOutcome& login) {
    BOOST_TEST_REQUIRE((login.code == ResultCode::ok));
    return login.session->token;
  }

  std::string token() { return token_of(owner.accounts.login(phone, kPassword, fresh_client())); }

  Session session() { return *owner.accounts.find_session(token()); }

  /// Opens a session, and returns its number.
  std::uint64_t new_session() {
    token();
    return std::stoull(database.query("SELECT MAX(id) FROM sessions"));
  }

  bool is_alive(const std::string& token) { return other.accounts.find_session(token).has_value(); }
};

/// An action that ends all sessions, and whether the caller's own session continues.
struct End {
  const char* name;
  bool keeps_own;
  ResultCode (*run)(Fixture&, const Session&);
};

std::ostream& operator<<(std::ostream& out, const End& end) {
  return out << end.name;
}

const End kEnds[] = {
    {"a changed password", true,
     [](Fixture& f, const Session& own) {
       return f.owner.accounts.change_password(own, kPassword, kNewPassword, fresh_client()).code;
     }},
    {"another phone", true,
     [](Fixture& f, const Session& own) {
       const std::string next = fresh_phone();
       const std::string code = f.sms_code(next, "phone");
       return f.owner.accounts.change_phone(own, next, code, kPassword, fresh_client()).code;
     }},
    {"a reset", false,
     [](Fixture& f, const Session&) {
       const std::string code = f.sms_code(f.phone, "reset");
       return f.owner.accounts.reset_password(f.phone, code, kNewPassword, fresh_client()).code;
     }},
    {"a logout everywhere", false,
     [](Fixture& f, const Session& own) {
       f.owner.accounts.logout(own, true, fresh_client());
       return ResultCode::ok;
     }},
    {"a disabled account", false,
     [](Fixture& f, const Session&) {
       Administration operators(f.owner.config, kKey, f.owner.database, f.owner.metrics, "test");
       const Phone phone = *Phone::parse(f.phone, f.owner.config.phone_default_region);
       return operators.disable(phone).changed ? ResultCode::ok : ResultCode::internal_error;
     }},
};

struct Race : Fixture {
  /// Runs `end` in the middle of the transaction of `login`: the new session must be over.
  void check_ended(const End& end, const std::function<LoginOutcome()>& login) {
    const std::string own = token();
    const Session session = *owner.accounts.find_session(own);
    HeldTransactions held(database, "INSERT ON sessions");
    auto under_way = std::async(std::launch::async, login);
    BOOST_TEST(held.wait_for_one());
    // A login by code locks the row of its code, and ending all sessions voids the codes.
    auto ending = std::async(std::launch::async, [&] { return end.run(*this, session); });
    BOOST_TEST(wait_until(30, [&] {
      return row_lock_waits() == 1 || ending.wait_for(0s) == std::future_status::ready;
    }));
    held.let_go();
    BOOST_TEST((ending.get() == ResultCode::ok));
    BOOST_TEST(!is_alive(token_of(under_way.get())));
    BOOST_TEST(is_alive(own) == end.keeps_own);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sessions, Race)

BOOST_DATA_TEST_CASE(it_ends_a_login_by_password_under_way, data::make(kEnds), end) {
  check_ended(end, [&] { return other.accounts.login(phone, kPassword, fresh_client()); });
}

BOOST_DATA_TEST_CASE(it_ends_a_login_by_code_under_way, data::make(kEnds), end) {
  const std::string by = sms_code(phone, "login");
  check_ended(end, [&] { return other.accounts.login_by_code(phone, by, fresh_client()); });
}

BOOST_DATA_TEST_CASE(it_voids_the_codes_that_were_asked_for_before, data::make(kEnds), end) {
  const std::string login = sms_code(phone, "login");
  const std::string reset = sms_code(phone, "reset");
  BOOST_TEST((end.run(*this, session()) == ResultCode::ok));
  // Whatever happened to the phone, the codes must be void.
  database.query("UPDATE users SET disableTime = NULL");
  const std::string now = database.query("SELECT phone FROM users");
  for (const std::string& number : {phone, now}) {
    BOOST_TEST((other.accounts.login_by_code(number, login, fresh_client()).code ==
                ResultCode::wrong_code));
    const ResultCode by_reset =
        other.accounts.reset_password(number, reset, kNewPassword, fresh_client()).code;
    BOOST_TEST((by_reset == ResultCode::wrong_code || by_reset == ResultCode::code_used_up));
  }
  // A code requested afterwards works.
  database.query("DELETE FROM throttle");
  owner.accounts.request_code(now, "login", "another request", fresh_client());
  const std::string fresh = last_code(database);
  BOOST_TEST((other.accounts.login_by_code(now, fresh, fresh_client()).code == ResultCode::ok));
}

BOOST_AUTO_TEST_CASE(a_new_phone_brings_no_lock_that_strangers_put_on_it) {
  const std::string next = fresh_phone();
  for (int i = 0; i < 11; ++i) other.accounts.login(next, "wrong", fresh_client());
  BOOST_TEST((other.accounts.login(next, "wrong", fresh_client()).code == ResultCode::locked));
  const std::string by = sms_code(next, "phone");
  for (int i = 0; i < 11; ++i) other.accounts.login(next, "wrong", fresh_client());
  BOOST_TEST((owner.accounts.change_phone(session(), next, by, kPassword, fresh_client()).code ==
              ResultCode::ok));
  BOOST_TEST((other.accounts.login(next, kPassword, fresh_client()).code == ResultCode::ok));
}

BOOST_AUTO_TEST_CASE(an_account_has_at_most_as_many_sessions_as_it_may) {
  Config config = database.config();
  config.session_per_account = 5;
  Service few(std::move(config));
  const auto open = [&] { return token_of(few.accounts.login(phone, kPassword, fresh_client())); };
  std::vector<std::string> tokens;
  for (int i = 0; i < 5; ++i) tokens.push_back(open());
  // The second one is the longest unseen, the fourth has expired.
  database.query(
      "UPDATE sessions SET seenTime = UTC_TIMESTAMP() - INTERVAL 2 HOUR; UPDATE sessions SET "
      "seenTime = UTC_TIMESTAMP() - INTERVAL 3 HOUR WHERE id = (SELECT * FROM (SELECT MIN(id) + 1 "
      "FROM sessions) s); UPDATE sessions SET epoch = epoch + 1 WHERE id = (SELECT * FROM (SELECT "
      "MIN(id) + 3 FROM sessions) s)");
  tokens.push_back(open());
  BOOST_TEST(!is_alive(tokens[3]));
  BOOST_TEST(is_alive(tokens[1]));
  database.query(
      "UPDATE sessions SET seenTime = UTC_TIMESTAMP() - INTERVAL 3 HOUR WHERE id = (SELECT * FROM "
      "(SELECT MIN(id) + 1 FROM sessions) s)");
  tokens.push_back(open());
  BOOST_TEST(!is_alive(tokens[1]));
  for (const std::size_t i : {0, 2, 4, 5, 6}) BOOST_TEST(is_alive(tokens[i]), i);
  BOOST_TEST(database.query("SELECT COUNT(*) FROM sessions") == "5");

  // Sessions of an earlier version are removed at the next login; other accounts' are not.
  database.query(
      "INSERT INTO sessions (tokenHash, user_id, createTime, seenTime, expireTime, address, agent) "
      "SELECT UNHEX(SHA2(seq, 256)), user_id + (seq > 300), createTime, UTC_TIMESTAMP() - INTERVAL "
      "1 DAY, expireTime, '', '' FROM seq_1_to_310, (SELECT * FROM sessions LIMIT 1) s");
  BOOST_TEST(is_alive(open()));
  BOOST_TEST(database.query("SELECT COUNT(*) FROM sessions") == "15");
}

BOOST_AUTO_TEST_CASE(logins_at_once_leave_no_more_sessions_than_one_account_may_have) {
  Config config = database.config();
  config.session_per_account = 3;
  in_parallel(8, 8, [&](int) {
    Service few(Config{config});
    for (int n = 0; n < 4; ++n) few.accounts.login(phone, kPassword, {"192.0.2.1", ""});
  });
  BOOST_TEST(database.query("SELECT COUNT(*) FROM sessions") == "3");
}

BOOST_AUTO_TEST_CASE(the_list_of_sessions_comes_in_the_order_of_an_index) {
  static_cast<void>(session());
  std::string sql = sql_of("list_sessions");
  for (const char* value : {"''", "1", "604800"}) sql.replace(sql.find('?'), 1, value);
  const std::string plan = database.query("EXPLAIN FORMAT = JSON " + sql);
  BOOST_TEST(plan.find("\"key\": \"sessions_seen\"") != std::string::npos, plan);
  BOOST_TEST(plan.find("filesort") == std::string::npos, plan);
}

/// Everything that an event may change.
std::string all_of(ScratchDatabase& database) {
  return database.query(
      "SELECT CONCAT_WS(' ', (SELECT GROUP_CONCAT(phone, password, epoch, IFNULL(disableTime, '')) "
      "FROM users), (SELECT GROUP_CONCAT(id, epoch ORDER BY id) FROM sessions), (SELECT "
      "COUNT(consumeTime) FROM verification_codes))");
}

BOOST_DATA_TEST_CASE(what_cannot_be_recorded_does_not_happen, data::make(kEnds), end) {
  const Session own = session();
  const std::string before = all_of(database);
  database.query("CREATE TRIGGER full BEFORE INSERT ON audit FOR EACH ROW SIGNAL SQLSTATE '45000'");
  BOOST_CHECK_THROW(end.run(*this, own), db::DatabaseError);
  BOOST_TEST(all_of(database) == before);
}

BOOST_AUTO_TEST_CASE(no_login_logout_or_deletion_happens_that_cannot_be_recorded) {
  const Session own = session();
  const std::uint64_t second = new_session();
  const std::string by = sms_code(phone, "login");
  const std::string before = all_of(database);
  database.query("CREATE TRIGGER full BEFORE INSERT ON audit FOR EACH ROW SIGNAL SQLSTATE '45000'");
  AccountService& accounts = owner.accounts;
  BOOST_CHECK_THROW(accounts.login(phone, kPassword, fresh_client()), db::DatabaseError);
  BOOST_CHECK_THROW(accounts.login_by_code(phone, by, fresh_client()), db::DatabaseError);
  BOOST_CHECK_THROW(accounts.logout(own, false, fresh_client()), db::DatabaseError);
  BOOST_CHECK_THROW(accounts.end_session(own, second, fresh_client()), db::DatabaseError);
  BOOST_CHECK_THROW(accounts.delete_account(own, kPassword, fresh_client()), db::DatabaseError);
  BOOST_TEST(all_of(database) == before);
}

BOOST_DATA_TEST_CASE(a_logout_sent_again_meanwhile_is_done_once, data::make({false, true}), all) {
  const Session own = session();
  const Client client = fresh_client();
  HeldTransactions held(database, "INSERT ON audit");
  auto first = std::async(std::launch::async, [&] { owner.accounts.logout(own, all, client); });
  BOOST_TEST(held.wait_for_one());
  auto again = std::async(std::launch::async, [&] { other.accounts.logout(own, all, client); });
  BOOST_TEST(wait_until(30, [] { return row_lock_waits() == 1; }));
  held.let_go();
  first.get();
  again.get();
  BOOST_TEST(database.query("SELECT COUNT(*) FROM audit WHERE event LIKE 'logout%'") == "1");
  BOOST_TEST(database.query("SELECT COUNT(*) FROM sessions") == (all ? "1" : "0"));
}

BOOST_AUTO_TEST_CASE(a_login_by_code_sent_again_opens_a_session_only_with_its_code) {
  const std::string by = sms_code(phone, "login");
  const Client client = fresh_client();
  static_cast<void>(token_of(owner.accounts.login_by_code(phone, by, client)));
  const auto guess = [&](const std::string& typed) {
    return other.accounts.login_by_code(phone, typed, client).code;
  };
  BOOST_TEST((guess(by == "000000" ? "000001" : "000000") == ResultCode::wrong_code));
  BOOST_TEST((guess(by) == ResultCode::ok));
  // With no guess left the code is not looked at.
  throttle::exhaust(*database.connect(), throttle::kGuessesADay, "+86" + phone);
  BOOST_TEST((guess(by) == ResultCode::too_many_requests));
}

BOOST_AUTO_TEST_CASE(a_deleted_account_leaves_no_login_behind) {
  const Session own = session();
  HeldTransactions held(database, "INSERT ON sessions");
  auto login = std::async(std::launch::async,
                          [&] { return other.accounts.login(phone, kPassword, fresh_client()); });
  BOOST_TEST(held.wait_for_one());
  BOOST_TEST(
      (owner.accounts.delete_account(own, kPassword, fresh_client()).code == ResultCode::ok));
  held.let_go();
  BOOST_TEST(!is_alive(token_of(login.get())));
}

BOOST_AUTO_TEST_CASE(a_session_that_was_ended_meanwhile_changes_nothing) {
  const Session ended = session();
  const std::string next = fresh_phone();
  const std::string by = sms_code(next, "phone");
  owner.accounts.logout(session(), true, fresh_client());
  const std::string row = "SELECT CONCAT_WS(' ', phone, password, epoch) FROM users";
  const std::string before = database.query(row);
  BOOST_TEST((owner.accounts.change_password(ended, kPassword, kNewPassword, fresh_client()).code ==
              ResultCode::not_logged_in));
  BOOST_TEST((owner.accounts.change_phone(ended, next, by, kPassword, fresh_client()).code ==
              ResultCode::not_logged_in));
  BOOST_TEST((owner.accounts.delete_account(ended, kPassword, fresh_client()).code ==
              ResultCode::not_logged_in));
  BOOST_TEST(database.query(row) == before);
  // The code was not used up either.
  const Session alive = session();
  BOOST_TEST((owner.accounts.change_phone(alive, next, by, kPassword, fresh_client()).code ==
              ResultCode::ok));
}

BOOST_AUTO_TEST_CASE(a_login_whose_answer_was_lost_is_answered_with_its_session) {
  const std::string by = sms_code(phone, "login");
  for (const bool by_code : {false, true}) {
    database.query("DELETE FROM sessions");
    Config config = database.config();
    const CuttingProxy proxy(config.database_hosts[0], std::string("\x03") + "COMMIT");
    config.database_hosts = {proxy.socket()};
    Service cut(std::move(config));
    const LoginOutcome login = by_code ? cut.accounts.login_by_code(phone, by, fresh_client())
                                       : cut.accounts.login(phone, kPassword, fresh_client());
    BOOST_TEST(proxy.has_cut());
    BOOST_TEST(is_alive(token_of(login)));
    BOOST_TEST(database.query("SELECT COUNT(*) FROM sessions") == "1");
    const std::string counter =
        std::string("users_logins_total{by=\"") + (by_code ? "code" : "password") + "\"}";
    BOOST_TEST(value_of(read_metrics(cut.metrics.render()), counter) == 1);
  }
}

BOOST_AUTO_TEST_CASE(an_ended_session_whose_answer_was_lost_is_told_as_ended) {
  const Session own = session();
  const std::uint64_t own_id = std::stoull(database.query("SELECT MAX(id) FROM sessions"));
  for (const std::uint64_t id : {new_session(), own_id}) {
    Config config = database.config();
    const CuttingProxy proxy(config.database_hosts[0], std::string("\x03") + "COMMIT");
    config.database_hosts = {proxy.socket()};
    Service cut(std::move(config));
    const auto ended = cut.accounts.end_session(own, id, fresh_client());
    BOOST_TEST(proxy.has_cut());
    BOOST_REQUIRE(ended.has_value());
    BOOST_TEST(ended->is_own == (id == own_id));
    BOOST_TEST(!cut.accounts.end_session(own, id, fresh_client()).has_value());
  }
}

/// Something that blocks every write to a session's row, and how to release it.
struct Lock {
  const char* name;
  const char* take;
  const char* release;
};

std::ostream& operator<<(std::ostream& out, const Lock& lock) {
  return out << lock.name;
}

const Lock kLocks[] = {
    {"a transaction", "START TRANSACTION; SELECT * FROM sessions FOR UPDATE", "ROLLBACK"},
    {"a table's reader", "LOCK TABLES sessions READ", "UNLOCK TABLES"},
    {"a backup", "FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES"},
    {"a backup that holds up commits", "BACKUP STAGE START; BACKUP STAGE BLOCK_COMMIT",
     "BACKUP STAGE END"},
};

BOOST_DATA_TEST_CASE(a_session_is_found_and_waits_for_no_lock_to_note_it, data::make(kLocks),
                     lock) {
  const std::string old = token();
  database.query("UPDATE sessions SET seenTime = UTC_TIMESTAMP() - INTERVAL 1 HOUR");
  const auto holder = database.connect();
  holder->run_script(lock.take, "lock");
  BOOST_TEST(is_alive(old));
  holder->run_script(lock.release, "unlock");
  // It failed at once: after a wait, the statement's time limit would be another error.
  const Samples samples = read_metrics(other.metrics.render());
  BOOST_TEST(
      value_of(samples,
               "users_statement_errors_total{statement=\"touch_session\",error=\"lock_wait\"}") ==
      1);
  BOOST_TEST(sum_of(samples, "users_transaction_replays_total") == 0);
  BOOST_TEST(is_alive(old));
  BOOST_TEST(
      database.query("SELECT seenTime > UTC_TIMESTAMP() - INTERVAL 1 MINUTE FROM sessions") == "1");
}

BOOST_AUTO_TEST_CASE(a_session_is_found_whatever_keeps_it_from_being_noted) {
  const std::string old = token();
  database.query("UPDATE sessions SET seenTime = UTC_TIMESTAMP() - INTERVAL 1 HOUR");
  for (const char* number : {"1205", "1213", "1021", "1290", "1969", "1317", "1180", "1047"}) {
    database.query(std::string("CREATE TRIGGER failing BEFORE UPDATE ON sessions FOR EACH ROW "
                               "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ") +
                   number);
    BOOST_TEST(is_alive(old), number);
    database.query("DROP TRIGGER failing");
  }
  BOOST_TEST(database.query(
                 "SELECT seenTime < UTC_TIMESTAMP() - INTERVAL 30 MINUTE FROM sessions") == "1");
  BOOST_TEST(sum_of(read_metrics(other.metrics.render()), "users_transaction_replays_total") == 0);
}

BOOST_AUTO_TEST_CASE(a_reset_that_races_a_new_phone_sets_no_password) {
  const Session own = session();
  const std::string next = fresh_phone();
  const std::string by = sms_code(next, "phone");
  const std::string reset = sms_code(phone, "reset");
  const std::string former = phone;
  // The change is not committed yet when the reset looks up the account.
  HeldTransactions held(database, "INSERT ON audit");
  auto change = std::async(std::launch::async, [&] {
    return owner.accounts.change_phone(own, next, by, kPassword, fresh_client()).code;
  });
  BOOST_TEST(held.wait_for_one());
  auto racing = std::async(std::launch::async, [&] {
    return other.accounts.reset_password(former, reset, kNewPassword, fresh_client()).code;
  });
  BOOST_TEST(wait_until(30, [] { return row_lock_waits() == 1; }));
  held.let_go();
  BOOST_TEST((change.get() == ResultCode::ok));
  BOOST_TEST((racing.get() == ResultCode::wrong_code));
  BOOST_TEST((other.accounts.login(next, kPassword, fresh_client()).code == ResultCode::ok));
}

BOOST_AUTO_TEST_CASE(a_session_is_found_by_one_statement) {
  const std::string known = token();
  BOOST_TEST(is_alive(known));
  const auto statements = [&] {
    double count = 0;
    for (const auto& [sample, value] : read_metrics(other.metrics.render())) {
      if (sample.starts_with("users_statement_seconds_count")) count += value;
    }
    return count;
  };
  const double before = statements();
  BOOST_TEST(is_alive(known));
  BOOST_TEST(!is_alive(std::string(43, 'x')));
  BOOST_TEST(statements() == before + 2);
}

BOOST_AUTO_TEST_CASE(no_default_of_the_server_cuts_the_name_of_a_group) {
  const std::string known = token();
  database.query(
      "INSERT INTO group_members SELECT id, CONCAT(REPEAT('g', 30), LPAD(seq, 2, '0')) FROM users, "
      "seq_1_to_63");
  const std::string usual = database.query("SELECT @@GLOBAL.group_concat_max_len");
  database.query("SET GLOBAL group_concat_max_len = 40");
  Service later{database.config()};
  Administration operators(later.config, kKey, later.database, later.metrics, "test");
  operators.add_to_group(*Phone::parse(phone, later.config.phone_default_region),
                         std::string(32, 'h'));
  database.query("SET GLOBAL group_concat_max_len = " + usual);
  const auto found = later.accounts.find_session(known);
  BOOST_TEST_REQUIRE(found.has_value());
  BOOST_TEST(found->groups.size() == 64 * 33U - 1);
}

BOOST_AUTO_TEST_CASE(a_session_is_found_by_primary_keys_alone) {
  static_cast<void>(token());
  std::string sql = sql_of("find_session");
  const std::string hash = "X'" + database.query("SELECT HEX(tokenHash) FROM sessions") + "'";
  for (const std::string& value : {hash, std::string("604800")}) {
    sql.replace(sql.find('?'), 1, value);
  }
  const std::string plan = database.query("EXPLAIN FORMAT = JSON " + sql);
  const auto times = [&](std::string_view what) {
    int count = 0;
    for (auto at = plan.find(what); at != std::string::npos; at = plan.find(what, at + 1)) ++count;
    return count;
  };
  // Session and user.
  BOOST_TEST(times("\"table_name\"") == 2, plan);
  BOOST_TEST(times("\"access_type\": \"const\"") == 2, plan);
  BOOST_TEST(times("\"key\": \"PRIMARY\"") == 2, plan);
}

BOOST_AUTO_TEST_SUITE_END()
