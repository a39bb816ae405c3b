// What the database layer, the limits and the courier count.
#include "metrics/metrics.hpp"

#include <boost/test/unit_test.hpp>

#include "sms/courier.hpp"
#include "support/cutting_proxy.hpp"
#include "support/metrics_text.hpp"
#include "support/service.hpp"

using namespace users;
using namespace users::test;

namespace {

struct Counted : Service {
  using Service::Service;
  ResultCode regist(std::string_view phone, std::string_view key = "key") {
    return accounts.regist({phone, "correct horse 42", "123456", key}, kClient).code;
  }
  [[nodiscard]] double value(const std::string& sample) const {
    return value_of(read_metrics(metrics.render()), sample);
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

  /// Makes the next `count` inserts of users fail with an error number.
  void fail_inserts(int count, unsigned number) {
    database.query("CREATE TABLE failures (n INT) ENGINE = Aria; INSERT INTO failures VALUES (" +
                   std::to_string(count) + ")");
    database.query(
        "CREATE TRIGGER fail_first BEFORE INSERT ON users FOR EACH ROW BEGIN "
        "UPDATE failures SET n = n - 1; "
        "IF (SELECT n FROM failures) >= 0 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = " +
        std::to_string(number) + "; END IF; END");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(metrics, Fixture, *boost::unit_test::label("deep"))

BOOST_AUTO_TEST_CASE(a_registration_is_counted_statement_by_statement) {
  Counted service(database.config());
  BOOST_TEST((service.regist("13900000001") == ResultCode::ok));
  for (const char* name :
       {"find_user_by_phone", "insert_user", "insert_audit", "begin", "commit"}) {
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST(service.count(name) == 1);
    }
  }
  BOOST_TEST(service.count("rollback") == 0);
  BOOST_TEST(service.value("users_registrations_total") == 1);
  BOOST_TEST(service.value("users_password_hash_seconds_count") == 1);
  BOOST_TEST(service.value("users_database_connects_total{result=\"ok\"}") == 1);
  BOOST_TEST(service.value("users_transaction_replays_total") == 0);
}

BOOST_AUTO_TEST_CASE(an_account_that_is_there_already_is_not_counted_again) {
  Counted service(database.config());
  service.regist("13900000001");
  BOOST_TEST((service.regist("13900000001") == ResultCode::ok));
  BOOST_TEST((service.regist("13900000001", "other") == ResultCode::already_registered));
  BOOST_TEST(service.value("users_registrations_total") == 1);
}

BOOST_AUTO_TEST_CASE(an_account_whose_commit_was_not_answered_is_counted_once) {
  Config config = database.config();
  const CuttingProxy proxy(config.database_hosts[0],
                           "\x03"
                           "COMMIT");
  config.database_hosts = {proxy.socket()};
  Counted service(std::move(config));
  BOOST_TEST((service.regist("13900000001") == ResultCode::ok));
  BOOST_TEST(proxy.has_cut());
  BOOST_TEST(service.value("users_registrations_total") == 1);
  BOOST_TEST(service.errors("commit", "connection_lost") == 1);
  BOOST_TEST(service.value("users_transaction_replays_total") == 1);
  BOOST_TEST(service.value("users_database_connects_total{result=\"ok\"}") == 2);
}

BOOST_AUTO_TEST_CASE(errors_are_counted_by_what_they_are) {
  constexpr std::pair<unsigned, const char*> kErrors[] = {
      {1213, "deadlock"},        {1205, "lock_wait"},   {1062, "duplicate"},
      {1047, "connection_lost"}, {1290, "unavailable"}, {1644, "other"}};
  for (const auto& [number, name] : kErrors) {
    BOOST_TEST_CONTEXT(name) {
      Fixture own;
      own.fail_inserts(1, number);
      Counted service(own.database.config());
      try {
        service.regist("13900000001");
      } catch (const db::DatabaseError&) {
        BOOST_TEST((number == 1290 || number == 1644));
      }
      BOOST_TEST(service.errors("insert_user", name) == 1);
      BOOST_TEST(service.value("users_transaction_replays_total") ==
                 (number == 1213 || number == 1205 || number == 1047 ? 1 : 0));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_database_that_is_not_there_is_a_failed_connect) {
  Config config = database.config();
  config.database_hosts = {run_folder() + "/nobody.sock"};
  Counted service(config);
  BOOST_CHECK_THROW(service.regist("13900000001"), db::Unavailable);
  BOOST_TEST(service.value("users_database_connects_total{result=\"failed\"}") == 1);
  BOOST_TEST(service.value("users_database_connects_total{result=\"ok\"}") == 0);
}

BOOST_AUTO_TEST_CASE(logins_are_counted_by_what_proved_them) {
  Counted service(database.config());
  service.regist("13900000001");
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
  Counted service(database.config());
  for (int i = 0; i < 12; ++i) service.accounts.login("13900000001", "wrong", kClient);
  BOOST_TEST(service.value("users_throttled_total{limit=\"login\"}") == 2);
  service.accounts.request_code("13900000001", "regist", "1", kClient);
  service.accounts.request_code("13900000001", "regist", "2", kClient);
  BOOST_TEST(service.value("users_throttled_total{limit=\"send\"}") == 1);
  BOOST_TEST(service.value("users_throttled_total{limit=\"send-day\"}") == 0);
}

BOOST_AUTO_TEST_CASE(messages_are_counted_by_what_became_of_them) {
  Counted service(database.config());
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
