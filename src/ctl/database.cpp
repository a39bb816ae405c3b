// users-ctl migrate and after-restore: the database's schema, and what a restored backup must not
// revive.
#include <iostream>

#include "ctl/key_check.hpp"
#include "ctl/service.hpp"

namespace users::ctl {
namespace {

constexpr unsigned kMigrationTimeout = 24 * 60 * 60;  // altering a large table takes long

db::Connection connect(const Config& config) {
  const Secret password = read_secret(config, "database.migration_password_file");
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

int migrate(const Call& call) {
  const Config config = call.config();
  const auto pending = pending_migrations(config);
  if (pending.empty()) {
    std::cout << "the schema is up to date\n";
    return EXIT_SUCCESS;
  }
  if (!call.has("check")) {
    apply_migrations(config, pending);
    return EXIT_SUCCESS;
  }
  for (const auto& migration : pending) std::cout << "pending: " << migration.name << '\n';
  return EXIT_FAILURE;
}

int after_restore(const Call& call) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
  std::optional<std::uint64_t> next_id;
  if (const auto typed = call.option("next-id")) {
    next_id = parse_number("--next-id", *typed, 1, kMost);
  }
  Service service(call);
  if (!confirmed(
          call,
          "This ends every session, voids every code, recovery code and pending message, replaces "
          "the identity keys, and lets account numbers continue further up.")) {
    return EXIT_FAILURE;
  }
  try {
    const Restored ended = service.accounts().after_restore(next_id);
    std::cout << "ended " << counted(ended.sessions, "session") << ", voided "
              << counted(ended.codes, "code") << ", "
              << counted(ended.recovery_codes, "recovery code") << " and "
              << counted(ended.messages, "message") << ", replaced "
              << counted(ended.identity_keys, "identity key") << "; the next account gets number "
              << ended.next_id << std::endl;
  } catch (const std::invalid_argument& error) {
    throw Refused(std::string("--next-id: ") + error.what());
  }
  return EXIT_SUCCESS;
}

}  // namespace

std::vector<db::Migration> pending_migrations(const Config& config) {
  const auto all = db::list_migrations(config.database_migrations);
  db::Connection connection = connect(config);
  return db::pending_migrations(connection, all);
}

void apply_migrations(const Config& config, const std::vector<db::Migration>& pending) {
  db::Connection connection = connect(config);
  for (const auto& migration : pending) {
    const bool is_ours = db::apply_migration(connection, migration);
    std::cout << (is_ours ? "applied: " : "applied by another: ") << migration.name << std::endl;
  }
  try {
    remember_key(connection, read_key(config));
  } catch (const ConfigError&) {  // not on a machine without the key: a host of the service does it
  }
}

const std::vector<Command> kDatabaseCommands{
    {"migrate", "", "--check",
     "Applies the migrations that the database lacks, as database.migration_user. Forward only; if "
     "two run at once, one waits. --check only lists them, exit code 1 if there are any.",
     migrate},
    {"after-restore", "", "--next-id --yes",
     "Run this after the database was restored from a backup or a snapshot, before anything uses "
     "it. Ends every session and voids every code, recovery code and pending message, since the "
     "backup revives those that were ended or used; replaces the identity keys; tell users with a "
     "second factor to make new recovery codes. Passwords, authenticator apps and passkeys are as "
     "they were in the backup, also those that were replaced or removed since. Accounts created "
     "since the backup are gone, but backends may know their numbers: the next account gets a "
     "number a million beyond the greatest, or N. Users and the counters of limits stay. Asks.",
     after_restore},
};

}  // namespace users::ctl
