// users-ctl doctor: faults of database servers, accounts and schema.
#include "ctl/doctor_fixture.hpp"
#include "support/database_server.hpp"
#include "support/worker_process.hpp"

using namespace users::test;

BOOST_FIXTURE_TEST_SUITE(doctor_database, DoctorFixture)

BOOST_AUTO_TEST_CASE(a_database_that_is_away_or_refuses) {
  finds_setting({"database", "problem", "/nowhere.sock", "systemctl status mariadb"},
                "DATABASE_HOSTS", "/nowhere.sock");
  const auto wrong = folder.write("wrong", "not the password of anybody");
  finds_setting({"database", "problem", "Access denied", "ALTER USER"}, "DATABASE_PASSWORD_FILE",
                wrong);
  finds_setting({"migration account", "problem", "Access denied", "ALTER USER"},
                "DATABASE_MIGRATION_PASSWORD_FILE", wrong);
  finds_setting({"database", "problem", "denied", "users-ctl setup"}, "DATABASE_NAME", "elsewhere");
  // One of two servers is enough, but the other one is reported.
  environment["USERS_FCGI_DATABASE_HOSTS"] = "/nowhere.sock," + run_folder() + "/mariadb.sock";
  look();
  expect({"database", "problem", "/nowhere.sock", "systemctl status mariadb"});
  expect_ok("schema");
}

BOOST_AUTO_TEST_CASE(settings_of_the_server) {
  const auto setting = [&](const char* name, const char* state_wanted, const std::string& bad,
                           const std::string& good) {
    finds_sql({name, state_wanted, std::string(name) + " = ", "SET GLOBAL " + std::string(name)},
              "SET GLOBAL " + std::string(name) + " = " + bad,
              "SET GLOBAL " + std::string(name) + " = " + good);
  };
  setting("innodb_flush_log_at_trx_commit", "problem", "0", "1");
  setting("innodb_flush_log_at_trx_commit", "problem", "2", "1");
  setting("read_only", "problem", "ON", "OFF");
  setting("wait_timeout", "warning", "20", "28800");
  setting("max_connections", "problem", "20", "100");
  finds_sql({"character set", "warning", "latin1", "ALTER DATABASE users CHARACTER SET utf8mb4"},
            "ALTER DATABASE users CHARACTER SET latin1",
            "ALTER DATABASE users CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
}

BOOST_AUTO_TEST_CASE(accounts_whose_hash_takes_another_time) {
  finds_sql({"password hashes", "warning", "than the service makes: 2", "SECURITY.md"},
            "INSERT INTO users (phone, password, createTime) VALUES ('+8613000000001', "
            "'$2y$12$abcdefghijklmnopqrstuv', UTC_TIMESTAMP()), ('+8613000000002', "
            "'$argon2id$v=19$m=1024,t=1,p=1$c2FsdA$aGFzaA', UTC_TIMESTAMP())",
            "DELETE FROM users WHERE phone LIKE '+861300000000_'");
}

BOOST_AUTO_TEST_CASE(a_clock_that_differs) {
  // What runs at the start of an ordinary account's session.
  const std::string usual = "SET GLOBAL init_connect = ''";
  finds_sql({"database clock", "problem", "ahead", "timedatectl set-ntp true"},
            "SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 60'", usual);
  finds_sql({"database clock", "warning", "behind", "timedatectl set-ntp true"},
            "SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() - 10'", usual);
}

BOOST_AUTO_TEST_CASE(an_account_that_may_do_too_much_or_too_little) {
  const std::string account = " users_service@localhost";
  finds_sql({"service account", "problem", "DROP ON users.*",
             "REVOKE DROP ON users.* FROM 'users_service'@'localhost'"},
            "GRANT DROP ON users.* TO" + account, "REVOKE DROP ON users.* FROM" + account);
  finds_sql({"service account", "problem", "FILE ON *.*", "REVOKE FILE"},
            "GRANT FILE ON *.* TO" + account, "REVOKE FILE ON *.* FROM" + account);
  finds_sql({"service account", "problem", "SELECT ON mysql.", "REVOKE SELECT ON mysql."},
            "GRANT SELECT ON mysql.user TO" + account,
            "REVOKE SELECT ON mysql.user FROM" + account);
  finds_sql({"service account", "problem", "lacks DELETE", "GRANT DELETE ON `users`.*"},
            "REVOKE DELETE ON users.* FROM" + account, "GRANT DELETE ON users.* TO" + account);
}

BOOST_AUTO_TEST_CASE(an_account_whose_grant_is_a_pattern) {
  const Mend mended([] {
    query("REVOKE ALL PRIVILEGES ON `users\\_w`.* FROM users_service@localhost");
    query("DROP DATABASE users_w");
  });
  query("CREATE DATABASE users_w CHARACTER SET utf8mb4");
  query("GRANT SELECT, INSERT, UPDATE, DELETE ON users_w.* TO users_service@localhost");
  environment["USERS_FCGI_DATABASE_NAME"] = "users_w";
  look();
  expect({"service account", "problem", "in GRANT _ stands for any character",
          "REVOKE ALL PRIVILEGES ON `users_w`.* FROM 'users_service'@'localhost'; GRANT SELECT, "
          "INSERT, UPDATE, DELETE ON `users\\_w`.*"});
  // The advice works: only the stack's own database is left.
  query(
      "REVOKE ALL PRIVILEGES ON `users_w`.* FROM users_service@localhost; GRANT SELECT, INSERT, "
      "UPDATE, DELETE ON `users\\_w`.* TO users_service@localhost");
  look();
  expect({"service account", "problem", " ON users.*: a worker only", "REVOKE"});
}

BOOST_AUTO_TEST_CASE(a_schema_of_another_version) {
  const std::string last = query("SELECT MAX(version) FROM schema_migrations");
  // `oldest`: the version whose programs can work with it.
  const auto become = [](const std::string& from, const std::string& to,
                         const std::string& oldest = "oldestProgram") {
    return "UPDATE schema_migrations SET version = " + to + ", oldestProgram = " + oldest +
           " WHERE version = " + from;
  };
  const std::string own = query(
      "SELECT IFNULL(MAX(oldestProgram), 'NULL') FROM "
      "schema_migrations WHERE version = " +
      last);
  finds_sql({"schema", "problem", "migrations are pending", "migrate"}, become(last, "0"),
            become("0", last));
  finds_sql({"schema", "problem", "version 99", "install that release"}, become(last, "99", "NULL"),
            become("99", last, own));
  finds_sql({"schema", "warning", "version 99", "install that release"}, become(last, "99", last),
            become("99", last, own));
  finds_setting(
      {"migration files", "problem", "no migrations there", "set migrations in [database]"},
      "DATABASE_MIGRATIONS", folder.path());
}

BOOST_AUTO_TEST_CASE(another_key_than_the_other_hosts) {
  const std::string change = "UPDATE key_check SET fingerprint = REVERSE(fingerprint)";
  finds_sql({"key of this database", "problem", "another key", "copy key_file"}, change, change);
}

BOOST_AUTO_TEST_CASE(passkeys_of_another_domain) {
  finds_sql({"passkeys", "problem", "useless: 1", "set passkey.rp_id as it was"},
            "INSERT INTO factors (user_id, kind, credential, rpIdHash, createTime) VALUES (1, "
            "'passkey', 'doctor', REPEAT('x', 32), UTC_TIMESTAMP())",
            "DELETE FROM factors WHERE credential = 'doctor'");
}

BOOST_AUTO_TEST_CASE(a_key_of_identities_that_does_not_open_or_is_old) {
  const std::string sign = "USERS_FCGI_IDENTITY_SIGN=yes ";
  look();
  BOOST_TEST(row("signed identity")["found"] == "off");
  environment["USERS_FCGI_IDENTITY_SIGN"] = "yes";
  look();
  expect_ok("signed identity");
  const Mend gone([] { query("DELETE FROM identity_keys"); });
  run_script(sign + users_ctl("identity rotate"));
  run_script(sign + users_ctl("identity rotate"));
  const std::string old =
      "UPDATE identity_keys SET activeTime = activeTime - INTERVAL 93 DAY WHERE id = 1";
  finds_sql({"signed identity", "warning", "93 days old", "users-ctl identity rotate"}, old,
            "UPDATE identity_keys SET activeTime = activeTime + INTERVAL 93 DAY WHERE id = 1");
  // Also if it is the next one, which nothing uses yet.
  for (const char* id : {"1", "2"}) {
    const std::string change =
        std::string("UPDATE identity_keys SET sealed = REVERSE(sealed) WHERE id = ") + id;
    finds_sql({"signed identity", "problem", "does not open", "users-ctl identity revoke"}, change,
              change);
  }
}

BOOST_AUTO_TEST_CASE(a_careless_server_on_another_machine) {
  DatabaseServer server;
  std::ofstream(server.folder() + "/mariadb.cnf", std::ios::app)
      << "log-bin = binary\ninnodb_doublewrite = OFF\nsync_binlog = 0\n";
  server.restart(false);
  const auto administrator = server.administrator();
  administrator->run_script("DROP DATABASE users; CREATE DATABASE users CHARACTER SET utf8mb4",
                            "empty");
  const std::string port = ":" + std::to_string(server.port());
  environment["USERS_FCGI_DATABASE_PASSWORD_FILE"] =
      folder.write("other", std::string(kDatabasePassword));
  // 0.0.0.0 is this machine, too, by an address that doctor does not know as local.
  environment["USERS_FCGI_DATABASE_HOSTS"] = "127.0.0.1" + port;
  finds_setting({"database tls", "problem", "in clear", "database.tls"}, "DATABASE_HOSTS",
                "0.0.0.0" + port);
  look();
  expect({"innodb_doublewrite", "problem", "= OFF", "write innodb_doublewrite = ON"});
  expect({"sync_binlog", "problem", "sync_binlog = 0", "SET GLOBAL sync_binlog = 1"});
  expect({"schema", "problem", "has no schema yet", "migrate"});
  expect_ok("service account");
  administrator->run_script("SET GLOBAL sync_binlog = 1", "sync");
  look();
  expect_ok("sync_binlog");
}

BOOST_AUTO_TEST_SUITE_END()
