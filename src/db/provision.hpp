// What a server must have before the migrations: the database and the service's accounts.
#pragma once

#include <string>
#include <string_view>

#include "base/config.hpp"
#include "base/secret.hpp"
#include "db/connection.hpp"

namespace users::db {

/// Escapes a database's name for GRANT, where `_` and `%` are wildcards unless a backslash precedes
/// them. The result matches this database only.
std::string grant_pattern(std::string_view database);

enum class Rights { rows, everything };

/// All take a connection of the server's administrator. Names must consist of letters, digits and
/// `_`; otherwise they throw std::invalid_argument.

bool has_database(Connection& administrator, const std::string& name);

enum class Tables { none, ours, foreign };

/// Whether the database has the tables of this service, only others, or none.
Tables tables_of(Connection& administrator, const std::string& database);

/// Creates the database if it is missing.
void make_database(Connection& administrator, const std::string& name);

bool has_account(Connection& administrator, const std::string& user);

enum class AccountPassword {
  create,   ///< creates the account; fails if it exists
  replace,  ///< sets a new password for the existing account
  keep,     ///< the account already has it
};

struct Account {
  const std::string& user;
  const Secret& password;
  AccountPassword what;
  std::string host = "localhost";  ///< any other only over TLS
};

/// Gives the account its password and rights on all tables of this database: on rows only, or all.
void make_account(Connection& administrator, const Account& account, Rights rights,
                  const std::string& database);

/// Returns true for the addresses of an account as MariaDB writes them: 192.0.2.10, 192.0.2.%,
/// 192.0.2.0/255.255.255.0, 2001:db8::%. False for names, and for % alone.
bool has_network_syntax(std::string_view network);

/// The state of the account of `user` at `network`, which must have that syntax.
enum class NetworkAccount {
  none,
  others,      ///< with another password than the account at localhost
  incomplete,  ///< without TLS, or without the rights on the rows of `database`
  ready,
};
NetworkAccount network_account(Connection& administrator, const std::string& user,
                               const std::string& network, const std::string& database);

/// The SQL to do all this on a server where setup cannot log in as administrator, one statement per
/// line. The operator fills in HOST and the passwords.
std::string provision_script(const Config& config);

}  // namespace users::db
