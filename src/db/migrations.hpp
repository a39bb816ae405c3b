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

/// The files NNNN_what.sql of a folder, by version. Throws std::runtime_error if the numbers are
/// not 1, 2, 3, ... or the folder cannot be read.
std::vector<Migration> list_migrations(const std::filesystem::path& folder);

/// The migrations that the database lacks. Throws SchemaMismatch if the database is newer, if an
/// applied file has changed, or if its table users is not this service's.
std::vector<Migration> pending_migrations(Connection& connection,
                                          const std::vector<Migration>& all);

/// Applies one migration and records it. Safe when two processes apply the same one: the server
/// lock `users_fcgi.migrate` admits one at a time, and every migration can run twice. Returns false
/// if another process has applied it.
bool apply_migration(Connection& connection, const Migration& migration);

}  // namespace users::db
