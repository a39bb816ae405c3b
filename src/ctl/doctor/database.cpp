// doctor: the way to each database server, the schema, the outbox, and the migrations' account.
#include "db/database.hpp"

#include <algorithm>

#include "accounts/user.hpp"
#include "ctl/doctor/doctor.hpp"
#include "db/migrations.hpp"
#include "sms/outbox.hpp"

namespace users::ctl {
namespace {

constexpr unsigned kLongestWait = 5;  // seconds, for each step
constexpr unsigned kAccessDenied = 1045;
constexpr unsigned kDatabaseDenied = 1044;
constexpr unsigned kNoSuchDatabase = 1049;
constexpr unsigned kTooManyConnections = 1040;

/// Where the service's account connects, but with no more patience than an operator has.
db::Endpoint endpoint_of(const Config& config, const std::string& host) {
  db::Endpoint endpoint = db::service_endpoint(config, host);
  endpoint.connect_timeout = std::min(endpoint.connect_timeout, kLongestWait);
  endpoint.read_timeout = std::min(endpoint.read_timeout, kLongestWait);
  endpoint.write_timeout = std::min(endpoint.write_timeout, kLongestWait);
  return endpoint;
}

std::string mend_connection(const db::DatabaseError& error, const std::string& user,
                            const std::string& password_file, const std::string& database) {
  switch (error.number()) {
    case kAccessDenied:
      return "say the password of " + password_file + " to the server: ALTER USER '" + user +
             "'@'localhost' IDENTIFIED BY ...; or write the right one into the file";
    case kDatabaseDenied:
    case kNoSuchDatabase:
      return "as root on the database's machine: users-ctl setup, which makes " + database +
             " and the rights of " + user;
    case kTooManyConnections:
      return "raise max_connections, or look by SHOW PROCESSLIST who holds them";
    default:
      return "systemctl status mariadb; start it, or correct hosts in [database]";
  }
}

std::unique_ptr<db::Connection> connect(Diagnosis& d, const std::string& check,
                                        const db::Endpoint& endpoint, const Secret& password,
                                        const std::string& password_file) {
  try {
    auto connection = std::make_unique<db::Connection>(endpoint, password);
    d.report.ok(check, endpoint.host + ": reached as " + endpoint.user);
    return connection;
  } catch (const db::DatabaseError& error) {
    d.report.problem(check, error.what(),
                     mend_connection(error, endpoint.user, password_file, endpoint.database));
    return nullptr;
  }
}

void check_schema(Diagnosis& d, db::Connection& connection) {
  const std::string migrate = "users-ctl --config " + d.call.config_file + " migrate";
  const unsigned version = db::schema_version(connection);
  const std::string found = "version " + std::to_string(version) + ", this release needs " +
                            std::to_string(db::kSchemaVersion);
  if (version == 0) {
    d.report.problem("schema", "the database has none yet", migrate);
  } else if (version < db::kSchemaVersion) {
    d.report.problem("schema", found + ": migrations are pending", migrate);
  } else if (version > db::kSchemaVersion) {
    d.report.problem("schema", found + ": the database is of a newer release",
                     "install the release that the database belongs to; there is no way back");
  } else {
    d.report.ok("schema", "version " + std::to_string(version));
  }
}

void check_outbox(Diagnosis& d, db::Connection& connection) {
  const outbox::Delays delays = outbox::delays.one(connection).value_or(outbox::Delays{});
  if (delays.overdue > 0) {
    d.report.problem(
        "outbox",
        "waiting for longer than a minute: " + counted(delays.overdue, "message") +
            ", the oldest " + counted(delays.oldest, "second") + " old",
        "systemctl start users-fcgi-courier; where it runs, more of them share the work "
        "(-f of multiwatch), and users.log tells what keeps it");
  } else if (delays.failed > 0) {
    d.report.warning("outbox", "given up within an hour: " + counted(delays.failed, "message"),
                     "grep message users.log: it has the exit code of sms.command, and the "
                     "journal of users-fcgi-courier the provider's words");
  } else {
    d.report.ok("outbox", "nothing waits, nothing was given up within an hour");
  }
}

/// An imported hash takes another time to verify than the service's own (see SECURITY.md).
void check_hashes(Diagnosis& d, db::Connection& connection) {
  const auto count = count_imported_hashes(connection, *d.config);
  if (!count) {
    d.report.skipped("password hashes", "to count them would take longer than 2 seconds");
  } else if (*count > 0) {
    d.report.warning("password hashes",
                     "accounts with a hash of another kind or cost than the service makes: " +
                         std::to_string(*count) +
                         "; the time of a wrong login tells that they exist",
                     "nothing to do: the next login of each replaces its hash; see SECURITY.md, "
                     "\"Imported hashes\"");
  } else {
    d.report.ok("password hashes", "all are of the kind and cost that the service makes");
  }
}

/// Of tables that may not be there yet.
void check_tables(Diagnosis& d, db::Connection& connection) {
  try {
    check_schema(d, connection);
    check_outbox(d, connection);
    check_hashes(d, connection);
  } catch (const db::NoSuchTable&) {
    d.report.skipped("outbox", "its table is not there");
  } catch (const db::DatabaseError& error) {
    d.report.problem("outbox", error.what(), "mend what the rows above name, then try again");
  }
}

}  // namespace

void check_database(Diagnosis& d) {
  if (!d.service_password) {
    d.report.skipped("database", "its password could not be read");
    return;
  }
  bool seen = false;
  for (const std::string& host : d.config->database_hosts) {
    const auto connection = connect(d, "database", endpoint_of(*d.config, host),
                                    *d.service_password, d.config->database_password_file);
    if (!connection) continue;
    try {
      check_server(d, *connection, host);
    } catch (const db::DatabaseError& error) {
      d.report.problem("server settings", host + ": " + error.what(),
                       "try again; see the server's error log");
    }
    if (!connection->lost() && !seen) check_tables(d, *connection);
    seen = true;
  }
  if (!seen) d.report.skipped("schema", "no server could be asked");
}

void check_migrations(Diagnosis& d) {
  const std::string& folder = d.config->database_migrations;
  try {
    const auto all = db::list_migrations(folder);
    if (all.size() == db::kSchemaVersion) {
      d.report.ok("migration files", folder + ": " + std::to_string(all.size()));
    } else {
      d.report.problem("migration files",
                       folder + " ends at " + std::to_string(all.size()) + ", this release needs " +
                           std::to_string(db::kSchemaVersion),
                       "install the migrations of this release there");
    }
  } catch (const std::exception& error) {
    d.report.problem("migration files", error.what(),
                     "set migrations in [database] to the folder of this release's migrations");
  }
  if (!d.migration_password) {
    d.report.skipped("migration account", "its password could not be read");
    return;
  }
  db::Endpoint endpoint = endpoint_of(*d.config, d.config->database_hosts.front());
  endpoint.user = d.config->database_migration_user;
  connect(d, "migration account", endpoint, *d.migration_password,
          d.config->database_migration_password_file);
}

}  // namespace users::ctl
