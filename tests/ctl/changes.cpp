// The operator's changes take effect at once and appear in the audit under the operator's name.
#include <boost/test/unit_test.hpp>

#include "accounts/throttle.hpp"
#include "ctl/operator.hpp"
#include "support/cutting_proxy.hpp"

using namespace users::test;

namespace {

struct Fixture : Account {
  /// `event by operator` of the account's newest audit row.
  [[nodiscard]] std::string last_event() const {
    return query(
        "SELECT CONCAT(event, ' by ', COALESCE(operator_name, 'the user')) FROM audit WHERE "
        "user_id = " +
        id + " ORDER BY id DESC LIMIT 1");
  }
  [[nodiscard]] std::string events() const {
    return query("SELECT COUNT(*) FROM audit WHERE user_id = " + id);
  }
  [[nodiscard]] std::string who() const { return "user " + id + ", phone " + person.e164(); }
};

/// Checks that the output is one line that begins with the account.
void check_done(const CtlResult& result, const Fixture& fixture, const std::string& event) {
  BOOST_TEST(result.status == 0);
  BOOST_TEST(result.errors == "");
  BOOST_TEST(result.output.starts_with(fixture.who() + ": "));
  BOOST_TEST(result.output.find('\n') + 1 == result.output.size());
  BOOST_TEST(fixture.last_event() == event + " by " + operator_on_duty());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(changes, Fixture)

BOOST_AUTO_TEST_CASE(disable_ends_sessions_and_login_and_enable_brings_login_back) {
  const std::string token = person.token();
  BOOST_TEST_REQUIRE(is_alive(token));
  check_done(ctl({"user", "disable", person.phone(), "--yes"}), *this, "disabled");
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(person.login().code() == 1011);

  // Again: nothing changes, and nothing is added to the audit.
  const std::string before = events();
  const CtlResult again = ctl({"user", "disable", person.phone(), "--yes"});
  BOOST_TEST(again.status == 0);
  BOOST_TEST(again.output == who() + ": nothing to change, it was so already\n");
  BOOST_TEST(events() == before);

  check_done(ctl({"user", "enable", person.phone()}), *this, "enabled");
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(is_alive(person.token()));
  BOOST_TEST(ctl({"user", "enable", person.phone()}).output ==
             who() + ": nothing to change, it was so already\n");
}

BOOST_AUTO_TEST_CASE(enable_revives_no_session_that_a_login_under_way_left_behind) {
  const std::string token = person.token();
  query("UPDATE users SET disableTime = UTC_TIMESTAMP() WHERE id = " + id);
  BOOST_TEST(!is_alive(token));
  check_done(ctl({"user", "enable", person.phone()}), *this, "enabled");
  BOOST_TEST(!is_alive(token));
}

BOOST_AUTO_TEST_CASE(lock_refuses_passwords_for_15_minutes_and_keeps_sessions) {
  const std::string token = person.token();
  check_done(ctl({"user", "lock", person.phone()}), *this, "locked");
  BOOST_TEST(is_alive(token));
  const HttpReply refused = person.login();
  BOOST_TEST(refused.code() == 1008);
  const int wait = refused.number("retry_after");
  BOOST_TEST(wait > 14 * 60);
  BOOST_TEST(wait <= 15 * 60);
  const auto shown = ctl({"user", "show", person.phone(), "--json"}).json();
  BOOST_TEST(shown.value("seconds_locked", 0) > 14 * 60);
  // The owner logs in by code.
  BOOST_TEST(login_by(person, person.code("login")).code() == 0);

  check_done(ctl({"user", "unlock", person.phone()}), *this, "unlocked");
  BOOST_TEST(is_alive(person.token()));
  BOOST_TEST(ctl({"user", "show", person.phone(), "--json"}).json().value("seconds_locked", -1) ==
             0);
}

BOOST_AUTO_TEST_CASE(unlock_forgets_what_the_limits_of_this_phone_and_account_counted) {
  const std::string other = "+8613999999998";
  const std::string other_id = "999999999";
  const auto use_up = [](const users::throttle::Limit& limit, const std::string& subject) {
    query("REPLACE INTO throttle VALUES ('" + std::string(limit.name) + ":" + subject +
          "', 1000, UTC_TIMESTAMP() + INTERVAL 1 MINUTE)");
  };
  const auto counted = [](const std::string& subject) {
    return query("SELECT COUNT(*) FROM throttle WHERE bucket LIKE '%:" + subject + "'");
  };
  for (const auto& limit : users::throttle::kOfPhone) {
    for (const std::string& phone : {person.e164(), other}) use_up(limit, phone);
  }
  for (const auto& limit : users::throttle::kOfAccount) {
    for (const std::string& account : {id, other_id}) use_up(limit, account);
  }
  BOOST_TEST(person.login().code() == 1008);
  BOOST_TEST(post("code", {{"phone", person.phone()}, {"purpose", "login"}}).code() == 1007);
  check_done(ctl({"user", "unlock", person.phone()}), *this, "unlocked");
  BOOST_TEST(counted(person.e164()) == "0");
  BOOST_TEST(counted(id) == "0");
  BOOST_TEST(counted(other) == std::to_string(users::throttle::kOfPhone.size()));
  BOOST_TEST(counted(other_id) == std::to_string(users::throttle::kOfAccount.size()));
  let_time_pass_for(other);
  query("DELETE FROM throttle WHERE bucket LIKE '%:" + other_id + "'");
  BOOST_TEST(person.login().code() == 0);
  BOOST_TEST(login_by(person, person.code("login")).code() == 0);
}

BOOST_AUTO_TEST_CASE(unlock_helps_a_phone_that_has_no_account_yet) {
  Person newcomer;
  const std::string code = newcomer.code("regist");
  query("REPLACE INTO throttle VALUES ('guess:" + newcomer.e164() +
        "', 1000, UTC_TIMESTAMP() + INTERVAL 1 DAY)");
  BOOST_TEST(login_by(newcomer, code).code() == 1007);
  const CtlResult unlocked = ctl({"user", "unlock", newcomer.phone()});
  BOOST_TEST(unlocked.status == 0);
  BOOST_TEST(unlocked.output.find("which has no account: unlocked") != std::string::npos);
  BOOST_TEST(login_by(newcomer, code).code() == 1005);
  BOOST_TEST(query("SELECT event FROM audit WHERE user_id = 0 ORDER BY id DESC LIMIT 1") ==
             "unlocked");
}

BOOST_AUTO_TEST_CASE(passwd_takes_the_password_from_input_and_ends_sessions) {
  const std::string token = person.token();
  const std::string fresh = "der Löwe schläft 7";
  for (int i = 0; i < 10; ++i) {
    post("login", {{"phone", person.phone()}, {"password", "a wrong one"}});
  }
  BOOST_TEST(person.login().code() == 1008);
  const CtlResult result = ctl({"user", "passwd", person.phone(), "--yes"}, fresh + "\nmore\n");
  check_done(result, *this, "password changed");
  BOOST_TEST((result.output + result.errors).find(fresh) == std::string::npos);
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(person.login().code() == 1004);
  person.remember_password(fresh);
  BOOST_TEST(is_alive(person.token()));
}

BOOST_AUTO_TEST_CASE(set_hash_takes_the_hash_of_another_system_and_ends_sessions) {
  const std::string token = person.token();
  // crypt(3) of "brought along 7".
  const std::string hash =
      run_script("perl -e 'print crypt(q(brought along 7), q($6$0123456789abcdef$))'");
  const CtlResult result = ctl({"user", "set-hash", person.phone(), "--yes"}, hash + "\n");
  check_done(result, *this, "hash set");
  BOOST_TEST((result.output + result.errors).find(hash) == std::string::npos);
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(person.login().code() == 1004);
  person.remember_password("brought along 7");
  BOOST_TEST(is_alive(person.token()));
}

/// Input that set-hash or passwd must refuse with `reason` and without a change.
struct Refused {
  const char* command;
  std::string input;
  int status;
  std::string reason;
};

BOOST_AUTO_TEST_CASE(what_is_no_hash_or_no_password_is_refused_and_changes_nothing) {
  const std::string argon2 = "$MDEyMzQ1Njc4OWFiY2RlZg$fcxg8bazWR3zjJWElsCwxxNkptqmdaZ6HjseXL0devE";
  const std::string no_hash = "no hash that can be verified";
  const std::string large = "more than 128 MiB";
  const std::string slow = "longer than two seconds";
  const std::string length = "8 to 128 characters";
  const std::vector<Refused> rows{
      {"set-hash", "correct horse 42", 1, no_hash},
      {"set-hash", "$1$abcdefgh$irWbblnpmw.5z7wgBnprh0", 1, no_hash},
      {"set-hash", "*", 1, no_hash},
      {"set-hash", "5f4dcc3b5aa765d61d8327deb882cf99", 1, no_hash},
      {"set-hash", "$argon2id$v=19$m=1$", 1, no_hash},
      // Would keep a worker busy too long.
      {"set-hash", "$argon2id$v=19$m=1048576,t=100,p=1" + argon2, 1, large},
      {"set-hash", "$y$jFT$saltsalt$" + std::string(43, '.'), 1, large},
      {"set-hash", "$argon2id$v=19$m=65536,t=49,p=1" + argon2, 1, slow},
      {"set-hash", "$2b$17$" + std::string(53, 'e'), 1, slow},
      {"set-hash", "$6$rounds=1000000$salt$" + std::string(86, '.'), 1, slow},
      {"set-hash", "$argon2id$v=19$m=65536,t=1,p=65" + argon2, 1, "more than 64 lanes"},
      {"passwd", "seven c", 1, length},
      {"passwd", std::string(129, 'x'), 1, length},
      {"passwd", "ab\xFF\xFE cdefgh", 1, "UTF-8"},
      {"passwd", "password", 1, "too easily guessed"},
      {"passwd", person.phone(), 1, "too easily guessed"},
      {"passwd", "", 64, "nothing came on standard input"}};
  const std::string token = person.token();
  const std::string before = events();
  for (const Refused& row : rows) {
    BOOST_TEST_CONTEXT(row.command << " " << row.input) {
      const CtlResult result =
          ctl({"user", row.command, person.phone(), "--yes"}, row.input + "\n");
      BOOST_TEST(result.status == row.status);
      BOOST_TEST(result.output == "");
      BOOST_TEST(result.errors.find(row.reason) != std::string::npos, result.errors);
      if (row.command == std::string("passwd")) continue;
      // A secret typed by mistake is not shown.
      BOOST_TEST(result.errors.find(row.input) == std::string::npos);
      if (row.reason == no_hash) continue;
      BOOST_TEST(result.errors.find("nothing was changed") != std::string::npos);
      BOOST_TEST(result.errors.find("users-ctl user passwd") != std::string::npos);
    }
  }
  const CtlResult nothing = ctl({"user", "passwd", person.phone(), "--yes"}, "");
  BOOST_TEST(nothing.status == 64);
  BOOST_TEST(nothing.errors.find("nothing came on standard input") != std::string::npos);
  BOOST_TEST(is_alive(token));
  BOOST_TEST(events() == before);
  BOOST_TEST(person.login().code() == 0);
}

BOOST_AUTO_TEST_CASE(rename_phone_moves_the_account_and_voids_codes_and_sessions) {
  const std::string token = person.token();
  const std::string code = person.code("login");
  const Person renamed(fresh_phone());
  check_done(ctl({"user", "rename-phone", person.phone(), renamed.phone(), "--yes"}), *this,
             "phone changed");
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(login_by(person, code).code() == 1005);
  BOOST_TEST(person.login().code() == 1004);
  BOOST_TEST(is_alive(renamed.token()));
  BOOST_TEST(id_of(renamed) == id);
  // The same number in another spelling: nothing to do.
  const CtlResult same = ctl({"user", "rename-phone", renamed.phone(), renamed.e164(), "--yes"});
  BOOST_TEST(same.status == 0);
  BOOST_TEST(same.output.ends_with("nothing to change, it was so already\n"));
}

BOOST_AUTO_TEST_CASE(rename_phone_to_one_that_is_taken_is_refused) {
  Person other;
  other.regist();
  const std::string token = person.token();
  const std::string before = events();
  const CtlResult result = ctl({"user", "rename-phone", person.phone(), other.phone(), "--yes"});
  BOOST_TEST(result.status == 1);
  BOOST_TEST(result.output == "");
  BOOST_TEST(result.errors.find("another account has the new phone") != std::string::npos);
  BOOST_TEST(is_alive(token));
  BOOST_TEST(events() == before);
}

BOOST_AUTO_TEST_CASE(what_an_operator_changes_voids_the_codes_that_were_asked_for_before) {
  struct Row {
    std::vector<std::vector<std::string>> commands;
    std::string input{};
  };
  const std::string phone = person.phone();
  for (const Row& row : {Row{{{"user", "passwd", phone, "--yes"}}, "another horse 7\n"},
                         Row{{{"user", "end-sessions", phone, "--yes"}}},
                         Row{{{"user", "disable", phone, "--yes"}, {"user", "enable", phone}}},
                         Row{{{"user", "lock", phone}}}}) {
    BOOST_TEST_CONTEXT(row.commands[0][1]) {
      const std::string login = person.code("login");
      let_time_pass_for(person.e164());
      const std::string reset = person.code("reset");
      for (const auto& command : row.commands) BOOST_TEST(ctl(command, row.input).status == 0);
      BOOST_TEST(login_by(person, login).code() == 1005);
      BOOST_TEST(reset_by(person, reset).code() == 1005);
      let_time_pass_for(person.e164());
    }
  }
  const CtlResult otp = ctl({"otp", phone, "--json"});
  BOOST_TEST(otp.output.find("\"void\"") != std::string::npos, otp.output);
}

BOOST_AUTO_TEST_CASE(end_sessions_ends_every_session_of_that_account_only) {
  Person other;
  other.regist();
  const std::string theirs = other.token();
  const std::string one = person.token();
  const std::string two = person.token();
  check_done(ctl({"user", "end-sessions", person.phone(), "--yes"}), *this, "sessions ended");
  BOOST_TEST(!is_alive(one));
  BOOST_TEST(!is_alive(two));
  BOOST_TEST(is_alive(theirs));
  BOOST_TEST(person.login().code() == 0);
}

BOOST_AUTO_TEST_CASE(delete_leaves_nothing_but_the_audit) {
  const std::string token = person.token();
  const std::string code = person.code("login");
  check_done(ctl({"user", "delete", person.phone(), "--yes"}), *this, "deleted");
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(person.login().code() == 1004);
  BOOST_TEST(login_by(person, code).code() == 1005);
  for (const std::string& rows : {"users WHERE id = " + id, "sessions WHERE user_id = " + id,
                                  "verification_codes WHERE phone = '" + person.e164() + "'"}) {
    BOOST_TEST(query("SELECT COUNT(*) FROM " + rows) == "0");
  }
  const auto history = ctl({"audit", "#" + id, "--json"}).json();
  BOOST_TEST_REQUIRE(history.is_array());
  BOOST_TEST_REQUIRE(history.size() >= 3U);
  BOOST_TEST(history[0].value("event", "") == "deleted");
  BOOST_TEST(history[0].value("operator", "") == operator_on_duty());
  BOOST_TEST(history.back().value("event", "") == "regist");
  BOOST_TEST(history.back()["operator"].is_null());
  const CtlResult by_phone = ctl({"audit", person.phone()});
  BOOST_TEST(by_phone.status == 1);
  BOOST_TEST(by_phone.errors.find("'#ID'") != std::string::npos);
  // The phone is free again.
  let_time_pass_for(person.e164());
  person.regist();
  BOOST_TEST(is_alive(person.token()));
}

// The reply to COMMIT is lost: the output must report the change, not a missing account.
BOOST_AUTO_TEST_CASE(a_change_whose_commit_is_not_answered_is_settled_by_asking) {
  const auto cut = [](const std::vector<std::string>& arguments) {
    // The statement with the byte of COM_QUERY, because the setup names READ-COMMITTED.
    const CuttingProxy proxy(run_folder() + "/mariadb.sock", "\003COMMIT");
    CtlResult result = ctl(arguments, "", {"USERS_FCGI_DATABASE_HOSTS=" + proxy.socket()});
    BOOST_TEST(proxy.has_cut());
    return result;
  };
  const std::string before = events();
  check_done(cut({"user", "disable", person.phone(), "--yes"}), *this, "disabled");
  check_done(cut({"user", "enable", person.phone()}), *this, "enabled");
  const Person renamed(fresh_phone());
  check_done(cut({"user", "rename-phone", person.phone(), renamed.phone(), "--yes"}), *this,
             "phone changed");
  person = renamed;
  check_done(cut({"user", "delete", renamed.phone(), "--yes"}), *this, "deleted");
  BOOST_TEST(std::stoi(events()) == std::stoi(before) + 4);
}

BOOST_AUTO_TEST_CASE(a_change_waits_for_who_holds_the_row) {
  const int before = row_lock_waits();
  const auto holder = administrator("users");
  holder->run_script("START TRANSACTION", "lock");
  holder->run_script("SELECT id FROM users WHERE id = " + id + " FOR UPDATE", "lock");
  Terminal terminal({"user", "lock", person.phone()});
  BOOST_TEST(wait_until(30, [&] { return row_lock_waits() != before; }));
  holder->run_script("COMMIT", "unlock");
  BOOST_TEST(terminal.finish() == 0, terminal.shown());
  BOOST_TEST(person.login().code() == 1008);
}

BOOST_AUTO_TEST_SUITE_END()
