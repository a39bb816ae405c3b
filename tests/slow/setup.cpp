// users-ctl setup on the stack's server, with its own database and accounts.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <boost/algorithm/string/replace.hpp>
#include <boost/test/unit_test.hpp>
#include <sys/stat.h>

#include "base/config.hpp"
#include "base/crypto.hpp"
#include "db/database.hpp"
#include "db/provision.hpp"
#include "support/daemon.hpp"
#include "support/database_server.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/text.hpp"

using namespace users;
using namespace users::test;

namespace {

std::string ask(const std::string& sql) {
  return administrator()->run_script(sql, "test").value_or("NULL");
}

/// A machine with a server but no installation, and what setup creates there.
struct Machine {
  TemporaryDirectory folder;
  std::string name = "setup_" + crypto::random_hex(4);
  std::string config = folder.write("users.conf", settings()).string();

  ~Machine() {
    administrator()->run_script("DROP DATABASE IF EXISTS " + name + "; DROP USER IF EXISTS " +
                                    name + "_s@localhost, " + name + "_s@'192.0.2.%', " + name +
                                    "_m@localhost",
                                "drop what setup made");
  }

  [[nodiscard]] std::string path(const std::string& file) const {
    return folder.path().string() + "/" + file;
  }

  [[nodiscard]] std::string settings() const {
    return "[database]\nhosts = " + run_folder() + "/mariadb.sock\nname = " + name +
           "\nuser = " + name + "_s\nmigration_user = " + name +
           "_m\npassword_file = " + path("secrets/service") +
           "\nmigration_password_file = " + path("secrets/migration") +
           "\nmigrations = sql/migrations\n[secrets]\nkey_file = " + path("secrets/key") +
           "\n[log]\ndirectory = " + path("log/users") + "\n";
  }

  [[nodiscard]] Command set_up(const std::string& options = "--yes",
                               const std::string& environment = "") const {
    return run_command(environment + " \"$BIN\"/users-ctl --config '" + config +
                       "' setup --user \"$(id -un)\" " + options + " 2>&1 </dev/null");
  }

  /// Connects with the service's account.
  [[nodiscard]] std::unique_ptr<db::Connection> service() const {
    const Config loaded = load_config(config, nullptr);
    return std::make_unique<db::Connection>(
        db::service_endpoint(loaded, loaded.database_hosts.front()),
        read_secret(loaded, "database.password_file"));
  }

  [[nodiscard]] bool has_database() const {
    return ask("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = '" + name +
               "'") == "1";
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(setup, Machine)

BOOST_AUTO_TEST_CASE(it_makes_all_that_is_missing_and_then_finds_nothing_to_do) {
  const Command first = set_up();
  BOOST_TEST(first.status == 0, first.output);
  for (const auto* file : {"secrets/key", "secrets/service", "secrets/migration"}) {
    struct stat status {};
    BOOST_TEST_REQUIRE(::stat(path(file).c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 07777U) == 0600U);
    const std::string secret = read_file(path(file));
    BOOST_TEST(secret.size() == 64U);
    BOOST_TEST(!says(first, secret));
  }
  BOOST_TEST(read_file(path("secrets/key")) != read_file(path("secrets/service")));
  BOOST_TEST(ask("SELECT COUNT(*) FROM " + name + ".users") == "0");
  BOOST_TEST(std::filesystem::is_directory(path("log/users")));
  BOOST_TEST(says(first, "systemctl enable --now users-fcgi.target"));

  const std::string key = read_file(path("secrets/key"));
  const Command second = set_up("");  // asks nothing, because there is nothing to do
  BOOST_TEST(second.status == 0);
  BOOST_TEST(says(second, "nothing to do"));
  BOOST_TEST(!says(second, "to be made"));
  BOOST_TEST(read_file(path("secrets/key")) == key);
}

BOOST_AUTO_TEST_CASE(the_service_may_write_rows_and_alter_nothing) {
  BOOST_TEST(set_up().status == 0);
  const auto connection = service();
  connection->run_script("DELETE FROM users", "test");
  BOOST_CHECK_THROW(connection->run_script("CREATE TABLE t (n INT)", "test"), db::DatabaseError);
  BOOST_CHECK_THROW(connection->run_script("DROP TABLE users", "test"), db::DatabaseError);
  BOOST_CHECK_THROW(connection->run_script("SELECT * FROM mysql.user", "test"), db::DatabaseError);
}

BOOST_AUTO_TEST_CASE(the_other_hosts_of_a_cluster_get_in_over_tls_with_the_rights_of_the_service) {
  const std::string account = name + "_s@'192.0.2.%'";
  const auto password_is = [&](const std::string& host) {
    return "(SELECT authentication_string FROM mysql.user WHERE user = '" + name +
           "_s' AND host = '" + host + "')";
  };
  BOOST_TEST(set_up().status == 0);
  const Command made = set_up("--for-hosts 192.0.2.% --yes");
  BOOST_TEST(made.status == 0, made.output);
  BOOST_TEST(says(made, "made       account " + name + "_s@192.0.2.%, over TLS only"));
  BOOST_TEST(ask("SELECT " + password_is("192.0.2.%") + " = " + password_is("localhost")) == "1");
  BOOST_TEST(ask("SHOW CREATE USER " + account).ends_with("REQUIRE SSL"));
  BOOST_TEST(
      ask("SHOW GRANTS FOR " + account).starts_with("GRANT SELECT, INSERT, UPDATE, DELETE ON"));
  BOOST_TEST(says(set_up("--for-hosts 192.0.2.%"), "nothing to do"));
  for (const char* change :
       {"ALTER USER ACCOUNT REQUIRE NONE", "REVOKE DELETE ON `DATABASE`.* FROM ACCOUNT"}) {
    std::string sql = boost::replace_all_copy(std::string(change), "ACCOUNT", account);
    boost::replace_all(sql, "DATABASE", db::grant_pattern(name));
    ask(sql);
    BOOST_TEST(says(set_up("--for-hosts 192.0.2.% --yes"), "made       account"), sql);
  }
  BOOST_TEST(says(set_up("--for-hosts 192.0.2.%"), "nothing to do"));
  // It may belong to another installation.
  ask("SET PASSWORD FOR " + account + " = PASSWORD('another')");
  const Command refused = set_up("--for-hosts 192.0.2.% --yes");
  BOOST_TEST(refused.status == 1);
  BOOST_TEST(says(refused, "--take-over"));
  BOOST_TEST(says(set_up("--for-hosts 192.0.2.% --take-over --yes"), "made       account"));
  // Both accounts change at once.
  std::filesystem::remove(path("secrets/service"));
  BOOST_TEST(set_up("--for-hosts 192.0.2.% --take-over --yes").status == 0);
  BOOST_TEST(ask("SELECT " + password_is("192.0.2.%") + " = " + password_is("localhost")) == "1");
  BOOST_TEST(says(set_up("--for-hosts 192.0.2.%"), "nothing to do"));
}

BOOST_AUTO_TEST_CASE(a_host_with_another_key_than_the_database_knows_is_refused) {
  BOOST_TEST(set_up().status == 0);
  const std::string key = read_file(path("secrets/key"));
  // The key of another service, and one that has not been created yet.
  (void)folder.write("secrets/key", std::string(64, 'a'));
  BOOST_TEST(set_up().status == 1);
  std::filesystem::remove(path("secrets/key"));
  const Command refused = set_up();
  BOOST_TEST(refused.status == 1);
  BOOST_TEST(says(refused, "copy that file from another host"));
  BOOST_TEST(!std::filesystem::exists(path("secrets/key")));
  (void)folder.write("secrets/key", key);
  std::filesystem::permissions(path("secrets/key"), std::filesystem::perms(0600));
  BOOST_TEST(says(set_up(), "nothing to do"));
  std::filesystem::remove(path("secrets/key"));
  BOOST_TEST(set_up("--take-over --yes").status == 0);
  BOOST_TEST(says(set_up(), "nothing to do"));
}

BOOST_AUTO_TEST_CASE(the_other_hosts_are_addresses) {
  for (const std::string bad : {"%", "db.example.org", "db1.cafe", "192.0.2.%; x", "12", "",
                                "192.0.2.1_", "192.0.2.0/24", "192.0.2.0/", "2001:db8::/32"}) {
    const Command refused = set_up("--for-hosts '" + bad + "' --yes");
    BOOST_TEST(refused.status == 64, bad);
    BOOST_TEST(says(refused, "192.0.2.0/255.255.255.0"), bad);
  }
  BOOST_TEST(!has_database());
}

BOOST_AUTO_TEST_CASE(it_says_what_it_will_do_and_does_it_only_when_told) {
  const Command asked = set_up("");
  BOOST_TEST(asked.status == 64, asked.output);
  BOOST_TEST(says(asked, "to be made database " + name));
  BOOST_TEST(says(asked, "say --yes"));
  BOOST_TEST(!has_database());
  BOOST_TEST(!std::filesystem::exists(path("secrets")));
}

BOOST_AUTO_TEST_CASE(what_was_lost_is_made_again_and_the_rest_is_kept) {
  BOOST_TEST(set_up().status == 0);
  ask("INSERT INTO " + name +
      ".users (phone, password, createTime) VALUES ('+8613900000001', 'x', UTC_TIMESTAMP())");
  const std::string before = read_file(path("secrets/service"));
  std::filesystem::remove(path("secrets/service"));
  const Command again = set_up("--take-over --yes");
  BOOST_TEST(again.status == 0, again.output);
  BOOST_TEST(!says(again, "made       database"));
  BOOST_TEST(read_file(path("secrets/service")) != before);
  BOOST_CHECK_NO_THROW(service()->run_script("SELECT 1", "test"));
  BOOST_TEST(ask("SELECT COUNT(*) FROM " + name + ".users") == "1");
}

BOOST_AUTO_TEST_CASE(an_account_of_another_installation_keeps_its_password) {
  BOOST_TEST(set_up().status == 0);
  const std::string first = path("secrets");
  std::filesystem::rename(first, path("secrets.first"));
  for (const std::string& account : {name + "_s", name + "_m"}) {
    const Command second = set_up();
    BOOST_TEST(second.status == 1, second.output);
    BOOST_TEST(says(second, name + "_s@localhost already"));
    BOOST_TEST(says(second, "--take-over"));
    BOOST_TEST(!says(second, "made "));
    BOOST_TEST(!std::filesystem::exists(first), account);
  }
  std::filesystem::rename(path("secrets.first"), first);
  BOOST_CHECK_NO_THROW(service()->run_script("SELECT 1", "test"));
  // Only the migrations' account is missing.
  std::filesystem::remove(path("secrets/migration"));
  BOOST_TEST(says(set_up(), name + "_m@localhost already"));
}

BOOST_AUTO_TEST_CASE(an_account_that_was_made_without_its_rights_gets_them) {
  BOOST_TEST(set_up().status == 0);
  ask("REVOKE ALL PRIVILEGES, GRANT OPTION FROM " + name + "_s@localhost");
  const Command again = set_up();
  BOOST_TEST(again.status == 0, again.output);
  BOOST_TEST(service()->run_script("SELECT COUNT(*) FROM users", "test").value_or("") == "0");
}

BOOST_AUTO_TEST_CASE(its_accounts_have_rights_on_its_own_database_alone) {
  // In a LIKE pattern, setup_1 would match setupX1.
  const std::string like = "setupX" + name.substr(std::string("setup_").size());
  ask("CREATE DATABASE " + like);
  BOOST_TEST(set_up().status == 0);
  for (const char* account : {"_s", "_m"}) {
    BOOST_TEST(ask("SELECT COUNT(*) FROM mysql.db WHERE user = '" + name + account + "' AND '" +
                   like + "' LIKE db") == "0");
    BOOST_TEST(ask("SELECT COUNT(*) FROM mysql.db WHERE user = '" + name + account + "' AND '" +
                   name + "' LIKE db") == "1");
  }
  ask("DROP DATABASE " + like);
}

BOOST_AUTO_TEST_CASE(a_secret_is_written_whole_or_not_at_all) {
  // Like a full disk: not a byte can be written, and the signal would end the program.
  const Command full = run_command("(ulimit -f 0; exec \"$BIN\"/users-ctl --config '" + config +
                                   "' setup --user \"$(id -un)\" --yes) 2>&1 </dev/null | cat");
  for (const auto* file : {"secrets/key", "secrets/service", "secrets/migration"}) {
    BOOST_TEST(!std::filesystem::exists(path(file)), full.output);
  }
  const Command again = set_up();
  BOOST_TEST(again.status == 0, again.output);
  BOOST_TEST(read_file(path("secrets/key")).size() == 64U);
  BOOST_TEST(!std::filesystem::exists(path("secrets/key.new")));
}

BOOST_AUTO_TEST_CASE(a_password_of_the_operators_own_is_taken_as_it_is) {
  std::filesystem::create_directory(path("secrets"));
  const std::string own = R"(it's a \ "pass" word;%)";
  std::filesystem::rename(folder.write("own", own), path("secrets/service"));
  const Command command = set_up();
  BOOST_TEST(command.status == 0, command.output);
  BOOST_TEST(read_file(path("secrets/service")) == own);
  BOOST_CHECK_NO_THROW(service()->run_script("SELECT 1", "test"));
  BOOST_TEST(!says(command, own));
}

BOOST_AUTO_TEST_CASE(a_database_of_something_else_is_left_alone) {
  ask("CREATE DATABASE " + name + "; CREATE TABLE " + name + ".users (id INT)");
  const Command command = set_up();
  BOOST_TEST(command.status == 1);
  BOOST_TEST(says(command, "has tables of something else"));
  BOOST_TEST(!std::filesystem::exists(path("secrets")));
}

BOOST_AUTO_TEST_CASE(what_it_cannot_do_it_says) {
  for (const auto& [environment, text] :
       {std::pair<std::string, std::string>{"HOSTS=/nonexistent/socket", "systemctl start mariadb"},
        {"NAME='a`b'", "is no name for a database"},
        {"MIGRATION_USER=" + name + "_s", "are both " + name + "_s"}}) {
    const Command refused = set_up("--yes", "USERS_FCGI_DATABASE_" + environment);
    BOOST_TEST(refused.status == 1, environment);
    BOOST_TEST(says(refused, text), refused.output);
  }
  BOOST_TEST(!has_database());
}

BOOST_AUTO_TEST_CASE(what_the_server_has_to_have_is_said_where_no_socket_leads_to_it) {
  const DatabaseServer server;
  std::string text = settings();
  const std::string socket = run_folder() + "/mariadb.sock";
  text.replace(text.find(socket), socket.size(), "127.0.0.1:" + std::to_string(server.port()));
  config = folder.write("users.conf", text);

  const Command first = set_up();
  BOOST_TEST(first.status == 1);
  for (const char* file : {"secrets/key", "secrets/service", "secrets/migration", "log/users"}) {
    BOOST_TEST(std::filesystem::exists(path(file)), file);
  }
  BOOST_TEST(says(first, "then run this again"));
  // As the server's operator would do it.
  std::string sql;
  std::istringstream lines(first.output);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ") && line.ends_with(';')) sql += line + "\n";
  }
  BOOST_TEST(std::ranges::count(sql, '\n') == 5);
  const auto fill_in = [&](const std::string& what, const std::string& value) {
    for (auto at = sql.find(what); at != std::string::npos; at = sql.find(what)) {
      sql.replace(at, what.size(), value);
    }
  };
  for (const char* file : {"secrets/service", "secrets/migration"}) {
    BOOST_TEST(!says(first, read_file(path(file))));
    fill_in("CONTENT OF " + path(file), read_file(path(file)));
  }
  fill_in("@'HOST'", "@'127.0.0.%'");
  server.run(sql);

  const Command second = set_up();
  BOOST_TEST(second.status == 0, second.output);
  BOOST_TEST(says(second, "there      database " + name + " and two accounts on 127.0.0.1:"));
  BOOST_TEST(says(second, "made       tables"));
  const Command third = set_up();
  BOOST_TEST(third.status == 0);
  BOOST_TEST(says(third, "nothing to do"));
}

BOOST_AUTO_TEST_CASE(what_is_there_and_no_secret_is_told_before_anything_is_made) {
  std::filesystem::create_directory(path("secrets"));
  for (const std::function<void()>& make : std::vector<std::function<void()>>{
           [&] { std::filesystem::create_directory(path("secrets/key")); },
           [&] { std::filesystem::create_symlink("nowhere", path("secrets/key")); },
           [&] { std::ofstream(path("secrets/key")).flush(); }}) {
    make();
    const Command refused = set_up();
    BOOST_TEST(refused.status == 1);
    BOOST_TEST(says(refused, "secrets/key is there, but is no file with a secret in it"));
    BOOST_TEST(!has_database());
    BOOST_TEST(!std::filesystem::exists(path("log")));
    std::filesystem::remove(path("secrets/key"));
  }
  std::filesystem::rename(folder.write("half", std::string(30, 'k')), path("secrets/key"));
  const Command half = set_up();
  BOOST_TEST(half.status == 78);
  BOOST_TEST(says(half, "holds 30 bytes, a key has 64"));
  BOOST_TEST(!has_database());
}

BOOST_AUTO_TEST_CASE(an_account_that_another_makes_meanwhile_keeps_its_password) {
  BOOST_TEST_REQUIRE(::mkfifo(path("answer").c_str(), 0600) == 0);
  // It has looked at everything before it asks.
  const Daemon asking({"/bin/sh", "-c",
                       "exec script -qec \"'" + program("users-ctl") + "' --config '" + config +
                           "' setup --user $(id -un)\" /dev/null <'" + path("answer") + "'"},
                      {}, path("asking.log"));
  std::ofstream answer(path("answer"));
  BOOST_TEST_REQUIRE(wait_until(
      30, [&] { return read_file(path("asking.log")).find("Go on?") != std::string::npos; }));
  ask("CREATE USER " + name + "_s@localhost IDENTIFIED BY 'another installation'");
  answer << "y\n" << std::flush;
  BOOST_TEST(wait_until(
      30, [&] { return read_file(path("asking.log")).find("1396") != std::string::npos; }));
  const db::Endpoint others{run_folder() + "/mariadb.sock", "", name + "_s"};
  BOOST_CHECK_NO_THROW(db::Connection(others, Secret(std::string_view("another installation"))));
}

BOOST_AUTO_TEST_CASE(a_database_of_another_installation_is_not_shared_unasked) {
  BOOST_TEST(set_up().status == 0);
  const std::string accounts = "USERS_FCGI_DATABASE_USER=" + name +
                               "_s2 USERS_FCGI_DATABASE_MIGRATION_USER=" + name + "_m2 ";
  std::filesystem::rename(path("secrets"), path("secrets.first"));
  const Command refused = set_up("--yes", accounts);
  BOOST_TEST(refused.status == 1);
  BOOST_TEST(says(refused, "with the tables of this service already, but none of the accounts"));
  BOOST_TEST(says(refused, "(name, user, migration_user)"));
  BOOST_TEST(says(refused, "users-ctl --config " + config + " setup --take-over"));
  BOOST_TEST(!std::filesystem::exists(path("secrets")));
  BOOST_TEST(ask("SELECT COUNT(*) FROM mysql.user WHERE user LIKE '" + name + "%'") == "2");
  BOOST_TEST(set_up("--take-over --yes", accounts).status == 0);
  BOOST_TEST(ask("SELECT COUNT(*) FROM mysql.user WHERE user LIKE '" + name + "%'") == "4");
  ask("DROP USER " + name + "_s2@localhost, " + name + "_m2@localhost");
}

BOOST_AUTO_TEST_SUITE_END()
