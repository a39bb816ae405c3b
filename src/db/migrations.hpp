// Forward-only migrations: listing them, comparing with a database, and applying the rest.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "db/connection.hpp"

namespace users::db {

struct Migration {
  unsigned version;
  std::string name;  ///< the file's name
  std::filesystem::path file;
};

/// The schema version that these programs need: the number of files in sql/migrations at build
/// time.
extern const unsigned kSchemaVersion;

/// The version of the database's schema; 0 if it has none.
unsigned schema_version(Connection& connection);

/// Returns true if these programs can work with a database of this version: their own version, or a
/// later one if each later migration has a line `-- oldest program: N` with N <= kSchemaVersion.
/// This lets the hosts of a cluster be upgraded one after another.
bool can_work_with(Connection& connection, unsigned version);

/// The files NNNN_what.sql of a folder, by version. Throws std::runtime_error if the numbers are
/// not 1, 2, 3, ... or the folder cannot be read.
std::vector<Migration> list_migrations(const std::filesystem::path& folder);

/// The migrations that the database lacks. Throws SchemaMismatch if the database is newer and
/// can_work_with() is false, if an applied file has changed, or if its table users is not this
/// service's.
std::vector<Migration> pending_migrations(Connection& connection,
                                          const std::vector<Migration>& all);

/// Applies one migration and records it. Only one process does so at a time, also on a cluster, and
/// every migration can run twice. Returns false if another process has applied it. Throws
/// LockWaitTimeout if another process holds the lock for a minute.
bool apply_migration(Connection& connection, const Migration& migration);

}  // namespace users::db
