#include "db/provision.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace users::db {
namespace {

/// Checks a name for use in a statement; names cannot be parameters.
const std::string& name_in_sql(const std::string& name) {
  const bool plain =
      std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  if (plain && !name.empty()) return name;
  throw std::invalid_argument("'" + name +
                              "' is no name for a database or an account: use letters, "
                              "digits and _");
}

/// A password as an SQL literal: CREATE USER cannot be prepared with parameters.
std::string literal(const Secret& password) {
  std::string text = "'";
  for (const char c : password.reveal()) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text += "'";
}

std::string create_database(const std::string& name) {
  return "CREATE DATABASE IF NOT EXISTS " + name_in_sql(name) +
         " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
}

/// `account` is a name with its host, as in SQL.
std::string grant(Rights rights, const std::string& database, const std::string& account) {
  const std::string what =
      rights == Rights::rows ? "SELECT, INSERT, UPDATE, DELETE" : "ALL PRIVILEGES";
  return "GRANT " + what + " ON `" + grant_pattern(name_in_sql(database)) + "`.* TO " + account;
}

bool is_true(Connection& administrator, const std::string& question) {
  return administrator.run_script("SELECT " + question, "provision") == "1";
}

}  // namespace

std::string grant_pattern(std::string_view database) {
  std::string pattern;
  for (const char c : database) {
    if (c == '_' || c == '%') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

bool has_database(Connection& administrator, const std::string& name) {
  return is_true(administrator,
                 "COUNT(*) > 0 FROM information_schema.schemata WHERE schema_name = '" +
                     name_in_sql(name) + "'");
}

Tables tables_of(Connection& administrator, const std::string& database) {
  const auto found = administrator.run_script(
      "SELECT MAX(table_name = 'schema_migrations') FROM information_schema.tables WHERE "
      "table_schema = '" +
          name_in_sql(database) + "'",
      "provision");
  if (!found) return Tables::none;
  return found == "1" ? Tables::ours : Tables::foreign;
}

void make_database(Connection& administrator, const std::string& name) {
  administrator.run_script(create_database(name), "make database");
}

bool has_account(Connection& administrator, const std::string& user) {
  return is_true(administrator, "COUNT(*) > 0 FROM mysql.user WHERE user = '" + name_in_sql(user) +
                                    "' AND host = 'localhost'");
}

void make_account(Connection& administrator, const Account& account, Rights rights,
                  const std::string& database) {
  const std::string name = name_in_sql(account.user) + "@localhost";
  if (account.what != AccountPassword::keep) {
    // Set the password in the same statement: without one anybody on this machine could log in.
    std::string statement =
        account.what == AccountPassword::create ? "CREATE USER " : "ALTER USER ";
    statement += name + " IDENTIFIED BY " + literal(account.password);
    administrator.run_script(statement, "set the password of " + name);
    wipe(statement);
  }
  administrator.run_script(grant(rights, database, name), "grant");
}

bool has_network_syntax(std::string_view network) {
  constexpr std::size_t kLongest = 60;  // of the server
  const auto has = [&](std::string_view some) {
    return network.find_first_of(some) != std::string_view::npos;
  };
  const auto has_only = [&](std::string_view these) {
    return network.find_first_not_of(these) == std::string_view::npos;
  };
  const bool is_ipv4 = has(".") && has_only("0123456789./%");
  const bool is_ipv6 = has(":") && has_only("0123456789abcdefABCDEF:.%");
  return network.size() <= kLongest && has("0123456789") && (is_ipv4 || is_ipv6);
}

NetworkAccount network_account(Connection& administrator, const std::string& user,
                               const std::string& network, const std::string& database) {
  const std::string other =
      " FROM mysql.user WHERE user = '" + name_in_sql(user) + "' AND host = '" + network + "'";
  if (!is_true(administrator, "COUNT(*) > 0" + other)) return NetworkAccount::none;
  const std::string where =
      " FROM mysql.user own JOIN mysql.user other USING (user) WHERE user = '" + name_in_sql(user) +
      "' AND own.host = 'localhost' AND other.host = '" + network + "'";
  if (!is_true(administrator, "COUNT(*) > 0" + where +
                                  " AND own.authentication_string = other.authentication_string")) {
    return NetworkAccount::others;
  }
  std::string pattern;  // as mysql.db has it, in a literal
  for (const char c : grant_pattern(name_in_sql(database))) pattern.append(c == '\\' ? 2 : 1, c);
  const bool is_ready =
      is_true(administrator, "COUNT(*) > 0" + where + " AND other.ssl_type <> ''") &&
      is_true(administrator,
              "COUNT(*) > 0 FROM mysql.db WHERE user = '" + user + "' AND host = '" + network +
                  "' AND db = '" + pattern +
                  "' AND CONCAT(select_priv, insert_priv, update_priv, delete_priv) = 'YYYY'");
  return is_ready ? NetworkAccount::ready : NetworkAccount::incomplete;
}

void make_network_account(Connection& administrator, const std::string& user,
                          const Secret& password, const std::string& network,
                          const std::string& database) {
  const std::string name = name_in_sql(user) + "@'" + network + "'";
  std::string how = name + " IDENTIFIED BY " + literal(password) + " REQUIRE SSL";
  std::string statement = "CREATE USER IF NOT EXISTS " + how + "; ALTER USER " + how;
  administrator.run_script(statement, "make " + name);
  wipe(statement);
  wipe(how);
  administrator.run_script(grant(Rights::rows, database, name), "grant");
}

std::string provision_script(const Config& config) {
  std::string script = "  " + create_database(config.database_name) + ";\n";
  const std::string tls = config.database_tls == DatabaseTls::verify ? " REQUIRE SSL" : "";
  const auto add = [&](const std::string& user, const std::string& file, Rights rights) {
    const std::string account = name_in_sql(user) + "@'HOST'";
    script += "  CREATE USER " + account + " IDENTIFIED BY 'CONTENT OF " + file + "'" + tls + ";\n";
    script += "  " + grant(rights, config.database_name, account) + ";\n";
  };
  add(config.database_user, config.database_password_file, Rights::rows);
  add(config.database_migration_user, config.database_migration_password_file, Rights::everything);
  return script;
}

}  // namespace users::db
