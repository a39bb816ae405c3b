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

/// The part of CREATE USER with the password's hash, because a cluster replicates the statement and
/// each node keeps it in a file. A server with rules for passwords wants to see the password.
std::string identified_by(Connection& administrator, const Secret& password) {
  std::string secret = literal(password);
  std::string query =
      "SELECT IF(EXISTS(SELECT 1 FROM information_schema.plugins WHERE plugin_type = 'PASSWORD "
      "VALIDATION' AND plugin_status = 'ACTIVE'), '', PASSWORD(" +
      secret + "))";
  const std::string hash = administrator.run_script(query, "hash").value_or("");
  wipe(query);
  std::string part =
      hash.empty() ? " IDENTIFIED BY " + secret : " IDENTIFIED BY PASSWORD '" + hash + "'";
  wipe(secret);
  return part;
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
  const bool is_local = account.host == "localhost";
  if (!is_local && !has_network_syntax(account.host)) {
    throw std::invalid_argument("'" + account.host + "' is no address of an account");
  }
  const std::string name = name_in_sql(account.user) + "@'" + account.host + "'";
  if (account.what != AccountPassword::keep) {
    // Set the password in the same statement. Without one, anybody on those hosts could log in.
    std::string statement =
        account.what == AccountPassword::create ? "CREATE USER " : "ALTER USER ";
    statement += name + identified_by(administrator, account.password);
    if (!is_local) statement += " REQUIRE SSL";
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
  // A mask as an address, since MariaDB takes 192.0.2.0/24 for a name that no host has.
  const auto slash = network.find('/');
  const bool has_mask =
      slash == network.npos || std::ranges::count(network.substr(slash), '.') == 3;
  const bool is_ipv4 = has(".") && has_only("0123456789./%") && has_mask;
  const bool is_ipv6 = has(":") && has_only("0123456789abcdefABCDEF:.%");
  return network.size() <= kLongest && has("0123456789") && (is_ipv4 || is_ipv6);
}

NetworkAccount network_account(Connection& administrator, const std::string& user,
                               const std::string& network, const std::string& database) {
  std::string pattern;  // as it stands in mysql.db, escaped for a literal
  for (const char c : grant_pattern(name_in_sql(database))) pattern.append(c == '\\' ? 2 : 1, c);
  const auto found = administrator.run_script(
      "SELECT IF(own.authentication_string <=> other.authentication_string, "
      "IF(other.ssl_type <> '' AND rights.user IS NOT NULL, 'ready', 'incomplete'), 'others') FROM "
      "mysql.user other LEFT JOIN mysql.user own ON own.user = other.user AND own.host = "
      "'localhost' LEFT JOIN mysql.db rights ON rights.user = other.user AND rights.host = "
      "other.host AND rights.db = '" +
          pattern +
          "' AND CONCAT(rights.select_priv, rights.insert_priv, rights.update_priv, "
          "rights.delete_priv) = 'YYYY' WHERE "
          "other.user = '" +
          name_in_sql(user) + "' AND other.host = '" + network + "'",
      "network account");
  if (!found) return NetworkAccount::none;
  return *found == "ready"    ? NetworkAccount::ready
         : *found == "others" ? NetworkAccount::others
                              : NetworkAccount::incomplete;
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
