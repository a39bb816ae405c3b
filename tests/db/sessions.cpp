// What ends sessions ends those, too, whose login is under way at that moment.
#include <functional>
#include <future>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "accounts/account_service.hpp"
#include "accounts/administration.hpp"
#include "db/database.hpp"
#include "db/statements.hpp"
#include "support/stack.hpp"

using namespace users;
using namespace users::test;
namespace data = boost::unit_test::data;

namespace {

const Secret kKey(std::string(32, 'k'));
const Secret kNoPassword;
constexpr Client kClient{"192.0.2.1", "0123456789abcdef"};
constexpr std::string_view kPassword = "correct horse 42";
constexpr std::string_view kNewPassword = "another horse 7";

struct Service {
  explicit Service(Config settings) : config(std::move(settings)) {}
  Config config;
  Metrics metrics;
  db::Database database{config, kNoPassword, metrics};
  AccountService accounts{config, kKey, database, metrics};
};

struct Fixture {
  ScratchDatabase database;
  Service owner{database.config()};
  Service other{database.config()};
  std::string phone = fresh_phone();

  Fixture() {
    const auto made = owner.accounts.regist({phone, kPassword, "123456"}, kClient);
    BOOST_TEST_REQUIRE((made.code == ResultCode::ok));
  }

  static std::string token_of(const LoginOutcome& login) {
    BOOST_TEST_REQUIRE((login.code == ResultCode::ok));
    return login.session->token;
  }

  std::string token() { return token_of(owner.accounts.login(phone, kPassword, kClient)); }

  Session session() { return *owner.accounts.find_session(token()); }

  bool is_alive(const std::string& token) { return other.accounts.find_session(token).has_value(); }

  /// The code that was sent to a phone.
  std::string code(const std::string& to, const std::string& purpose) {
    database.query("DELETE FROM throttle");
    owner.accounts.request_code(to, purpose, "", kClient);
    const Verification verification(owner.config, kKey, owner.metrics);
    const std::string hex =
        database.query("SELECT HEX(sealed) FROM outbox WHERE id = (SELECT MAX(id) FROM outbox)");
    std::string sealed;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      sealed.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return verification.open_message(sealed)->code;
  }
};

/// Holds every login in the midst of its transaction until it is let go.
class HeldLogins {
 public:
  explicit HeldLogins(ScratchDatabase& database) : database_(database) {
    database.query("CREATE TRIGGER hold BEFORE INSERT ON sessions FOR EACH ROW BEGIN DO GET_LOCK(" +
                   name() + ", 30); DO RELEASE_LOCK(" + name() + "); END");
    database.query("SELECT GET_LOCK(" + name() + ", 30)");
  }
  bool wait_for_one() {
    return wait_until(30, [this] {
      return database_.query(
                 "SELECT COUNT(*) FROM information_schema.processlist WHERE db = "
                 "DATABASE() AND state = 'User lock'") == "1";
    });
  }
  void let_go() { database_.query("SELECT RELEASE_LOCK(" + name() + ")"); }

 private:
  [[nodiscard]] std::string name() const { return "'" + database_.name() + "'"; }
  ScratchDatabase& database_;
};

/// Something that ends all sessions, and whether that of who does it goes on.
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
       return f.owner.accounts.change_password(own, kPassword, kNewPassword, kClient).code;
     }},
    {"another phone", true,
     [](Fixture& f, const Session& own) {
       const std::string next = fresh_phone();
       const std::string code = f.code(next, "phone");
       return f.owner.accounts.change_phone(own, next, code, kPassword, kClient).code;
     }},
    {"a reset", false,
     [](Fixture& f, const Session&) {
       const std::string code = f.code(f.phone, "reset");
       return f.owner.accounts.reset_password(f.phone, code, kNewPassword, kClient).code;
     }},
    {"a logout everywhere", false,
     [](Fixture& f, const Session& own) {
       f.owner.accounts.logout(own, true, kClient);
       return ResultCode::ok;
     }},
    {"a disabled account", false,
     [](Fixture& f, const Session&) {
       Administration operators(f.owner.config, kKey, f.owner.database, f.owner.metrics, "test");
       const Phone phone = *Phone::parse(f.phone, f.owner.config.phone_default_region);
       return operators.disable(phone).verdict == Verdict::done ? ResultCode::ok
                                                                : ResultCode::internal_error;
     }},
};

struct Race : Fixture {
  /// `end` comes while `login` is in the midst of its transaction: what that opens is over.
  void check_ended(const End& end, const std::function<LoginOutcome()>& login) {
    const std::string own = token();
    const Session session = *owner.accounts.find_session(own);
    HeldLogins held(database);
    auto under_way = std::async(std::launch::async, login);
    BOOST_TEST(held.wait_for_one());
    BOOST_TEST((end.run(*this, session) == ResultCode::ok));
    held.let_go();
    BOOST_TEST(!is_alive(token_of(under_way.get())));
    BOOST_TEST(is_alive(own) == end.keeps_own);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sessions, Race)

BOOST_DATA_TEST_CASE(it_ends_a_login_by_password_under_way, data::make(kEnds), end) {
  check_ended(end, [&] { return other.accounts.login(phone, kPassword, kClient); });
}

BOOST_DATA_TEST_CASE(it_ends_a_login_by_code_under_way, data::make(kEnds), end) {
  const std::string by = code(phone, "login");
  check_ended(end, [&] { return other.accounts.login_by_code(phone, by, kClient); });
}

BOOST_AUTO_TEST_CASE(a_deleted_account_leaves_no_login_behind) {
  const Session own = session();
  HeldLogins held(database);
  auto login = std::async(std::launch::async,
                          [&] { return other.accounts.login(phone, kPassword, kClient); });
  BOOST_TEST(held.wait_for_one());
  BOOST_TEST((owner.accounts.delete_account(own, kPassword, kClient).code == ResultCode::ok));
  held.let_go();
  BOOST_TEST(!is_alive(token_of(login.get())));
}

BOOST_AUTO_TEST_CASE(a_session_that_was_ended_meanwhile_changes_nothing) {
  const Session ended = session();
  const std::string next = fresh_phone();
  const std::string by = code(next, "phone");
  owner.accounts.logout(session(), true, kClient);
  const std::string row = "SELECT CONCAT_WS(' ', phone, password, epoch) FROM users";
  const std::string before = database.query(row);
  BOOST_TEST((owner.accounts.change_password(ended, kPassword, kNewPassword, kClient).code ==
              ResultCode::not_logged_in));
  BOOST_TEST((owner.accounts.change_phone(ended, next, by, kPassword, kClient).code ==
              ResultCode::not_logged_in));
  BOOST_TEST(database.query(row) == before);
  // Nor was the code used up.
  const Session alive = session();
  BOOST_TEST(
      (owner.accounts.change_phone(alive, next, by, kPassword, kClient).code == ResultCode::ok));
}

BOOST_AUTO_TEST_CASE(a_session_is_found_by_two_reads_of_a_primary_key) {
  static_cast<void>(token());
  std::string sql(db::text_of(db::StatementId::find_session).sql);
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
  BOOST_TEST(times("\"table_name\"") == 2, plan);
  BOOST_TEST(times("\"access_type\": \"const\"") == 2, plan);
  BOOST_TEST(times("\"key\": \"PRIMARY\"") == 2, plan);
}

BOOST_AUTO_TEST_SUITE_END()
