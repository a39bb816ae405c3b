// Brings the schema up to date as the migrations' account.
#include <iostream>

#include "base/secret.hpp"
#include "ctl/command.hpp"
#include "db/database.hpp"
#include "db/migrations.hpp"

namespace users::ctl {
namespace {

constexpr unsigned kMigrationTimeout = 24 * 60 * 60;  // a large table takes its time to alter

Secret migration_password(const Config& config) {
  return read_secret(config, "database.migration_password_file",
                     config.database_migration_password_file);
}

db::Connection connect(const Config& config, const Secret& password) {
  require_tls_ca(config);
  for (std::size_t i = 0;; ++i) {
    auto endpoint = db::service_endpoint(config, config.database_hosts[i]);
    endpoint.user = config.database_migration_user;
    endpoint.read_timeout = kMigrationTimeout;
    try {
      return {endpoint, password};
    } catch (const db::DatabaseError&) {
      if (i + 1 == config.database_hosts.size()) throw;
    }
  }
}

int check(const std::vector<db::Migration>& pending) {
  for (const auto& migration : pending) std::cout << "pending: " << migration.name << '\n';
  if (!pending.empty()) return EXIT_FAILURE;
  std::cout << "the schema is up to date\n";
  return EXIT_SUCCESS;
}

}  // namespace

std::vector<db::Migration> pending_migrations(const Config& config) {
  const Secret password = migration_password(config);
  db::Connection connection = connect(config, password);
  return db::pending_migrations(connection, db::list_migrations(config.database_migrations));
}

int migrate(const Call& call) {
  const Config config = call.config();
  const Secret password = migration_password(config);
  const auto all = db::list_migrations(config.database_migrations);
  db::Connection connection = connect(config, password);
  const auto pending = db::pending_migrations(connection, all);
  if (call.has("check") || pending.empty()) return check(pending);
  for (const auto& migration : pending) {
    const bool mine = db::apply_migration(connection, migration);
    std::cout << (mine ? "applied: " : "applied by another: ") << migration.name << std::endl;
  }
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
