// The database layer with a real server: values, typed errors, transactions.
#include <atomic>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "accounts/throttle.hpp"
#include "accounts/user.hpp"
#include "db/connection.hpp"
#include "db/database.hpp"
#include "db/failing_inserts.hpp"
#include "sms/outbox.hpp"
#include "support/stack.hpp"

using namespace users;
using namespace users::test;

namespace {

const std::string kKey(32, 'k');

std::uint64_t insert(db::Connection& connection, const std::string& phone) {
  return insert_user.one(connection, phone, "$argon2id$", kKey).value().id;
}

const db::Statement insert_many{
    "insert_many",
    "INSERT INTO users (phone, password, createTime, disableTime) VALUES (?, ?, IFNULL(?, "
    "UTC_TIMESTAMP()), ?)",
    4};

struct Fixture {
  ScratchDatabase database;
  std::unique_ptr<db::Connection> connection = database.connect();
  Fixture() { connection->prepare_all(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mysql, Fixture, *boost::unit_test::label("deep"))

BOOST_AUTO_TEST_CASE(a_row_comes_back_byte_for_byte) {
  std::string key;
  for (int i = 0; i < 32; ++i) key += static_cast<char>(i * 8);
  const std::uint64_t id =
      insert_user.one(*connection, "+8613900000001", "$argon2id$v=19$x", key).value().id;
  const auto user = find_user_by_phone.one(*connection, "+8613900000001");
  BOOST_REQUIRE(user);
  BOOST_TEST(user->id == id);
  BOOST_TEST(user->password == "$argon2id$v=19$x");
  BOOST_TEST((user->regist_key == key));
}

BOOST_AUTO_TEST_CASE(null_is_told_from_empty) {
  database.query(
      "INSERT INTO users (phone, password, createTime) VALUES ('+8613900000001', '', "
      "UTC_TIMESTAMP())");
  const auto user = find_user_by_phone.one(*connection, "+8613900000001");
  BOOST_REQUIRE(user);
  BOOST_TEST(user->password.empty());
  BOOST_TEST(!user->regist_key);
  for (const std::string_view empty : {std::string_view(""), std::string_view()}) {
    BOOST_TEST(renew_password(*connection, empty, user->id, "") == 1U);
    BOOST_TEST(connection->execute_bulk(insert_many, {{"+1", empty, std::nullopt, std::nullopt}}) ==
               1U);
    database.query("DELETE FROM users WHERE phone = '+1'");
  }
}

BOOST_AUTO_TEST_CASE(a_phone_is_compared_exactly_and_refused_where_it_is_taken_or_too_long) {
  insert(*connection, "+8613900000001");
  for (const char* other :
       {"+1", "+8613900000001 ", " +8613900000001", "+861390000000", "%", "' OR ''='"}) {
    BOOST_TEST(!find_user_by_phone.one(*connection, other));
  }
  BOOST_CHECK_THROW(insert(*connection, "+8613900000001"), db::DuplicateKey);
  BOOST_TEST(!connection->lost());
  BOOST_CHECK_THROW(insert(*connection, std::string(17, '1')), db::DatabaseError);
  BOOST_TEST(database.query("SELECT COUNT(*) FROM users") == "1");
}

BOOST_AUTO_TEST_CASE(what_is_not_committed_is_rolled_back) {
  {
    const db::Transaction transaction(*connection, db::new_operation());
    insert(*connection, "+8613900000001");
  }
  BOOST_TEST(database.query("SELECT COUNT(*) FROM users") == "0");
  db::Transaction transaction(*connection, db::new_operation());
  insert(*connection, "+8613900000001");
  transaction.commit();
  BOOST_TEST(database.query("SELECT COUNT(*) FROM users") == "1");
}

BOOST_AUTO_TEST_CASE(a_bulk_inserts_each_of_its_rows_byte_for_byte) {
  const std::vector<db::BulkRow> rows = {
      {"+8613900000001", "$one$", "2018-04-22 10:00:00", "2019-01-01 00:00:01"},
      {"+8613900000002", "", std::nullopt, std::nullopt},
      {"+8613900000003", std::string_view("a\0b", 3), "2018-04-22 10:00:02", std::nullopt}};
  BOOST_TEST(connection->execute_bulk(insert_many, rows) == 3U);
  BOOST_TEST(database.query("SELECT GROUP_CONCAT(CONCAT_WS(' ', RIGHT(phone, 1), HEX(password), "
                            "IF(createTime > '2020-01-01', 'now', createTime), IFNULL(disableTime, "
                            "'-')) ORDER BY phone SEPARATOR '|') FROM users") ==
             "1 246F6E6524 2018-04-22 10:00:00 2019-01-01 00:00:01|2  now -|3 610062 2018-04-22 "
             "10:00:02 -");
  // Fewer rows, one, many, none: no bulk leaves anything in the statement.
  BOOST_TEST(connection->execute_bulk(insert_many, {{"+1", "x", std::nullopt, std::nullopt}}) ==
             1U);
  std::vector<std::string> phones;
  for (int i = 0; i < 1000; ++i) phones.push_back("+86" + std::to_string(13800000000 + i));
  std::vector<db::BulkRow> many;
  for (const std::string& phone : phones) many.push_back({phone, "x", std::nullopt, std::nullopt});
  BOOST_TEST(connection->execute_bulk(insert_many, many) == 1000U);
  BOOST_TEST(connection->execute_bulk(insert_many, {}) == 0U);
  BOOST_TEST(database.query("SELECT COUNT(*) FROM users") == "1004");
}

BOOST_AUTO_TEST_CASE(a_bulk_with_a_taken_phone_is_a_duplicate_key_and_rolled_back_whole) {
  insert(*connection, "+8613900000002");
  const std::vector<db::BulkRow> rows = {{"+8613900000001", "x", std::nullopt, std::nullopt},
                                         {"+8613900000002", "x", std::nullopt, std::nullopt},
                                         {"+8613900000003", "x", std::nullopt, std::nullopt}};
  {
    const db::Transaction transaction(*connection, db::new_operation());
    BOOST_CHECK_THROW(connection->execute_bulk(insert_many, rows), db::DuplicateKey);
  }
  BOOST_TEST(!connection->lost());
  BOOST_TEST(database.query("SELECT GROUP_CONCAT(phone) FROM users") == "+8613900000002");
  BOOST_TEST(connection->execute_bulk(insert_many, {rows[0], rows[2]}) == 2U);
}

BOOST_AUTO_TEST_CASE(a_bulk_with_a_row_of_another_length_or_a_bad_value_is_refused) {
  const std::string long_phone(17, '1');
  for (const db::BulkRow& row : {db::BulkRow{"+1", "x"},
                                 {"+1", "x", "2018-02-30 00:00:00", std::nullopt},
                                 {long_phone, "x", std::nullopt, std::nullopt},
                                 {"+1", std::nullopt, std::nullopt, std::nullopt}}) {
    BOOST_CHECK_THROW(connection->execute_bulk(insert_many, {row}), db::DatabaseError);
  }
  BOOST_TEST(database.query("SELECT COUNT(*) FROM users") == "0");
}

BOOST_AUTO_TEST_CASE(a_deadlock_is_a_type_of_its_own) {
  const auto first = insert(*connection, "+8613900000001");
  const auto second = insert(*connection, "+8613900000002");
  const auto touch = [](db::Connection& on, std::uint64_t id) {
    on.run_script("UPDATE users SET regist_key = NULL WHERE id = " + std::to_string(id), "touch");
  };
  const auto other = database.connect();
  for (db::Connection* each : {connection.get(), other.get()}) {
    each->run_script("START TRANSACTION", "begin");
  }
  touch(*connection, first);
  touch(*other, second);
  std::atomic<int> deadlocks{0};
  const auto cross = [&](db::Connection& on, std::uint64_t id) {
    try {
      touch(on, id);
    } catch (const db::Deadlock&) {
      ++deadlocks;
    }
    on.run_script("ROLLBACK", "rollback");  // the other transaction may wait for it
  };
  std::thread crossing([&] { cross(*other, first); });
  cross(*connection, second);
  crossing.join();
  BOOST_TEST(deadlocks == 1);
}

BOOST_AUTO_TEST_CASE(a_lock_that_is_not_given_is_a_type_of_its_own) {
  const auto id = std::to_string(insert(*connection, "+8613900000001"));
  db::Transaction holder(*connection, db::new_operation());
  connection->run_script("UPDATE users SET regist_key = NULL WHERE id = " + id, "hold");
  const auto other = database.connect();
  other->run_script("SET innodb_lock_wait_timeout = 0", "no wait");
  BOOST_CHECK_THROW(other->run_script("DELETE FROM users WHERE id = " + id, "wait"),
                    db::LockWaitTimeout);
  BOOST_TEST(!other->lost());
}

BOOST_AUTO_TEST_CASE(a_killed_connection_is_lost_and_stays_so) {
  const auto other = database.connect();
  for (db::Connection* each : {connection.get(), other.get()}) {
    database.query("KILL " + each->run_script("SELECT CONNECTION_ID()", "id").value());
  }
  BOOST_CHECK_THROW(insert(*connection, "+8613900000001"), db::ConnectionLost);
  BOOST_TEST(connection->lost());
  BOOST_CHECK_THROW(other->execute_bulk(insert_many, {{"+1", "x", std::nullopt, std::nullopt}}),
                    db::ConnectionLost);
  BOOST_TEST(other->lost());
}

BOOST_AUTO_TEST_CASE(a_statement_over_its_time_says_unavailable) {
  connection->run_script("SET max_statement_time = 0.05", "limit");
  const std::string slow =
      "SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, "
      "information_schema.columns c";
  BOOST_CHECK_THROW(connection->run_script(slow, "slow"), db::Unavailable);
  BOOST_TEST(!connection->lost());
}

BOOST_AUTO_TEST_CASE(nobody_there_is_a_lost_connection) {
  const db::Endpoint nowhere{run_folder() + "/nobody.sock", "users", "users_service"};
  BOOST_CHECK_THROW(db::Connection(nowhere, Secret(std::string_view("x"))), db::ConnectionLost);
}

BOOST_AUTO_TEST_CASE(the_session_is_strict_utc_and_utf8_and_gives_no_server_a_file) {
  const auto value = [&](const std::string& name) {
    return connection->run_script("SELECT @@SESSION." + name, name).value();
  };
  BOOST_TEST(value("time_zone") == "+00:00");
  BOOST_TEST(value("tx_isolation") == "READ-COMMITTED");
  BOOST_TEST(value("character_set_client") == "utf8mb4");
  BOOST_TEST(value("sql_mode").find("STRICT_ALL_TABLES") != std::string::npos);
  BOOST_CHECK_THROW(connection->run_script("LOAD DATA LOCAL INFILE 'conf/development.conf' INTO "
                                           "TABLE throttle (bucket)",
                                           "steal"),
                    db::DatabaseError);
}

BOOST_AUTO_TEST_CASE(an_error_names_the_statement_and_no_value) {
  insert(*connection, "+8613900000001");
  try {
    insert_user.one(*connection, std::string(17, '1'), "secret", kKey);
    BOOST_ERROR("17 bytes fit into 16");
  } catch (const db::DatabaseError& error) {
    const std::string_view text = error.what();
    BOOST_TEST(text.find("insert_user") != std::string_view::npos);
    BOOST_TEST(text.find("secret") == std::string_view::npos);
  }
}

struct Two {
  std::uint64_t number = 0;
  std::string text;
};

BOOST_AUTO_TEST_CASE(a_statement_that_is_not_what_the_program_takes_it_for_cannot_be_prepared) {
  using Columns = std::vector<db::Column<Two>>;
  const Columns good{{"1", &Two::number}, {"'x'", &Two::text}};
  const auto refuses = [&](const Columns& columns, const char* after, const char* why) {
    const db::Query<Two(std::uint64_t least)> query{"odd", "SELECT", columns, after};
    const auto fresh = database.connect();
    BOOST_CHECK_EXCEPTION(
        fresh->prepare_all(), db::DatabaseError, [&](const db::DatabaseError& error) {
          return std::string_view(error.what()).find(why) != std::string_view::npos;
        });
  };
  refuses({{"'x'", &Two::number}, {"'x'", &Two::text}}, "WHERE ? > 0",
          "column 1 is of another type");
  refuses({{"1", &Two::number}, {"2", &Two::text}}, "WHERE ? > 0", "column 2 is of another type");
  refuses({{"1, 2", &Two::number}, {"'x'", &Two::text}}, "WHERE ? > 0", "number of columns");
  refuses(good, "", "as many as its question marks");
  refuses({{"missing", &Two::number}, {"'x'", &Two::text}}, "FROM users WHERE id > ?", "missing");
  BOOST_CHECK_NO_THROW(database.connect()->prepare_all());
}

BOOST_AUTO_TEST_CASE(null_where_there_can_be_none_is_an_error_and_no_zero) {
  const db::Query<Two()> query{
      "odd", "SELECT", {{"CAST(NULL AS UNSIGNED)", &Two::number}, {"'x'", &Two::text}}, ""};
  const auto fresh = database.connect();
  BOOST_CHECK_THROW(query.one(*fresh), db::DatabaseError);
}

BOOST_AUTO_TEST_CASE(only_what_leaves_the_machine_is_remote) {
  for (const char* host : {"/run/mysqld/mysqld.sock", "localhost", "localhost:3307", "127.0.0.1",
                           "127.1.2.3:3306", "::1", "[::1]", "[::1]:3306"}) {
    BOOST_TEST(!db::is_remote(host), host);
  }
  for (const char* host : {"db.example", "db.example:3306", "192.0.2.1", "2001:db8::1",
                           "[2001:db8::1]:3306", "127.0.0.1.example"}) {
    BOOST_TEST(db::is_remote(host), host);
  }
}

BOOST_AUTO_TEST_CASE(a_port_behind_an_ipv6_address_is_one) {
  db::Endpoint endpoint = db::service_endpoint(database.config(), "[::1]:1");
  try {
    const db::Connection nobody(endpoint, Secret(), nullptr);
    BOOST_ERROR("something listens on port 1");
  } catch (const db::DatabaseError& error) {
    BOOST_TEST(std::string_view(error.what()).find("'::1'") != std::string_view::npos,
               error.what());
  }
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

/// Errors after which the connection still works: lock wait, deadlock, duplicate, full disk,
/// read-only server, time limit, ended statement, value out of range.
constexpr unsigned kSurvived[] = {1205, 1213, 1062, 1021, 1290, 1969, 1317, 1406};

/// A connection with short timeouts, so that a wait for missing packets is noticed.
struct Impatient {
  ScratchDatabase database;
  Metrics metrics;
  db::Connection connection{endpoint(), Secret()};

  db::Endpoint endpoint() {
    db::Endpoint endpoint =
        db::service_endpoint(database.config(), database.config().database_hosts[0]);
    endpoint.read_timeout = 3;
    return endpoint;
  }
  std::uint64_t hit() {
    throttle::hit(connection, metrics, throttle::kLogins, "x");
    return throttle::count_of(connection, throttle::kLogins, "x").used;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(failed_statements, Impatient)

BOOST_AUTO_TEST_CASE(one_that_failed_in_place_of_its_rows_runs_again) {
  std::uint64_t used = 0;
  for (const unsigned number : kSurvived) {
    // First the statement fails before it has ever returned a row.
    {
      const FailingInserts failing(database, "throttle", number);
      for (int i = 0; i < 2; ++i) {
        BOOST_CHECK_EXCEPTION(hit(), db::DatabaseError,
                              [&](const auto& error) { return error.number() == number; });
      }
    }
    BOOST_TEST_REQUIRE(!connection.lost(), number);
    BOOST_TEST(hit() == ++used, number);
  }
}

BOOST_AUTO_TEST_CASE(one_that_failed_when_it_was_executed_runs_again) {
  const auto record = [&] { outbox::put(connection, "x"); };
  for (const unsigned number : kSurvived) {
    {
      const FailingInserts failing(database, "outbox", number);
      BOOST_CHECK_EXCEPTION(record(), db::DatabaseError,
                            [&](const auto& error) { return error.number() == number; });
    }
    BOOST_TEST_REQUIRE(!connection.lost(), number);
    record();
  }
  BOOST_TEST(database.query("SELECT COUNT(*) FROM outbox") == std::to_string(std::size(kSurvived)));
}

BOOST_AUTO_TEST_CASE(one_that_waited_for_a_lock_in_vain_runs_again) {
  hit();
  database.query(
      "INSERT INTO outbox (state, createTime, nextTime, expireTime) VALUES ('sent', "
      "UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP())");
  connection.run_script("SET innodb_lock_wait_timeout = 0", "no wait");
  const std::string id = database.query("SELECT id FROM outbox");
  const auto lock = [&] { return outbox::retry(connection, std::stoul(id)); };
  const auto holder = database.connect();
  for (int i = 0; i < 2; ++i) {
    holder->run_script("START TRANSACTION; SELECT * FROM throttle, outbox FOR UPDATE", "hold");
    BOOST_CHECK_THROW(hit(), db::LockWaitTimeout);
    BOOST_CHECK_THROW(lock(), db::LockWaitTimeout);
    BOOST_TEST_REQUIRE(!connection.lost());
    holder->run_script("ROLLBACK", "let go");
    BOOST_TEST(lock() == "sent");
  }
  BOOST_TEST(hit() == 2U);
}

BOOST_AUTO_TEST_CASE(one_that_could_not_be_prepared_is_prepared_later) {
  database.query("RENAME TABLE throttle TO elsewhere");
  for (int i = 0; i < 2; ++i) BOOST_CHECK_THROW(hit(), db::NoSuchTable);
  BOOST_TEST_REQUIRE(!connection.lost());
  database.query("RENAME TABLE elsewhere TO throttle");
  BOOST_TEST(hit() == 1U);
}

BOOST_AUTO_TEST_CASE(rows_that_outgrew_their_buffers_are_a_lost_connection) {
  insert(connection, "+8613900000001");
  const auto find = [](db::Connection& on) {
    return find_user_by_phone.one(on, "+8613900000001").value().password;
  };
  BOOST_TEST(find(connection) == "$argon2id$");
  database.query("ALTER TABLE users MODIFY password VARCHAR(2000) NOT NULL");
  database.query("UPDATE users SET password = REPEAT('x', 2000)");
  BOOST_CHECK_THROW(find(connection), db::ConnectionLost);
  BOOST_TEST(connection.lost());
  db::Connection fresh(endpoint(), Secret());
  BOOST_TEST(find(fresh).size() == 2000U);
}

BOOST_AUTO_TEST_SUITE_END()
