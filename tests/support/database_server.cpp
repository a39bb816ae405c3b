#include "support/database_server.hpp"

#include <stdexcept>

#include <pwd.h>
#include <unistd.h>

#include "db/migrations.hpp"
#include "support/stack.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

std::string user_name() {
  return ::getpwuid(::geteuid())->pw_name;  // NOLINT(concurrency-mt-unsafe): one thread
}

/// Same options as scripts/start_database.sh.
void make_data(const std::string& folder) {
  run_script("install -m 0600 scripts/mariadb.cnf '" + folder + "/mariadb.cnf'");
  if (::geteuid() == 0) run_script("echo 'user = root' >>'" + folder + "/mariadb.cnf'");
  run_script("cd '" + folder +
             "' && mariadb-install-db --defaults-file=./mariadb.cnf --rpm --datadir=./data "
             "--skip-test-db --auth-root-authentication-method=socket --auth-root-socket-user=" +
             user_name());
}

std::string account(const std::string& name, const std::string& privileges) {
  return "CREATE USER " + name + "@'%' IDENTIFIED BY '" + std::string(kDatabasePassword) +
         "'; GRANT " + privileges + " ON users.* TO " + name + "@'%';";
}

}  // namespace

DatabaseServer::DatabaseServer() {
  make_data(folder());
  restart(false);
  administrator()->run_script("CREATE DATABASE users CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;" +
                                  account("users_service", "SELECT, INSERT, UPDATE, DELETE") +
                                  account("users_migrations", "ALL PRIVILEGES"),
                              "accounts");
  const auto connection = administrator("users");
  for (const auto& migration : db::list_migrations("sql/migrations")) {
    db::apply_migration(*connection, migration);
  }
}

void DatabaseServer::restart(bool tls) {
  daemon_.reset();
  std::vector<std::string> command{"mariadbd",
                                   "--defaults-file=" + folder() + "/mariadb.cnf",
                                   "--datadir=" + folder() + "/data",
                                   "--socket=" + socket(),
                                   "--pid-file=" + folder() + "/db.pid",
                                   "--skip-networking=0",
                                   "--bind-address=127.0.0.1",
                                   "--port=" + std::to_string(port_)};
  if (tls) {
    command.push_back("--ssl-cert=" + folder() + "/server.pem");
    command.push_back("--ssl-key=" + folder() + "/server.key");
  } else {
    command.emplace_back("--skip-ssl");
  }
  const std::string log = folder() + "/mariadbd.log";
  daemon_.emplace(command, std::vector<std::string>{}, log);
  const bool up = wait_until(60, [this] {
    try {
      return administrator() != nullptr;
    } catch (const db::DatabaseError&) {
      return false;
    }
  });
  if (!up) throw std::runtime_error("mariadbd does not start: " + run_script("tail '" + log + "'"));
}

std::unique_ptr<db::Connection> DatabaseServer::administrator(const std::string& database) const {
  return std::make_unique<db::Connection>(db::Endpoint{socket(), database, user_name()}, Secret());
}

void DatabaseServer::run(const std::string& sql) const {
  administrator("users")->run_script(sql, "test");
}

std::string DatabaseServer::query(const std::string& sql) const {
  return administrator("users")->run_script(sql, "test").value_or("NULL");
}

}  // namespace users::test
