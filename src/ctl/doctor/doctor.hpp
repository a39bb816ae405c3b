// What the checks of users-ctl doctor share: their findings, and what is known so far.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/secret.hpp"
#include "ctl/command.hpp"
#include "ctl/processes.hpp"
#include "db/statement.hpp"

namespace users::ctl {

enum class State { ok, warning, problem, skipped };

struct Finding {
  State state;
  std::string found;     ///< what is there; for a skipped check why
  std::string advice{};  ///< the command or the line that mends it
  std::string check{};   ///< its name, the same whatever it finds
};

inline Finding ok(std::string found) {
  return {State::ok, std::move(found)};
}
inline Finding warning(std::string found, std::string advice) {
  return {State::warning, std::move(found), std::move(advice)};
}
inline Finding problem(std::string found, std::string advice) {
  return {State::problem, std::move(found), std::move(advice)};
}
inline Finding skipped(std::string why) {
  return {State::skipped, std::move(why)};
}

struct Diagnosis {
  explicit Diagnosis(const Call& typed) : call(typed) {}

  void add(const std::string& check, Finding finding);

  const Call& call;
  std::vector<Finding> findings;
  /// And couriers, of this configuration; missing if the table cannot be read.
  std::optional<std::vector<WorkerTable::Worker>> workers;

  std::optional<Config> config;      ///< missing if it does not load
  std::optional<uid_t> service_uid;  ///< service_user(); missing if it cannot be told
  std::optional<uid_t> courier_uid;  ///< courier_user()
  std::optional<Secret> service_password;
  std::optional<Secret> migration_password;
  std::optional<uid_t> nginx_uid;                        ///< whom nginx's workers run as
  std::map<std::string, std::filesystem::path> sockets;  ///< by pool; missing if unknown
  std::filesystem::path data_folder;  ///< of a database on this machine; empty elsewhere
};

inline constexpr const char* kPools[] = {"hash", "fast"};

/// Whether this process may look at what belongs to that user.
bool may_act_as(std::optional<uid_t> user);

/// As advice names a user: as chown(1) takes it; `USER` if unknown.
std::string word_for(std::optional<uid_t> user);

/// Advice if a part runs as another user than the service's.
std::string start_all_as(std::optional<uid_t> user);

/// faccessat(2) as that user: root's own rights would prove nothing.
bool user_may(std::optional<uid_t> user, const std::filesystem::path& file, int mode);

/// The permissions of a file as chmod(1) takes them: `0640`.
std::string octal(mode_t mode);

/// What errno says, in words.
std::string explain(int error);

/// The words of a line of a unit's file. Blanks between quotes do not separate.
std::vector<std::string> unit_words(const std::string& text);

/// The settings of a unit's [Service] section, by name: the words of all lines in their order.
using UnitSettings = std::map<std::string, std::vector<std::string>>;

/// Reads a service's unit and what drop-ins add to it (systemd.unit(5)) from the folders of
/// $SYSTEMD_UNIT_PATH, or else from those of the system's units. Empty if there is no such unit.
UnitSettings read_unit(const std::string& service);

// The groups of checks, in their order; each adds its rows. None changes anything, and none waits
// without a bound.
void check_configuration(Diagnosis& d);
void check_policy(Diagnosis& d);
void check_secrets(Diagnosis& d);
void check_programs(Diagnosis& d);
void check_sms(Diagnosis& d);
void check_folders(Diagnosis& d);
void check_units(Diagnosis& d);
void check_nginx(Diagnosis& d);
void check_sockets(Diagnosis& d);
void check_workers(Diagnosis& d);
void check_peers(Diagnosis& d);
void check_database(Diagnosis& d);
/// Of check_database: a server's settings, its clock, and what the service's account may do.
void check_server(Diagnosis& d, db::Connection& connection, const std::string& host);
void check_migrations(Diagnosis& d);
void check_disks(Diagnosis& d);
void check_clock(Diagnosis& d);

}  // namespace users::ctl
