// Registration with a real database: exactly once, despite lost connections, deadlocks and lock
// waits.
#include <boost/test/unit_test.hpp>

#include "accounts/user.hpp"
#include "db/failing_inserts.hpp"
#include "service/account_service.hpp"
#include "sms/courier.hpp"
#include "support/cutting_proxy.hpp"
#include "support/metrics_text.hpp"
#include "support/service.hpp"
#include "support/temporary_directory.hpp"

using namespace users;
using namespace users::test;

namespace {

/// With the byte of COM_QUERY, because the session's setup contains the word, too.
constexpr const char* kCommit =
    "\x03"
    "COMMIT";

struct Registrar : Service {
  using Service::Service;
  ResultCode regist(std::string_view retry_key, std::string_view password = "correct horse 42",
                    std::string_view phone = "13900000001") {
    return accounts.regist({phone, password, "123456", retry_key}, kClient).code;
  }
  [[nodiscard]] double value(const std::string& sample) const {
    return value_of(read_metrics(metrics.render()), sample);
  }
  [[nodiscard]] double replays() const {
    return sum_of(read_metrics(metrics.render()), "users_transaction_replays_total");
  }
  [[nodiscard]] double count(const std::string& statement) const {
    return value("users_statement_seconds_count{statement=\"" + statement + "\"}");
  }
  [[nodiscard]] double errors(const std::string& statement, const std::string& error) const {
    return value("users_statement_errors_total{statement=\"" + statement + "\",error=\"" + error +
                 "\"}");
  }
};

struct Fixture {
  ScratchDatabase database;
  std::string rows() { return database.query("SELECT COUNT(*) FROM users"); }
  std::string audit_rows() { return database.query("SELECT COUNT(*) FROM audit"); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(registration, Fixture)

BOOST_AUTO_TEST_CASE(without_a_key_the_request_id_tells_a_retry_and_is_no_clients_key) {
  Registrar service(database.config());
  BOOST_TEST((service.regist("") == ResultCode::ok));
  BOOST_TEST((service.regist("") == ResultCode::ok));
  BOOST_TEST((service.regist(kClient.request_id) == ResultCode::already_registered));
  const auto without_either =
      service.accounts.regist({"13900000001", "correct horse 42", "123456"}, {"192.0.2.1", ""});
  BOOST_TEST((without_either.code == ResultCode::already_registered));
  BOOST_TEST(rows() == "1");
}

BOOST_AUTO_TEST_CASE(who_knows_the_key_tries_no_more_passwords_than_at_the_login) {
  Registrar service(database.config());
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  for (int i = 0; i < 10; ++i) {
    BOOST_TEST((service.regist("key", "another password 7") == ResultCode::already_registered));
  }
  BOOST_TEST((service.regist("key") == ResultCode::too_many_requests));
  BOOST_TEST((service.accounts.login("13900000001", "correct horse 42", kClient).code ==
              ResultCode::locked));
  // Another key proves nothing and is not counted.
  BOOST_TEST((service.regist("other") == ResultCode::already_registered));
}

BOOST_AUTO_TEST_CASE(a_retry_does_not_wait_for_what_strangers_tried_before_the_account) {
  Registrar service(database.config());
  for (int i = 0; i < 11; ++i) service.accounts.login("13900000001", "wrong horse 42", kClient);
  BOOST_TEST((service.accounts.login("13900000001", "wrong horse 42", kClient).code ==
              ResultCode::locked));
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST(
      (service.accounts.login("13900000001", "correct horse 42", kClient).code == ResultCode::ok));
}

BOOST_AUTO_TEST_CASE(the_key_is_not_kept_in_clear) {
  Registrar service(database.config());
  service.regist("a key of the client, 32 bytes long");
  BOOST_TEST(database.query("SELECT COUNT(*) FROM users WHERE regist_key LIKE '%key%'") == "0");
  BOOST_TEST(database.query("SELECT LENGTH(regist_key) FROM users") == "32");
}

BOOST_AUTO_TEST_CASE(accounts_with_a_hash_of_another_kind_or_cost_are_counted) {
  Registrar service(database.config());
  const auto counted = [&] {
    return count_imported_hashes(service.database.connection(), service.config).value();
  };
  BOOST_TEST((service.regist("") == ResultCode::ok));
  BOOST_TEST(counted() == 0U);
  for (const char* hash : {"$2y$12$abcdefghijklmnopqrstuv", "$6$salt$hash", "",
                           "$argon2id$v=19$m=1024,t=1,p=1$c2FsdA$aGFzaA",
                           "$argon2i$v=19$m=1024,t=1,p=1$c2FsdA$aGFzaA"}) {
    database.query("INSERT INTO users (phone, password, createTime) VALUES ('+86" + fresh_phone() +
                   "', '" + hash + "', UTC_TIMESTAMP())");
  }
  BOOST_TEST(counted() == 5U);
}

BOOST_AUTO_TEST_CASE(deadlocks_are_replayed_as_whole_transactions) {
  // A lock wait is replayed like a deadlock.
  for (const auto& [number, times] : {std::pair{1213U, 3}, {1205U, 2}}) {
    database.query("DELETE FROM users; DELETE FROM audit");
    const FailingInserts failing(database, "users", number, times);
    Registrar service(database.config());
    BOOST_TEST((service.regist("key") == ResultCode::ok));
    BOOST_TEST(rows() == "1");
    BOOST_TEST(audit_rows() == "1");
    BOOST_TEST(failing.left() == -1);
  }
}

BOOST_AUTO_TEST_CASE(replays_are_counted_by_the_number_of_the_error) {
  const FailingInserts failing(database, "users", 1213, 2);
  Registrar service(database.config());
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST(service.value("users_transaction_replays_total{number=\"1213\"}") == 2);
}

BOOST_AUTO_TEST_CASE(replays_are_bounded, *boost::unit_test::label("deep")) {
  const FailingInserts failing(database, "users", 1213);
  Config config = database.config();
  config.database_read_timeout = 1;
  Registrar service(config);
  BOOST_CHECK_THROW(service.regist("key"), db::Deadlock);
  BOOST_TEST(rows() == "0");
  // A row that everybody shares is fought for by many.
  BOOST_TEST(1000 - failing.left() > 5);
}

BOOST_AUTO_TEST_CASE(an_error_without_a_reaction_leaves_nothing_open) {
  const FailingInserts failing(database, "users", 1644, 1);
  Registrar service(database.config());
  BOOST_CHECK_THROW(service.regist("key"), db::DatabaseError);
  BOOST_TEST(database.open_transactions() == "0");
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST(rows() == "1");
}

BOOST_AUTO_TEST_CASE(a_connection_lost_is_replayed_or_settled_by_asking_what_became_of_the_commit) {
  for (const std::string trigger : {"START TRANSACTION", "+8613900000001", "$argon2id$", kCommit}) {
    database.query("DELETE FROM users; DELETE FROM audit");
    Config config = database.config();
    const CuttingProxy proxy(config.database_hosts[0], trigger);
    config.database_hosts = {proxy.socket()};
    Registrar service(std::move(config));
    BOOST_TEST((service.regist("key") == ResultCode::ok));
    BOOST_TEST(proxy.has_cut());
    BOOST_TEST(rows() == "1");
    BOOST_TEST(audit_rows() == "1");
    BOOST_TEST(service.value("users_registrations_total") == 1);
    BOOST_TEST(service.errors("commit", "connection_lost") == (trigger == kCommit ? 1 : 0));
    BOOST_TEST(service.replays() == 1);
    BOOST_TEST(service.value("users_database_connects_total{result=\"ok\"}") == 2);
  }
}

BOOST_AUTO_TEST_CASE(a_commit_that_the_server_carries_out_late_is_still_the_result) {
  const TemporaryDirectory folder;
  // Hides the audit row, or shows it again, as if the COMMIT came after the look for it.
  const auto turn = [&] { database.query("UPDATE audit SET operation = REVERSE(operation)"); };
  for (const bool is_refused : {true, false}) {
    database.query("DELETE FROM audit");
    Config config = database.config();
    const std::string socket = (folder.path() / (is_refused ? "a" : "b")).string();
    const CuttingProxy proxy(config.database_hosts[0],
                             CuttingProxy::Cut{kCommit, Moment::after, turn}, {}, socket);
    config.database_hosts = {proxy.socket()};
    Registrar service(std::move(config));
    int runs = 0;
    const auto work = [&](db::Transaction& transaction) {
      if (++runs == 2) {
        turn();
        if (is_refused) return transaction.refuse(0);
      }
      record(transaction, 1, "test", kClient);
      return runs;
    };
    BOOST_TEST(service.database.once(db::new_operation(), work) == 1);
    BOOST_TEST(runs == 2);
    BOOST_TEST(audit_rows() == "1");
  }
}

BOOST_AUTO_TEST_CASE(a_registration_is_counted_statement_by_statement) {
  Registrar service(database.config());
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  for (const char* name :
       {"find_user_by_phone", "insert_user", "insert_audit", "begin", "commit"}) {
    BOOST_TEST_INFO(name);
    BOOST_TEST(service.count(name) == 1);
  }
  BOOST_TEST(service.count("rollback") == 0);
  BOOST_TEST(service.value("users_registrations_total") == 1);
  BOOST_TEST(service.value("users_password_hash_seconds_count") == 1);
  BOOST_TEST(service.value("users_database_connects_total{result=\"ok\"}") == 1);
  BOOST_TEST(service.replays() == 0);
}

BOOST_AUTO_TEST_CASE(an_account_that_is_there_already_is_not_counted_again) {
  Registrar service(database.config());
  service.regist("key");
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST((service.regist("other") == ResultCode::already_registered));
  BOOST_TEST(service.value("users_registrations_total") == 1);
}

BOOST_AUTO_TEST_CASE(errors_are_counted_by_what_they_are) {
  constexpr std::pair<unsigned, const char*> kErrors[] = {
      {1213, "deadlock"},        {1205, "lock_wait"},   {1062, "duplicate"},
      {1047, "connection_lost"}, {1290, "unavailable"}, {1644, "other"}};
  for (const auto& [number, name] : kErrors) {
    BOOST_TEST_CONTEXT(name) {
      const FailingInserts failing(database, "users", number, 1);
      Registrar service(database.config());
      const bool is_final = number == 1290 || number == 1644;
      if (is_final) {
        BOOST_CHECK_THROW(service.regist("key", "correct horse 42", fresh_phone()),
                          db::DatabaseError);
      } else {
        service.regist("key", "correct horse 42", fresh_phone());
      }
      BOOST_TEST(service.errors("insert_user", name) == 1);
      BOOST_TEST(service.replays() == (is_final || number == 1062 ? 0 : 1));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_database_that_is_not_there_is_a_failed_connect) {
  Config config = database.config();
  config.database_hosts = {run_folder() + "/nobody.sock"};
  Registrar service(config);
  BOOST_CHECK_THROW(service.regist("key"), db::Unavailable);
  BOOST_TEST(service.value("users_database_connects_total{result=\"failed\"}") == 1);
  BOOST_CHECK_THROW(service.regist("key"), db::Unavailable);
  BOOST_TEST(service.value("users_database_connects_total{result=\"ok\"}") == 0);
}

BOOST_AUTO_TEST_CASE(logins_are_counted_by_what_proved_them) {
  Registrar service(database.config());
  service.regist("key");
  BOOST_TEST(service.value("users_logins_total{by=\"password\"}") == 0);
  service.accounts.login("13900000001", "correct horse 42", kClient);
  service.accounts.login("13900000001", "wrong", kClient);
  service.accounts.login("13900000009", "nobody", kClient);
  BOOST_TEST(service.value("users_logins_total{by=\"password\"}") == 1);
  BOOST_TEST(service.value("users_password_hash_seconds_count") == 4);

  service.accounts.request_code("13900000001", "login", "key", kClient);
  std::string code;
  const Sender keep = [&](std::uint64_t, const Message& message) {
    code = message.code;
    return Delivery::sent;
  };
  Courier courier(service.config, kKey, service.database, keep, service.metrics);
  BOOST_TEST(courier.deliver_one());
  service.accounts.login_by_code("13900000001", "000000", kClient);
  BOOST_TEST(service.value("users_logins_total{by=\"code\"}") == 0);
  BOOST_TEST((service.accounts.login_by_code("13900000001", code, kClient).code == ResultCode::ok));
  BOOST_TEST(service.value("users_logins_total{by=\"code\"}") == 1);
  BOOST_TEST(service.value("users_sms_total{result=\"sent\"}") == 1);
}

BOOST_AUTO_TEST_CASE(a_limit_that_is_over_is_counted_by_its_name) {
  Registrar service(database.config());
  for (int i = 0; i < 12; ++i) service.accounts.login("13900000001", "wrong", kClient);
  BOOST_TEST(service.value("users_throttled_total{limit=\"login\"}") == 2);
  service.accounts.request_code("13900000001", "regist", "1", kClient);
  service.accounts.request_code("13900000001", "regist", "2", kClient);
  BOOST_TEST(service.value("users_throttled_total{limit=\"send\"}") == 1);
  BOOST_TEST(service.value("users_throttled_total{limit=\"send-day\"}") == 0);
}

BOOST_AUTO_TEST_CASE(messages_are_counted_by_what_became_of_them) {
  Registrar service(database.config());
  Delivery next = Delivery::sent;
  const Sender answer = [&](std::uint64_t, const Message&) { return next; };
  Courier courier(service.config, kKey, service.database, answer, service.metrics);
  const auto sms = [&](const std::string& result) {
    return service.value("users_sms_total{result=\"" + result + "\"}");
  };
  BOOST_TEST(read_metrics(service.metrics.render()).count("users_sms_total{result=\"failed\"}") ==
             1U);
  service.accounts.request_code("13900000001", "regist", "1", kClient);
  next = Delivery::try_again;
  BOOST_TEST(courier.deliver_one());
  BOOST_TEST(sms("try_again") == 1);
  database.query("UPDATE outbox SET nextTime = UTC_TIMESTAMP()");
  next = Delivery::failed;
  BOOST_TEST(courier.deliver_one());
  BOOST_TEST(sms("failed") == 1);
  service.accounts.request_code("13900000002", "regist", "2", kClient);
  next = Delivery::sent;
  BOOST_TEST(courier.deliver_one());
  BOOST_TEST(!courier.deliver_one());
  BOOST_TEST(sms("sent") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
