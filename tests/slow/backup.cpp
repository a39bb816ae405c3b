// Backup and restore with the commands of conf/README.md: what they must bring back, and what they
// must not.
#include <atomic>
#include <memory>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "service/account_service.hpp"
#include "service/administration.hpp"
#include "sms/courier.hpp"
#include "support/database_server.hpp"
#include "support/stack.hpp"
#include "support/worker_process.hpp"

using namespace users;
using namespace users::test;

namespace {

// Lines of conf/README.md.
constexpr const char* kBackup =
    "umask 077; mariadb-dump --single-transaction --hex-blob --ignore-table-data=users.sessions "
    "--ignore-table-data=users.verification_codes --ignore-table-data=users.outbox "
    "--ignore-table-data=users.throttle --ignore-table-data=users.passkey_challenges users "
    ">users.sql";
constexpr const char* kFullBackup =
    "umask 077; mariadb-dump --single-transaction --hex-blob users >users.sql";
constexpr const char* kDrop = "mariadb -e 'DROP DATABASE IF EXISTS users'";
constexpr const char* kCreate = "mariadb -e 'CREATE DATABASE users COLLATE utf8mb4_bin'";
constexpr const char* kRestore = "mariadb users <users.sql";

const Secret kKey(std::string(32, 'k'));
const Secret kPassword(kDatabasePassword);
constexpr Client kClient{"192.0.2.1", "0123456789abcdef", "curl"};
constexpr const char* kAnna = "13900000001";
constexpr const char* kBert = "13900000002";
constexpr const char* kWord = "correct horse 42";

std::unique_ptr<DatabaseServer> server;

/// Runs a line as the operator, in the server's folder, with a client configured for the server.
std::string operate(const std::string& line) {
  return run_script("cd '" + server->folder() + "' && export HOME=\"$PWD\" && { " + line + "; }");
}

/// One server for the suite: creating its data takes seconds.
struct Suite {
  Suite() {
    server = std::make_unique<DatabaseServer>();
    operate(R"(printf '[client]\nsocket = %s\nuser = %s\n' ')" + server->socket() +
            "' \"$(id -un)\" >.my.cnf");
  }
  ~Suite() { server.reset(); }
  Suite(const Suite&) = delete;
  Suite& operator=(const Suite&) = delete;
};

Config make_config() {
  Config config = load_config("conf/development.conf", nullptr);
  config.verification = CodeCheck::issued;
  config.database_hosts = {server->socket()};
  config.database_user = "users_service";
  config.password_argon2_memory = 64;
  config.password_argon2_passes = 1;
  return config;
}

/// The service on the current database.
struct Service {
  Config config = make_config();
  Metrics metrics;
  db::Database database{config, kPassword, metrics};
  Verification verification{config, kKey, metrics};
  AccountService accounts{config, kKey, database, metrics};
  std::string sent;  ///< the last code that the courier sent
  Courier courier{config, kKey, database,
                  [this](std::uint64_t, const Message& message) {
                    sent = message.code;
                    return Delivery::sent;
                  },
                  metrics};

  /// Requests a code that is not sent.
  void request(const std::string& phone, const std::string& purpose) {
    server->run("DELETE FROM throttle WHERE bucket LIKE 'sms%' OR bucket LIKE 'send%'");
    const auto outcome = accounts.request_code(phone, purpose, phone + purpose, kClient);
    BOOST_TEST_REQUIRE((outcome.code == ResultCode::ok));
  }
  std::string code(const std::string& phone, const std::string& purpose) {
    request(phone, purpose);
    BOOST_TEST_REQUIRE(courier.deliver_one());
    return sent;
  }
  ResultCode regist(const std::string& phone, const std::string& code) {
    return accounts.regist({phone, kWord, code, "key " + phone}, kClient).code;
  }
  std::string login(const std::string& phone) {
    const auto outcome = accounts.login(phone, kWord, kClient);
    BOOST_TEST_REQUIRE((outcome.code == ResultCode::ok));
    return outcome.session->token;
  }
  bool knows(const std::string& token) { return accounts.find_session(token).has_value(); }
  void logout(const std::string& token) {
    accounts.logout(accounts.find_session(token).value(), false, kClient);
  }
};

std::string count(const std::string& table) {
  return server->query("SELECT COUNT(*) FROM " + table);
}

/// All columns of all rows that must come back.
std::string rows() {
  return operate(
      "mariadb -N --binary-as-hex users -e 'SELECT * FROM users ORDER BY id; SELECT * FROM audit "
      "ORDER BY id; SELECT * FROM schema_migrations ORDER BY version'");
}

void lose_and_restore() {
  operate(kDrop);
  operate(kCreate);
  operate(kRestore);
}

std::string migrate() {
  const auto password = server->folder() + "/migration_password";
  run_script("umask 077 && printf %s '" + std::string(kDatabasePassword) + "' >'" + password + "'");
  return run_script("USERS_FCGI_DATABASE_HOSTS='" + server->socket() +
                    "' USERS_FCGI_DATABASE_MIGRATION_PASSWORD_FILE='" + password +
                    "' USERS_FCGI_DATABASE_MIGRATIONS=sql/migrations \"$BIN\"/users-ctl --config "
                    "conf/development.conf migrate");
}

/// Anna and Bert are registered. Anna has two sessions, one of them ended; Bert has one.
struct Fixture {
  Service before;
  std::string used_code;
  std::string ended_early;
  std::string ended_late;
  std::string alive;

  Fixture() {
    server->run(
        "DELETE FROM users; DELETE FROM audit; DELETE FROM sessions; DELETE FROM throttle; DELETE "
        "FROM verification_codes; DELETE FROM outbox");
    used_code = before.code(kAnna, "regist");
    BOOST_TEST_REQUIRE((before.regist(kAnna, used_code) == ResultCode::ok));
    BOOST_TEST_REQUIRE((before.regist(kBert, before.code(kBert, "regist")) == ResultCode::ok));
    ended_early = before.login(kAnna);
    ended_late = before.login(kAnna);
    alive = before.login(kBert);
    before.logout(ended_early);
  }
};

/// users-ctl after-restore with the service's account, which may only write rows.
Command after_restore(const std::string& options = "") {
  const std::string folder = server->folder();
  run_script("umask 077 && cd '" + folder + "' && printf %s '" + std::string(kDatabasePassword) +
             "' >service_password && printf %064d 7 >key");
  return run_command(
      "USERS_FCGI_DATABASE_HOSTS='" + server->socket() + "' USERS_FCGI_DATABASE_PASSWORD_FILE='" +
      folder + "/service_password' USERS_FCGI_SECRETS_KEY_FILE='" + folder +
      "/key' \"$BIN\"/users-ctl --config conf/development.conf after-restore --yes " + options +
      " 2>&1");
}

Restored run_after_restore() {
  Service service;
  return Administration(service.config, kKey, service.database, service.metrics, "op")
      .after_restore();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backup, *boost::unit_test::fixture<Suite>())

BOOST_AUTO_TEST_CASE(the_manual_has_these_lines) {
  const std::string manual = run_script(R"(sed -z 's/ \\\n */ /g' conf/README.md)");
  for (const char* line : {kBackup, kDrop, kCreate, kRestore}) {
    BOOST_TEST(manual.find(line) != std::string::npos, line);
  }
}

BOOST_FIXTURE_TEST_CASE(users_come_back_to_the_row_and_nobody_is_logged_in, Fixture) {
  const std::string unused_code = before.code(kBert, "login");
  before.request(kAnna, "reset");
  const std::string rows_before = rows();
  operate(kBackup);
  before.logout(ended_late);
  lose_and_restore();
  BOOST_TEST(migrate() == "the schema is up to date\n");

  BOOST_TEST(rows() == rows_before);
  for (const char* table : {"sessions", "verification_codes", "outbox", "throttle"}) {
    BOOST_TEST(count(table) == "0");
  }
  Service after;
  for (const auto& token : {ended_early, ended_late, alive}) BOOST_TEST(!after.knows(token));
  BOOST_TEST(
      (after.accounts.login_by_code(kBert, unused_code, kClient).code == ResultCode::wrong_code));
  BOOST_TEST((after.regist("13900000003", used_code) == ResultCode::wrong_code));
  BOOST_TEST(!after.courier.deliver_one());
}

BOOST_FIXTURE_TEST_CASE(the_service_goes_on_after_a_restore, Fixture) {
  operate(kBackup);
  const std::string last = server->query("SELECT MAX(id) FROM users");
  lose_and_restore();
  Service after;
  BOOST_TEST(after.knows(after.login(kAnna)));
  // A retry of a registration that was answered before the backup is still recognized.
  BOOST_TEST((after.regist(kBert, "000000") == ResultCode::ok));
  BOOST_TEST((after.regist("13900000003", after.code("13900000003", "regist")) == ResultCode::ok));
  BOOST_TEST(server->query("SELECT MAX(id) > " + last + " FROM users") == "1");
}

BOOST_FIXTURE_TEST_CASE(a_backup_of_a_service_at_work_holds_whole_registrations, Fixture) {
  std::atomic<bool> stop{false};
  std::atomic<int> made{0};
  std::atomic<int> failed{0};
  {
    const std::jthread registering([&] {
      Service service;
      service.config.verification = CodeCheck::format;
      for (int i = 0; !stop; ++i) {
        const bool ok = service.regist(std::to_string(13910000000 + i), "123456") == ResultCode::ok;
        ++(ok ? made : failed);
      }
    });
    const bool running = wait_until(30, [&] { return made > 5; });
    operate(kBackup);
    stop = true;
    BOOST_TEST(running);
  }
  BOOST_TEST(failed == 0);
  lose_and_restore();
  BOOST_TEST(server->query("SELECT COUNT(*) > 7 FROM users") == "1");
  BOOST_TEST(server->query("SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM audit "
                           "WHERE event = 'regist')") == "0");
  BOOST_TEST(server->query("SELECT COUNT(*) FROM audit WHERE event = 'regist' AND user_id NOT IN "
                           "(SELECT id FROM users)") == "0");
}

BOOST_FIXTURE_TEST_CASE(after_a_full_restore_nothing_old_is_alive_again, Fixture) {
  const std::string code = before.code(kBert, "login");
  before.request(kAnna, "reset");
  operate(kFullBackup);
  const std::string rows_before = rows();
  const std::string throttle_before = count("throttle");
  before.logout(ended_late);
  BOOST_TEST((before.accounts.login_by_code(kBert, code, kClient).code == ResultCode::ok));
  BOOST_TEST(before.courier.deliver_one());
  lose_and_restore();
  {
    // Without after-restore all of it is valid again.
    Service revived;
    BOOST_TEST(!revived.knows(ended_early));
    BOOST_TEST(revived.knows(ended_late));
    BOOST_TEST(count("outbox WHERE state = 'pending'") == "1");
    BOOST_TEST(count("verification_codes WHERE purpose = 'login' AND consumeTime IS NULL") == "1");
  }
  BOOST_TEST(migrate() == "the schema is up to date\n");
  const Restored ended = run_after_restore();
  BOOST_TEST(ended.sessions == 2U);
  BOOST_TEST(ended.codes == 4U);
  BOOST_TEST(ended.messages == 1U);
  const Restored again = run_after_restore();
  BOOST_TEST(again.sessions + again.codes + again.messages == 0U);

  Service after;
  for (const auto& token : {ended_early, ended_late, alive}) BOOST_TEST(!after.knows(token));
  BOOST_TEST((after.accounts.login_by_code(kBert, code, kClient).code == ResultCode::wrong_code));
  BOOST_TEST(!after.courier.deliver_one());
  BOOST_TEST(count("outbox WHERE sealed IS NOT NULL") == "0");
  BOOST_TEST(count("throttle") == throttle_before);
  BOOST_TEST(count("audit WHERE event = 'after restore' AND operator_name = 'op'") == "2");
  server->run("DELETE FROM audit WHERE event = 'after restore'");
  BOOST_TEST(rows() == rows_before);
  BOOST_TEST(after.knows(after.login(kAnna)));
}

BOOST_FIXTURE_TEST_CASE(after_restore_that_fails_half_way_changes_nothing, Fixture) {
  server->run("CREATE TRIGGER fail BEFORE UPDATE ON outbox FOR EACH ROW SIGNAL SQLSTATE '45000'");
  before.request(kAnna, "reset");
  BOOST_CHECK_THROW(run_after_restore(), db::DatabaseError);
  BOOST_TEST(before.knows(alive));
  BOOST_TEST(count("verification_codes") == "3");
  server->run("DROP TRIGGER fail");
  BOOST_TEST(run_after_restore().codes == 3U);
}

BOOST_FIXTURE_TEST_CASE(a_number_that_was_given_out_since_the_backup_is_nobody_elses, Fixture) {
  const auto number_of = [](const std::string& phone) {
    return std::stoull(server->query("SELECT id FROM users WHERE phone = '+86" + phone + "'"));
  };
  const auto join = [](const std::string& phone) {
    Service service;
    BOOST_TEST_REQUIRE((service.regist(phone, service.code(phone, "regist")) == ResultCode::ok));
  };
  for (const char* backup : {kBackup, kFullBackup}) {
    operate(backup);
    BOOST_TEST(operate("stat -c %a users.sql") == "600\n");
    join("13900000003");
    const auto lost = number_of("13900000003");
    lose_and_restore();
    BOOST_TEST(migrate() == "the schema is up to date\n");
    const Command command = after_restore();
    BOOST_TEST(command.status == 0, command.output);
    // The number must survive a restart of the server.
    server->restart(false);
    join("13900000004");
    const auto next = number_of("13900000004");
    BOOST_TEST(next >= lost + Administration::kIdsAhead - 1);
    BOOST_TEST(command.output.find("the next account gets number " + std::to_string(next)) !=
               std::string::npos);
    BOOST_TEST(count("users") == "3");
    server->run("DELETE FROM users WHERE phone = '+8613900000004'");
  }
}

BOOST_FIXTURE_TEST_CASE(the_operator_may_say_where_numbers_go_on, Fixture) {
  const auto next = [] {
    return server->query(
        "SELECT AUTO_INCREMENT FROM information_schema.tables WHERE table_schema = "
        "'users' AND table_name = 'users'");
  };
  const std::string last = server->query("SELECT MAX(id) FROM users");
  const std::string sessions = count("sessions");
  const std::string follows = std::to_string(std::stoull(last) + 1);
  for (const std::string& number : {std::string("0"), std::string("-1"), std::string("x"),
                                    std::string("18446744073709551615")}) {
    BOOST_TEST(after_restore("--next-id=" + number).status == 64, number);
  }
  const Command taken = after_restore("--next-id " + last);
  BOOST_TEST(taken.status == 1, taken.output);
  BOOST_TEST(taken.output.find("accounts up to number " + last + " have been") !=
             std::string::npos);
  BOOST_TEST(count("sessions") == sessions);
  BOOST_TEST(after_restore("--next-id " + follows).status == 0);
  BOOST_TEST(after_restore("--next-id 7000000000").status == 0);
  BOOST_TEST(next() == "7000000000");
  // Repeating it does no harm, and the output shows the actual number.
  const Command less = after_restore("--next-id 6000000000");
  BOOST_TEST(less.status == 0);
  BOOST_TEST(less.output.find("the next account gets number 7000000000\n") != std::string::npos);
  BOOST_TEST(next() == "7000000000");
  BOOST_TEST(count("users") == "2");
}

BOOST_AUTO_TEST_SUITE_END()
