#include "db/provision.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace users::db {
namespace {

/// A name, as it may stand in a statement. Names cannot be parameters.
const std::string& name_in_sql(const std::string& name) {
  const bool plain =
      std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  if (plain && !name.empty()) return name;
  throw std::invalid_argument("'" + name +
                              "' is no name for a database or an account: use letters, "
                              "digits and _");
}

/// A password as a literal. Accounts are no matter of prepared statements.
std::string literal(const Secret& password) {
  std::string text = "'";
  for (const char c : password.reveal()) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text += "'";
}

bool is_true(Connection& administrator, const std::string& question) {
  return administrator.run_script("SELECT " + question, "provision") == "1";
}

}  // namespace

bool has_database(Connection& administrator, const std::string& name) {
  return is_true(administrator,
                 "COUNT(*) > 0 FROM information_schema.schemata WHERE schema_name = '" +
                     name_in_sql(name) + "'");
}

bool has_foreign_tables(Connection& administrator, const std::string& name) {
  return is_true(administrator,
                 "COUNT(*) > 0 AND SUM(table_name = 'schema_migrations') = 0 FROM "
                 "information_schema.tables WHERE table_schema = '" +
                     name_in_sql(name) + "'");
}

void make_database(Connection& administrator, const std::string& name) {
  administrator.run_script("CREATE DATABASE IF NOT EXISTS " + name_in_sql(name) +
                               " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                           "make database");
}

void make_account(Connection& administrator, const std::string& user, const Secret& password,
                  Rights rights, const std::string& database) {
  const std::string account = name_in_sql(user) + "@localhost";
  const std::string what =
      rights == Rights::rows ? "SELECT, INSERT, UPDATE, DELETE" : "ALL PRIVILEGES";
  administrator.run_script("CREATE USER IF NOT EXISTS " + account, "make account");
  std::string alter = "ALTER USER " + account + " IDENTIFIED BY " + literal(password);
  administrator.run_script(alter, "set the account's password");
  wipe(alter);
  administrator.run_script("GRANT " + what + " ON " + name_in_sql(database) + ".* TO " + account,
                           "grant");
}

}  // namespace users::db
