// Forward-only migrations: which there are, which a database has, and applying the rest.
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

/// The version of the schema these programs are made for: the number of files in sql/migrations
/// when they were built.
extern const unsigned kSchemaVersion;

/// The version of the database's schema; 0 where it has none yet.
unsigned schema_version(Connection& connection);

/// The files NNNN_what.sql of a folder, by version. Throws std::runtime_error where the numbers do
/// not run 1, 2, 3, ... or the folder cannot be read.
std::vector<Migration> list_migrations(const std::filesystem::path& folder);

/// Those the database does not have yet. Throws SchemaMismatch where it has one beyond the list, or
/// one whose file has changed since, or where its table users is not this service's.
std::vector<Migration> pending_migrations(Connection& connection,
                                          const std::vector<Migration>& all);

/// Applies one and records it. Safe beside another that applies the same: the server's lock
/// `users_fcgi.migrate` lets one work at a time, and every migration can run twice.
/// Returns false where another had done it meanwhile.
bool apply_migration(Connection& connection, const Migration& migration);

}  // namespace users::db
