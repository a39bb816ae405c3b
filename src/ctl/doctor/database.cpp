// doctor: connections to the database servers, the schema, the outbox, and the migrations.
#include "db/database.hpp"

#include <algorithm>

#include "accounts/groups.hpp"
#include "accounts/identity_keys.hpp"
#include "accounts/user.hpp"
#include "ctl/doctor/doctor.hpp"
#include "ctl/key_check.hpp"
#include "db/migrations.hpp"
#include "factors/passkeys.hpp"
#include "sms/outbox.hpp"

namespace users::ctl {
namespace {

/// service_endpoint() with short timeouts, since an operator waits.
db::Endpoint endpoint_of(const Config& config, const std::string& host) {
  db::Endpoint endpoint = db::service_endpoint(config, host);
  for (unsigned* timeout :
       {&endpoint.connect_timeout, &endpoint.read_timeout, &endpoint.write_timeout}) {
    *timeout = std::min(*timeout, 5U);
  }
  return endpoint;
}

std::string mend_connection(unsigned error, const db::Endpoint& endpoint,
                            const std::string& password_file) {
  switch (error) {
    case 1040:  // ER_CON_COUNT_ERROR
      return "raise max_connections, or see SHOW PROCESSLIST for who uses them";
    case 1044:  // ER_DBACCESS_DENIED_ERROR
    case 1049:  // ER_BAD_DB_ERROR
      return "run users-ctl setup as root on the database's machine: it creates the database";
    case 1045:  // ER_ACCESS_DENIED_ERROR
      return "set the password of " + password_file + " on the server with ALTER USER '" +
             endpoint.user + "'@'localhost', or write the right one into the file";
    default:
      return "systemctl status mariadb; start it, or correct hosts in [database]";
  }
}

std::unique_ptr<db::Connection> connect(Diagnosis& d, const std::string& check,
                                        const db::Endpoint& endpoint, const Secret& password,
                                        const std::string& password_file) {
  try {
    auto connection = std::make_unique<db::Connection>(endpoint, password);
    d.add(check, ok(endpoint.host + ": reached as " + endpoint.user));
    return connection;
  } catch (const db::DatabaseError& error) {
    d.add(check, problem(error.what(), mend_connection(error.number(), endpoint, password_file)));
    return nullptr;
  }
}

Finding judge_schema(const Diagnosis& d, unsigned version, bool can_work) {
  const std::string migrate = "users-ctl --config " + d.call.config_file + " migrate";
  const std::string found = "version " + std::to_string(version);
  const std::string needed = found + ", this release needs " + std::to_string(db::kSchemaVersion);
  if (version == 0) return problem("the database has no schema yet", migrate);
  if (version == db::kSchemaVersion) return ok(found);
  if (version < db::kSchemaVersion) return problem(needed + ": migrations are pending", migrate);
  if (can_work) {
    return warning(found + " is a newer release's, which this one can work with for a while",
                   "install that release on this host, too");
  }
  return problem(needed + ": the database belongs to a newer release",
                 "install that release; a schema cannot be downgraded");
}

Finding judge_outbox(const outbox::Delays& delays) {
  if (delays.overdue > 0) {
    return problem("waiting for longer than a minute: " + counted(delays.overdue, "message") +
                       ", the oldest " + counted(delays.oldest, "second") + " old",
                   "systemctl start users-fcgi-courier; if it runs, see users.log for the reason, "
                   "or start more couriers (-f of multiwatch)");
  }
  if (delays.failed == 0) return ok("no message waits, none was given up within an hour");
  return warning("given up within an hour: " + counted(delays.failed, "message"),
                 "grep message users.log for the exit code of sms.command, and read the provider's "
                 "error in the journal of users-fcgi-courier");
}

Finding judge_hashes(std::optional<std::uint64_t> count) {
  if (!count) return skipped("counting them takes longer than 2 seconds");
  if (*count == 0) return ok("all have the kind and cost that the service uses");
  return warning("accounts with a hash of another kind or cost than the service makes: " +
                     std::to_string(*count) + "; the time of a wrong login reveals them",
                 "do nothing: their next login replaces the hash; see SECURITY.md, \"Imported "
                 "hashes\"");
}

Finding judge_key(const Diagnosis& d, db::Connection& connection) {
  std::optional<Secret> key;
  try {
    key = read_key(*d.config);
  } catch (const std::exception&) {
    return skipped("it could not be read");
  }
  switch (check_key(connection, &*key)) {
    case KeyCheck::same:
      return ok("the one that the service has used with this database");
    case KeyCheck::unknown:
      return skipped("the database has no fingerprint of it: users-ctl migrate writes it");
    case KeyCheck::other:
      break;
  }
  return problem(
      "the service has used this database with another key: a session, a code or a message of "
      "another host is unknown here",
      "copy key_file from another host; if all have a new key, users-ctl setup --take-over");
}

Finding judge_passkeys(const Diagnosis& d, db::Connection& connection) {
  const std::string& rp_id = d.config->passkey_rp_id;
  const auto hash = crypto::sha256(rp_id);
  const auto count =
      count_foreign_passkeys.one(connection, crypto::bytes_of(hash)).value_or(db::Number{}).value;
  if (count > 0) {
    return problem("made for another passkey.rp_id than " + (rp_id.empty() ? "none" : rp_id) +
                       ", so useless: " + std::to_string(count),
                   "set passkey.rp_id as it was; if the change is meant, conf/PASSKEYS.md says how "
                   "to list their owners and to delete them");
  }
  if (!rp_id.empty()) return ok("all are for " + rp_id);
  if (d.config->passkey_origins.empty()) return ok("none");
  return warning("off, although passkey.origins is set", "set passkey.rp_id");
}

Finding judge_identity(const Diagnosis& d, db::Connection& connection) {
  if (!d.config->identity_sign) return ok("off");
  std::optional<Secret> key;
  try {
    key = read_key(*d.config);
  } catch (const std::exception& error) {
    return skipped("not looked at: secrets.key_file cannot be read");  // reported with the secrets
  }
  for (const IdentityKey& identity : list_identity_keys.all(connection)) {
    try {
      static_cast<void>(seed_of(identity, *key));
    } catch (const std::exception& error) {
      return problem(error.what(), "users-ctl identity revoke " + kid_of(identity.public_key));
    }
    if (identity.state != "active") continue;
    if (identity.seconds_active > (d.config->identity_key_days + 2) * kDay) {
      return warning("the key that signs is " + std::to_string(identity.seconds_active / kDay) +
                         " days old, and the courier has made no next one",
                     "systemctl start users-fcgi-courier, or users-ctl identity rotate");
    }
    return ok("signed since " + identity.active + " by " + kid_of(identity.public_key));
  }
  return ok("there is no key yet: the first request makes it");
}

Finding judge_groups(const Diagnosis& d, db::Connection& connection) {
  std::string empty;
  for (const std::string& group : d.groups_in_rules) {
    if (!list_members.all(connection, group, 0, 1).empty()) continue;
    empty.append(empty.empty() ? "" : ", ").append(group);
  }
  if (empty.empty()) return ok("every group that a location asks for has members");
  return warning("locations ask for groups that nobody is in: " + empty,
                 "users-ctl group add PHONE GROUP, or correct the rule in nginx's configuration");
}

void check_tables(Diagnosis& d, db::Connection& connection) {
  try {
    const unsigned version = db::schema_version(connection);
    d.add("schema", judge_schema(d, version, db::can_work_with(connection, version)));
    d.add("outbox", judge_outbox(outbox::delays.one(connection).value_or(outbox::Delays{})));
    d.add("key of this database", judge_key(d, connection));
    d.add("passkeys", judge_passkeys(d, connection));
    d.add("groups", judge_groups(d, connection));
    d.add("signed identity", judge_identity(d, connection));
    d.add("password hashes", judge_hashes(count_imported_hashes(connection, *d.config)));
  } catch (const db::NoSuchTable&) {
    d.add("outbox", skipped("there is no such table"));
  } catch (const db::DatabaseError& error) {
    d.add("outbox", problem(error.what(), "fix what the rows above report, then try again"));
  }
}

Finding judge_migrations(const std::string& folder) {
  try {
    const std::size_t count = db::list_migrations(folder).size();
    const std::string found = folder + ": " + std::to_string(count);
    if (count == db::kSchemaVersion) return ok(found);
    return problem(found + ", this release needs " + std::to_string(db::kSchemaVersion),
                   "install the migrations of this release there");
  } catch (const std::exception& error) {
    return problem(error.what(),
                   "set migrations in [database] to the folder of this release's migrations");
  }
}

}  // namespace

void check_database(Diagnosis& d) {
  if (!d.service_password) return d.add("database", skipped("its password could not be read"));
  bool is_reached = false;
  for (const std::string& host : d.config->database_hosts) {
    const auto connection = connect(d, "database", endpoint_of(*d.config, host),
                                    *d.service_password, d.config->database_password_file);
    if (!connection) continue;
    try {
      check_server(d, *connection, host);
    } catch (const db::DatabaseError& error) {
      d.add("server settings",
            problem(host + ": " + error.what(), "see the server's error log, then try again"));
    }
    if (!connection->lost() && !is_reached) check_tables(d, *connection);
    is_reached = true;
  }
  check_cluster(d);
  if (!is_reached) d.add("schema", skipped("no server can be reached"));
}

void check_migrations(Diagnosis& d) {
  d.add("migration files", judge_migrations(d.config->database_migrations));
  constexpr const char* kCheck = "migration account";
  if (!d.migration_password) return d.add(kCheck, skipped("its password could not be read"));
  db::Endpoint endpoint = endpoint_of(*d.config, d.config->database_hosts.front());
  endpoint.user = d.config->database_migration_user;
  connect(d, kCheck, endpoint, *d.migration_password, d.config->database_migration_password_file);
}

}  // namespace users::ctl
