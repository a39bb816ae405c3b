#include "ctl/setup_database.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include <unistd.h>

#include "ctl/key_check.hpp"
#include "ctl/system.hpp"
#include "db/database.hpp"

namespace users::ctl {

DatabaseSetup::DatabaseSetup(const Call& call, const Config& config)
    : call_(call),
      config_(config),
      network_(call.option("for-hosts")),
      administrator_(connect_as_administrator()) {
  if (network_ && !db::has_network_syntax(*network_)) {
    throw UsageError("--for-hosts " + *network_ +
                     ": give the other hosts' addresses as MariaDB writes them: 192.0.2.% or "
                     "192.0.2.0/255.255.255.0");
  }
  if (network_ && !administrator_) {
    throw Refused(
        "--for-hosts needs the server's socket in database.hosts: run it on a host "
        "with a node of the cluster");
  }
  if (config_.database_user == config_.database_migration_user) {
    throw Refused("database.user and database.migration_user are both " + config_.database_user +
                  ": the service's account must not have the rights of the other; name two");
  }
  if (administrator_ &&
      db::tables_of(*administrator_, config_.database_name) == db::Tables::foreign) {
    throw Refused("database " + config_.database_name +
                  " has tables of something else: name another in database.name of " +
                  call.config_file);
  }
}

std::vector<Step> DatabaseSetup::steps(bool has_key) {
  if (administrator_) require_own_tables();
  if (has_key) static_cast<void>(read_key(config_));  // throws if it is incomplete
  const bool is_keyed_otherwise = has_another_key(has_key);
  std::vector<Step> all;
  if (administrator_) {
    all.push_back({"database " + config_.database_name,
                   db::has_database(*administrator_, config_.database_name),
                   [this] { db::make_database(*administrator_, config_.database_name); }});
    all.push_back(account(service_));
    all.push_back(account(migrator_));
    if (network_) all.push_back(network_account());
  } else {
    all.push_back(accounts_elsewhere());
  }
  all.push_back({"tables, by users-ctl migrate", has_tables(),
                 [this] { apply_migrations(config_, pending_migrations(config_)); }});
  if (is_keyed_otherwise) {
    all.push_back({"fingerprint of the key in database " + config_.database_name, false, [this] {
                     replace_key(*log_in(migrator_, config_.database_name), read_key(config_));
                   }});
  }
  return all;
}

/// Returns null if database.hosts names no socket. Over the network, the administrator would need a
/// password.
std::unique_ptr<db::Connection> DatabaseSetup::connect_as_administrator() const {
  const auto socket = std::ranges::find_if(config_.database_hosts, [](const std::string& host) {
    return host.find('/') != std::string::npos;
  });
  if (socket == config_.database_hosts.end()) return nullptr;
  try {
    const db::Endpoint endpoint{*socket, "mysql", user_name(::geteuid())};
    return std::make_unique<db::Connection>(endpoint, Secret());
  } catch (const db::DatabaseError& error) {
    throw Refused(std::string(error.what()) +
                  ": the database must run and let you in as its administrator over its socket: "
                  "apt install mariadb-server, systemctl start mariadb, and run this as root");
  }
}

/// Logs in to `database`, or to no database if it is empty. Returns null if that fails.
std::unique_ptr<db::Connection> DatabaseSetup::log_in(const Login& login,
                                                      const std::string& database) const {
  try {
    db::Endpoint endpoint = db::service_endpoint(config_, config_.database_hosts.front());
    endpoint.user = login.user;
    endpoint.database = database;
    return std::make_unique<db::Connection>(endpoint, read_secret(config_, login.key));
  } catch (const std::exception&) {
    return nullptr;
  }
}

bool DatabaseSetup::is_ready(const Login& login) const {
  return log_in(login, config_.database_name) != nullptr;
}

/// Advice for when accounts or a database may belong to another installation.
std::string DatabaseSetup::how_to_part() const {
  return "if it belongs to another installation, give this one a database and accounts of its "
         "own in [database] of " +
         call_.config_file +
         " (name, user, migration_user); if it is this one's: users-ctl --config " +
         call_.config_file + " setup --take-over";
}

Step DatabaseSetup::account(const Login& login) {
  const std::string name = login.user + "@localhost";
  const std::string what = "account " + name + " with " +
                           (login.rights == db::Rights::rows ? "rights on rows" : "all rights") +
                           " of database " + config_.database_name;
  // Decide now, so that an account that another installation creates meanwhile is not replaced.
  const bool is_there = db::has_account(*administrator_, login.user);
  const bool is_done = is_ready(login);
  const bool is_others = !is_done && is_there && log_in(login, "") == nullptr;
  if (is_others && !call_.has("take-over")) {
    std::error_code error;
    throw Refused("the server has an account " + name + " already, with a password that " +
                  (std::filesystem::exists(login.file, error)
                       ? login.file + " does not hold"
                       : "is not in " + login.file + ", which is missing") +
                  "; " + how_to_part());
  }
  const auto password = !is_there   ? db::AccountPassword::create
                        : is_others ? db::AccountPassword::replace
                                    : db::AccountPassword::keep;
  return {is_others ? "password of " + name + ": the one in " + login.file +
                          ", in place of its own, which is void then"
                    : what,
          is_done, [this, &login, password] {
            const Secret secret = read_secret(config_, login.key);
            db::make_account(*administrator_, {login.user, secret, password}, login.rights,
                             config_.database_name);
          }};
}

/// Other hosts connect to this host's node while their own is down.
Step DatabaseSetup::network_account() {
  using db::NetworkAccount;
  const std::string& user = service_.user;
  const std::string name = user + "@" + *network_;
  const auto found = db::network_account(*administrator_, user, *network_, config_.database_name);
  if (found == NetworkAccount::others && !call_.has("take-over")) {
    throw Refused("the server has an account " + name + " already, with another password than " +
                  user + "@localhost; " + how_to_part());
  }
  // If the localhost password is about to be replaced, this one is too.
  const bool is_done = found == NetworkAccount::ready && is_ready(service_);
  const auto password =
      found == NetworkAccount::none ? db::AccountPassword::create : db::AccountPassword::replace;
  return {"account " + name + ", over TLS only, with rights on rows of database " +
              config_.database_name,
          is_done, [this, password] {
            const Secret secret = read_secret(config_, service_.key);
            db::make_account(*administrator_, {service_.user, secret, password, *network_},
                             service_.rights, config_.database_name);
          }};
}

/// Another host of the cluster may have created a different key, or a restored backup may belong to
/// a different service.
bool DatabaseSetup::has_another_key(bool has_key) {
  const auto connection = log_in(migrator_, config_.database_name);
  if (!connection) return false;
  const Secret key = has_key ? read_key(config_) : Secret();
  if (check_key(*connection, has_key ? &key : nullptr) != KeyCheck::other) return false;
  if (call_.has("take-over")) return true;
  throw Refused(
      "the service has used database " + config_.database_name + " with another key than " +
      config_.secrets_key_file +
      ": copy that file from another host, or from the backup; with a new key every session "
      "and code is void: if that is wanted, users-ctl --config " +
      call_.config_file + " setup --take-over");
}

void DatabaseSetup::require_own_tables() {
  if (db::tables_of(*administrator_, config_.database_name) == db::Tables::ours &&
      !call_.has("take-over") && !db::has_account(*administrator_, service_.user) &&
      !db::has_account(*administrator_, migrator_.user) && !is_ready(service_)) {
    throw Refused("the server has a database " + config_.database_name +
                  " with the tables of this service already, but none of the accounts; " +
                  how_to_part());
  }
}

/// The operator creates these by hand, since database.hosts names no socket.
Step DatabaseSetup::accounts_elsewhere() {
  const std::string server = config_.database_hosts.front();
  const bool is_done = is_ready(service_) && is_ready(migrator_);
  return {"database " + config_.database_name + " and two accounts on " + server, is_done,
          [this, server] {
            std::cout << "\nsetup can create the accounts only over the server's own socket. "
                         "Run on "
                      << server << ", as its administrator:\n\n"
                      << db::provision_script(config_)
                      << "\nHOST is this machine's name for the server: localhost if the server "
                         "is on this\nmachine (127.0.0.1 if it has skip_name_resolve), otherwise "
                         "an address such as 192.0.2.10 or\n192.0.2.%. Error 1045 shows it.\n"
                      << std::flush;
            throw Refused("create the database as shown above, then run this again");
          }};
}

bool DatabaseSetup::has_tables() const {
  try {
    return pending_migrations(config_).empty();
  } catch (const db::SchemaMismatch&) {
    throw;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace users::ctl
