#include "db/migrations.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/crypto.hpp"

namespace users::db {

const unsigned kSchemaVersion = SCHEMA_VERSION;

namespace {

constexpr std::string_view kVersionTable =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "version INT UNSIGNED NOT NULL, "
    "name VARCHAR(128) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL, "
    "applyTime DATETIME NOT NULL COMMENT 'UTC', "
    "PRIMARY KEY (version)) "
    "ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;"
    // Older databases have the table without this column; their rows keep NULL.
    "ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS "
    "checksum CHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NULL "
    "COMMENT 'SHA-256 of the file' AFTER name, ADD COLUMN IF NOT EXISTS "
    "oldestProgram INT UNSIGNED NULL COMMENT 'the first version whose programs can work with it'";

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream content;
  content << stream.rdbuf();
  if (!stream) throw std::runtime_error(file.string() + ": cannot be read");
  return content.str();
}

/// The number of a file NNNN_what.sql; nullopt for other names.
std::optional<unsigned> version_of(std::string_view name) {
  constexpr std::size_t kDigits = 4;
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_";
  if (name.size() < kDigits || !name.ends_with(".sql")) return std::nullopt;
  const std::string_view what = name.substr(kDigits, name.size() - kDigits - 4);
  if (!what.starts_with('_') || what.find_first_not_of(kLetters) != std::string_view::npos) {
    return std::nullopt;
  }
  unsigned version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, version);
  if (error != std::errc{} || end != name.data() + kDigits) return std::nullopt;
  return version;
}

/// Returns N from a line `-- oldest program: N` of the migration, or its own version without one.
unsigned oldest_program(const Migration& migration, const std::string& script) {
  constexpr std::string_view kLine = "\n-- oldest program: ";
  const auto at = ("\n" + script).find(kLine);
  if (at == std::string::npos) return migration.version;
  const char* digits = script.data() + at + kLine.size() - 1;
  unsigned oldest = 0;
  const auto [end, error] = std::from_chars(digits, script.data() + script.size(), oldest);
  const bool is_whole = end == script.data() + script.size() || *end == '\n';
  if (error == std::errc{} && is_whole && oldest > 0 && oldest <= migration.version) return oldest;
  throw std::runtime_error(migration.name + ": its oldest program must be a version from 1 to " +
                           std::to_string(migration.version));
}

bool has_column(Connection& connection, const std::string& table, const std::string& column) {
  return connection.run_script(
             "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND "
             "table_name = '" +
                 table + "' AND column_name = '" + column + "'",
             "columns") != "0";
}

/// Refuses a file that has changed since it was applied: it would not describe the database.
void require_unchanged(Connection& connection, const Migration& applied) {
  const auto checksum = connection.run_script(
      "SELECT checksum FROM schema_migrations WHERE version = " + std::to_string(applied.version),
      "checksum");
  if (!checksum || *checksum == crypto::sha256_hex(read_file(applied.file))) return;
  throw SchemaMismatch(applied.file.string() +
                       " is not the file that was applied to the database: restore the file of the "
                       "release; to change the schema, add a new migration");
}

/// CREATE TABLE IF NOT EXISTS would keep the foreign table, and the service would fail on it.
void require_no_foreign_table(Connection& connection) {
  // In this order: another process may be creating our table.
  if (!has_column(connection, "users", "id") || has_column(connection, "users", "regist_key")) {
    return;
  }
  throw SchemaMismatch(
      "the database has a table users that this service did not create, perhaps the tutorial's; "
      "nothing was changed in it. Give the service a database of its own (name in [database]), and "
      "import the accounts with users-ctl import");
}

/// Admits one process at a time. A single server's advisory lock ends with the connection at the
/// latest. On a cluster such a lock covers only one node, so a row in a table is the lock.
class MigrationLock {
 public:
  explicit MigrationLock(Connection& connection)
      : connection_(connection),
        is_cluster_(
            connection.run_script("SELECT COUNT(*) FROM information_schema.global_variables "
                                  "WHERE variable_name = 'WSREP_ON' AND variable_value = "
                                  "'ON'",
                                  "wsrep_on") == "1") {
    if (is_cluster_) {
      wait_for_row();
    } else if (connection.run_script("SELECT GET_LOCK('users_fcgi.migrate', 60)", "lock") != "1") {
      throw LockWaitTimeout("another migration has run for a minute: try again later", 0);
    }
  }
  ~MigrationLock() {
    try {
      connection_.run_script(
          is_cluster_ ? "DELETE FROM schema_lock" : "DO RELEASE_LOCK('users_fcgi.migrate')",
          "unlock");
    } catch (...) {
      connection_.give_up();
    }
  }
  MigrationLock(const MigrationLock&) = delete;
  MigrationLock& operator=(const MigrationLock&) = delete;

 private:
  void wait_for_row() {
    connection_.run_script(
        "CREATE TABLE IF NOT EXISTS schema_lock (id TINYINT UNSIGNED NOT NULL, sinceTime DATETIME "
        "NOT NULL COMMENT 'UTC', PRIMARY KEY (id)) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 "
        "COLLATE = utf8mb4_bin COMMENT 'a row while a host of a cluster migrates'",
        "lock");
    constexpr int kMostTries = 60;
    for (int tries = 1;; ++tries) {
      try {
        connection_.run_script(
            "INSERT INTO schema_lock (id, sinceTime) VALUES (1, UTC_TIMESTAMP())", "lock");
        return;
      } catch (const DuplicateKey&) {
        if (tries == kMostTries) {
          throw LockWaitTimeout(
              "another host has been migrating for a minute: try again later; if it was killed, "
              "DELETE FROM schema_lock",
              0);
        }
      } catch (const Deadlock&) {  // a host that was faster
      }
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }

  Connection& connection_;
  bool is_cluster_;
};

}  // namespace

unsigned schema_version(Connection& connection) {
  try {
    const auto version =
        connection.run_script("SELECT MAX(version) FROM schema_migrations", "schema version");
    return version ? static_cast<unsigned>(std::stoul(*version)) : 0;
  } catch (const NoSuchTable&) {
    return 0;
  }
}

bool can_work_with(Connection& connection, unsigned version) {
  if (version <= kSchemaVersion) return version == kSchemaVersion;
  if (!has_column(connection, "schema_migrations", "oldestProgram")) return false;
  const auto oldest = connection.run_script(
      "SELECT MAX(IFNULL(oldestProgram, version)) FROM schema_migrations WHERE version > " +
          std::to_string(kSchemaVersion),
      "oldest program");
  return oldest && std::stoul(*oldest) <= kSchemaVersion;
}

std::vector<Migration> list_migrations(const std::filesystem::path& folder) {
  std::vector<Migration> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (const auto version = version_of(name)) all.push_back({*version, name, entry.path()});
  }
  std::ranges::sort(all, {}, &Migration::version);
  for (unsigned i = 0; i < all.size(); ++i) {
    if (all[i].version != i + 1) {
      throw std::runtime_error(folder.string() + ": migration " + std::to_string(i + 1) +
                               " is missing or exists twice");
    }
  }
  if (all.empty()) throw std::runtime_error(folder.string() + ": no migrations there");
  return all;
}

std::vector<Migration> pending_migrations(Connection& connection,
                                          const std::vector<Migration>& all) {
  const unsigned version = schema_version(connection);
  if (version > all.size() && can_work_with(connection, version)) return {};
  if (version > all.size()) {
    throw SchemaMismatch("the database's schema is version " + std::to_string(version) +
                         ", but the migrations here end at " + std::to_string(all.size()) +
                         ": install the release that matches the database");
  }
  if (version == 0) {
    require_no_foreign_table(connection);
  } else if (has_column(connection, "schema_migrations", "checksum")) {
    for (unsigned i = 0; i < version; ++i) require_unchanged(connection, all[i]);
  }
  return {all.begin() + version, all.end()};
}

bool apply_migration(Connection& connection, const Migration& migration) {
  const MigrationLock lock(connection);
  connection.run_script(std::string(kVersionTable), "version table");
  if (schema_version(connection) >= migration.version) return false;
  const std::string script = read_file(migration.file);
  const unsigned oldest = oldest_program(migration, script);
  connection.run_script(script, migration.name);
  // The name is of our own file; list_migrations() checked that it is [a-z0-9_.].
  connection.run_script(
      "INSERT INTO schema_migrations (version, name, checksum, oldestProgram, applyTime) VALUES (" +
          std::to_string(migration.version) + ", '" + migration.name + "', '" +
          crypto::sha256_hex(script) + "', " + std::to_string(oldest) + ", UTC_TIMESTAMP())",
      "record");
  return true;
}

}  // namespace users::db
