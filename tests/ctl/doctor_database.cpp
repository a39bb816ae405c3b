// users-ctl doctor: faults of the database servers, the accounts and the schema.
#include "ctl/doctor_fixture.hpp"
#include "support/daemon.hpp"

using namespace users::test;

namespace {

/// A server of its own with what cannot be changed while one runs: binary log, no doublewrite, TCP.
class CarelessServer {
 public:
  explicit CarelessServer(const std::string& password)
      : port_(free_port()), data_(prepare(password)), server_(command(), {}, path("log")) {}

  [[nodiscard]] std::string address(const std::string& host) const {
    return host + ":" + std::to_string(port_);
  }
  /// As root of the database; the script's last value.
  std::string query(const std::string& sql) {
    return users::db::Connection({path("sock"), "mysql", "root"}, users::Secret())
        .run_script(sql, "test")
        .value_or("NULL");
  }
  [[nodiscard]] bool answers() {
    try {
      return query("SELECT COUNT(*) FROM mysql.db WHERE User = 'users_service'") == "1";
    } catch (const users::db::DatabaseError&) {
      return false;
    }
  }

 private:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path() / name; }

  [[nodiscard]] std::string prepare(const std::string& password) const {
    run_script(
        "mariadb-install-db --no-defaults --rpm --skip-test-db --innodb-log-file-size=4M "
        "--auth-root-authentication-method=normal --datadir='" +
        path("data") + "'");
    std::ofstream(path("accounts.sql"))
        << "CREATE DATABASE users CHARACTER SET utf8mb4;\nCREATE USER users_service@'%' IDENTIFIED "
           "BY '"
        << password
        << "';\nGRANT SELECT, INSERT, UPDATE, DELETE ON users.* TO users_service@'%';\n";
    return path("data");
  }

  [[nodiscard]] std::vector<std::string> command() const {
    std::vector<std::string> words{"mariadbd",
                                   "--no-defaults",
                                   "--datadir=" + data_,
                                   "--socket=" + path("sock"),
                                   "--pid-file=" + path("pid"),
                                   "--port=" + std::to_string(port_),
                                   "--bind-address=127.0.0.1",
                                   "--skip-name-resolve",
                                   "--log-bin=" + data_ + "/binary",
                                   "--innodb-doublewrite=OFF",
                                   "--innodb-log-file-size=4M",
                                   "--innodb-buffer-pool-size=16M",
                                   "--performance-schema=OFF",
                                   "--init-file=" + path("accounts.sql")};
    if (::geteuid() == 0) words.emplace_back("--user=root");
    return words;
  }

  TemporaryDirectory folder_;
  unsigned port_;
  std::string data_;
  Daemon server_;
};

}  // namespace

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
  // One of two servers is enough to ask, but the other is told.
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
  // What an ordinary account's session starts with.
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
  // Its advice mends it: what is left is the stack's own database.
  query(
      "REVOKE ALL PRIVILEGES ON `users_w`.* FROM users_service@localhost; GRANT SELECT, INSERT, "
      "UPDATE, DELETE ON `users\\_w`.* TO users_service@localhost");
  look();
  expect({"service account", "problem", " ON users.*: a worker needs", "REVOKE"});
}

BOOST_AUTO_TEST_CASE(a_schema_of_another_version) {
  const std::string last = query("SELECT MAX(version) FROM schema_migrations");
  const auto become = [](const std::string& from, const std::string& to) {
    return "UPDATE schema_migrations SET version = " + to + " WHERE version = " + from;
  };
  finds_sql({"schema", "problem", "migrations are pending", "migrate"}, become(last, "0"),
            become("0", last));
  finds_sql({"schema", "problem", "version 99", "install the release"}, become(last, "99"),
            become("99", last));
  finds_setting(
      {"migration files", "problem", "no migrations there", "set migrations in [database]"},
      "DATABASE_MIGRATIONS", folder.path());
}

BOOST_AUTO_TEST_CASE(a_careless_server_on_another_machine) {
  const std::string password = "the password of the other one";
  environment["USERS_FCGI_DATABASE_PASSWORD_FILE"] = folder.write("other", password);
  CarelessServer server(password);
  BOOST_TEST_REQUIRE(wait_until(30, [&] { return server.answers(); }));
  // 0.0.0.0 is the same machine, by an address that is not known for being so.
  environment["USERS_FCGI_DATABASE_HOSTS"] = server.address("127.0.0.1");
  finds_setting({"database tls", "problem", "in clear", "database.tls"}, "DATABASE_HOSTS",
                server.address("0.0.0.0"));
  look();
  expect({"innodb_doublewrite", "problem", "= OFF", "the line innodb_doublewrite = ON"});
  expect({"sync_binlog", "problem", "sync_binlog = 0", "SET GLOBAL sync_binlog = 1"});
  expect({"schema", "problem", "has none yet", "migrate"});
  expect_ok("service account");
  server.query("SET GLOBAL sync_binlog = 1");
  look();
  expect_ok("sync_binlog");
}

BOOST_AUTO_TEST_SUITE_END()
