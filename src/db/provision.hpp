// What a server must hold before the migrations: the database and the service's accounts.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "db/mysql.hpp"

namespace users::db {

enum class Rights { rows, everything };

/// All take a connection of the server's administrator. Names must be of letters, digits and `_`:
/// std::invalid_argument otherwise.

bool has_database(Connection& administrator, const std::string& name);

/// True where the database has tables, but not those of this service.
bool has_foreign_tables(Connection& administrator, const std::string& name);

/// Where it is missing.
void make_database(Connection& administrator, const std::string& name);

bool has_account(Connection& administrator, const std::string& user);

/// Makes the account `user@localhost` if it is missing, else gives it this password; and rights on
/// all tables of this one database: those on rows only, or all.
void make_account(Connection& administrator, const std::string& user, const Secret& password,
                  Rights rights, const std::string& database);

}  // namespace users::db
