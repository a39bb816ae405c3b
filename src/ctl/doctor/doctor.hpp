// What the checks of users-ctl doctor share: the report they write, and what is known so far.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/secret.hpp"
#include "ctl/command.hpp"
#include "ctl/processes.hpp"
#include "db/connection.hpp"

namespace users::ctl {

struct NginxPlaces;
struct NginxTree;

enum class State { ok, warning, problem, skipped };

struct Finding {
  State state;
  std::string check;   ///< its name, the same whatever it finds
  std::string found;   ///< what is there; for a skipped one why
  std::string advice;  ///< the command or the line that mends it; empty where nothing is wrong
};

class Report {
 public:
  void ok(std::string check, std::string found);
  void warning(std::string check, std::string found, std::string advice);
  void problem(std::string check, std::string found, std::string advice);
  void skipped(std::string check, std::string reason);
  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }

 private:
  std::vector<Finding> findings_;
};

struct Diagnosis {
  explicit Diagnosis(const Call& typed) : call(typed) {}

  const Call& call;
  Report report;
  /// And couriers, of this configuration; missing if the table cannot be read.
  std::optional<std::vector<WorkerTable::Worker>> workers;

  std::optional<Config> config;      ///< missing where it does not load
  std::optional<uid_t> service_uid;  ///< service_user(); missing if it cannot be told
  std::optional<uid_t> courier_uid;  ///< courier_user()
  std::optional<Secret> service_password;
  std::optional<Secret> migration_password;
  std::optional<uid_t> nginx_uid;     ///< whom nginx's workers run as
  std::filesystem::path hash_socket;  ///< empty where nobody names it
  std::filesystem::path fast_socket;
  std::filesystem::path data_folder;  ///< of a database on this machine; empty elsewhere

  /// Whether this process may look at what belongs to the service.
  [[nodiscard]] bool may_act_as_service() const;
  /// Whom a message names; `USER` where unknown.
  [[nodiscard]] std::string service_name() const;
};

/// faccessat(2) as that user: root's own rights would prove nothing.
bool user_may(std::optional<uid_t> user, const std::filesystem::path& file, int mode);

// The groups of checks, in their order; each adds its rows. All but the first and nginx's need the
// configuration. None changes anything, and none waits without a bound.
void check_configuration(Diagnosis& d);
void check_policy(Diagnosis& d);
void check_secrets(Diagnosis& d);
void check_programs(Diagnosis& d);
void check_sms(Diagnosis& d);
void check_folders(Diagnosis& d);
void check_units(Diagnosis& d);
void check_nginx(Diagnosis& d);
/// Of check_nginx: what nginx's master makes, opens or reads. False if nginx should not be run.
bool check_nginx_paths(Diagnosis& d, const NginxPlaces& places);
/// Of check_nginx: the locations of a configuration that nginx takes. Who gets into a protected
/// one, and whom a backend takes a client for.
void check_locations(Diagnosis& d, const NginxTree& tree);
void check_sockets(Diagnosis& d);
void check_workers(Diagnosis& d);
void check_peers(Diagnosis& d);
void check_database(Diagnosis& d);
void check_server(Diagnosis& d, db::Connection& connection, const std::string& host);
void check_grants(Diagnosis& d, db::Connection& connection, const std::string& account);
void check_migrations(Diagnosis& d);
void check_disks(Diagnosis& d);
void check_clock(Diagnosis& d);

}  // namespace users::ctl
