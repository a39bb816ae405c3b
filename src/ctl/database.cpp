// users-ctl migrate and after-restore: the database's schema, and what a restored backup must not
// revive.
#include "db/database.hpp"

#include <iostream>

#include "base/secret.hpp"
#include "ctl/command.hpp"
#include "ctl/service.hpp"
#include "db/migrations.hpp"

namespace users::ctl {
namespace {

constexpr unsigned kMigrationTimeout = 24 * 60 * 60;  // altering a large table takes long

Secret migration_password(const Config& config) {
  return read_secret(config, "database.migration_password_file");
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

int after_restore(const Call& call) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
  std::optional<std::uint64_t> next_id;
  if (const auto typed = call.option("next-id"))
    next_id = parse_number("--next-id", *typed, 1, kMost);
  const Config config = call.config();
  Service service(config);
  if (!confirmed(
          call,
          "This ends every session, voids every code and every pending message, and lets account "
          "numbers continue further up.")) {
    return EXIT_FAILURE;
  }
  try {
    const Restored ended = service.accounts().after_restore(next_id);
    std::cout << "ended " << counted(ended.sessions, "session") << ", voided "
              << counted(ended.codes, "code") << " and " << counted(ended.messages, "message")
              << "; the next account gets number " << ended.next_id << std::endl;
  } catch (const std::invalid_argument& error) {
    throw Refused(std::string("--next-id: ") + error.what());
  }
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
