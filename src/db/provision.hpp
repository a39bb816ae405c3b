// What a server must hold before the migrations: the database and the service's accounts.
#pragma once

#include <string>
#include <string_view>

#include "base/config.hpp"
#include "base/secret.hpp"
#include "db/connection.hpp"

namespace users::db {

/// A database's name as GRANT takes it: a pattern, in which `_` and `%` stand for anything unless a
/// backslash is before them. This one means the database alone.
std::string grant_pattern(std::string_view database);

enum class Rights { rows, everything };

/// All take a connection of the server's administrator. Names must be of letters, digits and `_`:
/// std::invalid_argument otherwise.

bool has_database(Connection& administrator, const std::string& name);

/// True where the database has tables, but not those of this service.
bool has_foreign_tables(Connection& administrator, const std::string& name);

/// Where it is missing.
void make_database(Connection& administrator, const std::string& name);

/// True if the database has the tables of this service.
bool has_tables(Connection& administrator, const std::string& name);

bool has_account(Connection& administrator, const std::string& user);

enum class AccountPassword {
  create,   ///< makes the account; fails if there is one
  replace,  ///< of the account that is there
  keep,     ///< the account has it already
};

struct Account {
  const std::string& user;  ///< at localhost
  const Secret& password;
  AccountPassword what;
};

/// Gives the account its password, and rights on all tables of this one database: those on rows
/// only, or all.
void make_account(Connection& administrator, const Account& account, Rights rights,
                  const std::string& database);

/// The SQL that makes all of this on a server that setup cannot reach as its administrator, a
/// statement a line. The operator fills in HOST and the passwords.
std::string provision_script(const Config& config);

}  // namespace users::db
