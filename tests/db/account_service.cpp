// The rules of registration on a real database: once, exactly once, and through lost connections,
// deadlocks and lock waits.
#include "service/account_service.hpp"

#include <atomic>

#include <boost/test/unit_test.hpp>

#include "accounts/user.hpp"
#include "support/cutting_proxy.hpp"
#include "support/service.hpp"

using namespace users;
using namespace users::test;

namespace {

struct Registrar : Service {
  using Service::Service;
  ResultCode regist(std::string_view retry_key, std::string_view password = "correct horse 42",
                    std::string_view phone = "13900000001") {
    return accounts.regist({phone, password, "123456", retry_key}, kClient).code;
  }
};

struct Fixture {
  ScratchDatabase database;
  std::string rows() { return database.query("SELECT COUNT(*) FROM users"); }

  /// Makes the next `count` inserts of users fail with an error number. The counter is no InnoDB
  /// table, so that a rollback does not wind it back.
  void fail_inserts(int count, unsigned number) {
    database.query("CREATE TABLE failures (n INT) ENGINE = Aria; INSERT INTO failures VALUES (" +
                   std::to_string(count) + ")");
    database.query(
        "CREATE TRIGGER fail_first BEFORE INSERT ON users FOR EACH ROW BEGIN "
        "UPDATE failures SET n = n - 1; "
        "IF (SELECT n FROM failures) >= 0 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = " +
        std::to_string(number) + "; END IF; END");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(account_service, Fixture)

BOOST_AUTO_TEST_CASE(without_a_key_the_request_id_tells_a_retry_and_is_no_clients_key) {
  Registrar service(database.config());
  BOOST_TEST((service.regist("") == ResultCode::ok));
  BOOST_TEST((service.regist("") == ResultCode::ok));
  BOOST_TEST((service.regist(kClient.request_id) == ResultCode::already_registered));
  BOOST_TEST(rows() == "1");
}

BOOST_AUTO_TEST_CASE(without_either_nothing_is_a_retry) {
  Registrar service(database.config());
  const auto regist = [&] {
    return service.accounts.regist({"13900000001", "correct horse 42", "123456"}, {"192.0.2.1", ""})
        .code;
  };
  BOOST_TEST((regist() == ResultCode::ok));
  BOOST_TEST((regist() == ResultCode::already_registered));
}

BOOST_AUTO_TEST_CASE(a_registration_leaves_one_user_and_one_audit_row) {
  Registrar service(database.config());
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST(database.query("SELECT phone FROM users") == "+8613900000001");
  BOOST_TEST(database.query("SELECT password LIKE '$argon2id$v=19$m=64,t=1,p=1$%' FROM users") ==
             "1");
  BOOST_TEST(
      database.query(
          "SELECT ABS(TIMESTAMPDIFF(SECOND, createTime, UTC_TIMESTAMP())) < 60 FROM users") == "1");
  BOOST_TEST(
      database.query("SELECT CONCAT_WS(' ', a.event, a.address, a.request_id) FROM audit a JOIN "
                     "users u ON u.id = a.user_id") == "regist 192.0.2.1 0123456789abcdef");
}

BOOST_AUTO_TEST_CASE(the_same_key_and_password_is_the_same_registration) {
  Registrar service(database.config());
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST((service.regist("other key") == ResultCode::already_registered));
  BOOST_TEST((service.regist("key", "another password 7") == ResultCode::already_registered));
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST(rows() == "1");
  BOOST_TEST(database.query("SELECT COUNT(*) FROM audit") == "1");
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
  // Another key proves nothing and counts nothing.
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

BOOST_AUTO_TEST_CASE(a_known_phone_is_told_before_a_weak_password) {
  Registrar service(database.config());
  BOOST_TEST((service.regist("1", "12345678") == ResultCode::weak_password));
  BOOST_TEST(rows() == "0");
  service.regist("2");
  BOOST_TEST((service.regist("3", "12345678") == ResultCode::already_registered));
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
  fail_inserts(3, 1213);
  Registrar service(database.config());
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST(rows() == "1");
  BOOST_TEST(database.query("SELECT COUNT(*) FROM audit") == "1");
  BOOST_TEST(database.query("SELECT n FROM failures") == "-1");
}

BOOST_AUTO_TEST_CASE(lock_waits_are_rolled_back_and_replayed) {
  fail_inserts(2, 1205);
  Registrar service(database.config());
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST(rows() == "1");
  BOOST_TEST(database.query("SELECT COUNT(*) FROM audit") == "1");
}

BOOST_AUTO_TEST_CASE(replays_are_bounded) {
  fail_inserts(1000, 1213);
  Registrar service(database.config());
  BOOST_CHECK_THROW(service.regist("key"), db::Deadlock);
  BOOST_TEST(rows() == "0");
  BOOST_TEST(database.query("SELECT 1000 - n FROM failures") ==
             std::to_string(db::Database::kMostAttempts));
}

BOOST_AUTO_TEST_CASE(an_error_without_a_reaction_leaves_nothing_open) {
  fail_inserts(1, 1644);
  Registrar service(database.config());
  BOOST_CHECK_THROW(service.regist("key"), db::DatabaseError);
  BOOST_TEST(database.open_transactions() == "0");
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST(rows() == "1");
}

BOOST_AUTO_TEST_CASE(a_lost_reply_to_commit_is_settled_by_asking) {
  Config config = database.config();
  const std::string commit =
      "\x03"
      "COMMIT";  // as COM_QUERY sends it; the session setup names it, too
  const CuttingProxy proxy(config.database_hosts[0], commit);
  config.database_hosts = {proxy.socket()};
  Registrar service(std::move(config));
  BOOST_TEST((service.regist("key") == ResultCode::ok));
  BOOST_TEST(proxy.has_cut());
  BOOST_TEST(rows() == "1");
  BOOST_TEST(database.query("SELECT COUNT(*) FROM audit") == "1");
}

BOOST_AUTO_TEST_CASE(a_connection_lost_before_commit_is_replayed) {
  for (const char* trigger : {"START TRANSACTION", "+8613900000001", "$argon2id$"}) {
    database.query("DELETE FROM users; DELETE FROM audit");
    Config config = database.config();
    const CuttingProxy proxy(config.database_hosts[0], trigger);
    config.database_hosts = {proxy.socket()};
    Registrar service(std::move(config));
    BOOST_TEST((service.regist("key") == ResultCode::ok));
    BOOST_TEST(proxy.has_cut());
    BOOST_TEST(rows() == "1");
    BOOST_TEST(database.query("SELECT COUNT(*) FROM audit") == "1");
  }
}

BOOST_AUTO_TEST_CASE(a_database_away_is_unavailable_at_once_and_tried_again) {
  Config config = database.config();
  config.database_hosts = {run_folder() + "/nobody.sock"};
  Registrar service(config);
  BOOST_CHECK_THROW(service.regist("key"), db::Unavailable);
  BOOST_CHECK_THROW(service.regist("key"), db::Unavailable);
}

BOOST_AUTO_TEST_CASE(fifty_connections_registering_one_phone_make_one_user) {
  std::atomic<int> made{0};
  std::atomic<int> known{0};
  in_parallel(50, 50, [&](int i) {
    Registrar service(database.config());
    const auto code = service.regist("key " + std::to_string(i));
    if (code == ResultCode::ok) ++made;
    if (code == ResultCode::already_registered) ++known;
  });
  BOOST_TEST(made == 1);
  BOOST_TEST(known == 49);
  BOOST_TEST(rows() == "1");
}

BOOST_AUTO_TEST_SUITE_END()
