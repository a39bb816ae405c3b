// What the checks of users-ctl doctor share: their findings, and what is known so far.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
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
  std::string found;     ///< what is there; for a skipped check the reason
  std::string advice{};  ///< the command or the line that fixes it
  std::string check{};   ///< always the same name, whatever the check finds
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

using Workers = std::vector<WorkerTable::Worker>;

/// A database server that could be reached.
struct Node {
  std::string host;                              ///< as in database.hosts
  std::map<std::string, std::string> variables;  ///< settings, and the wsrep status of a node

  /// Returns an empty string if the server has no such variable.
  [[nodiscard]] std::string value(const std::string& name) const {
    const auto variable = variables.find(name);
    return variable == variables.end() ? std::string() : variable->second;
  }
};

struct Diagnosis {
  explicit Diagnosis(const Call& typed) : call(typed) {}

  void add(const std::string& check, Finding finding);

  const Call& call;
  std::vector<Finding> findings;
  std::optional<Workers> workers;    ///< and couriers, of this configuration; missing if unreadable
  std::optional<Config> config;      ///< missing if it does not load
  std::optional<uid_t> service_uid;  ///< service_user()
  std::optional<uid_t> courier_uid;  ///< courier_user()
  std::optional<Secret> service_password;
  std::optional<Secret> migration_password;
  std::optional<uid_t> nginx_uid;                        ///< the user of nginx's workers
  std::map<std::string, std::filesystem::path> sockets;  ///< by pool; missing if unknown
  std::set<std::string> groups_in_rules;                 ///< that nginx's locations ask for
  std::vector<Node> nodes;
  std::filesystem::path data_folder;  ///< of a database on this machine, otherwise empty
};

inline constexpr const char* kPools[] = {"hash", "fast"};

/// Returns true if this process may look at what belongs to that user.
bool may_act_as(std::optional<uid_t> user);

/// A user's name for a command in advice, as chown(1) takes it; `USER` if unknown.
std::string word_for(std::optional<uid_t> user);

/// Advice if a part runs as another user than the service's.
std::string start_all_as(std::optional<uid_t> user);

/// faccessat(2) as that user, since root may open everything.
bool user_may(std::optional<uid_t> user, const std::filesystem::path& file, int mode);

/// errno as text.
std::string explain(int error);

// The groups of checks, in their order. None changes anything or waits without a limit.
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
/// Part of check_database: a server's settings, its clock, and the rights of the service's account.
void check_server(Diagnosis& d, db::Connection& connection, const std::string& host);
/// Part of check_database: the nodes of a cluster, and whether all hosts are one database.
void check_cluster(Diagnosis& d);
void check_migrations(Diagnosis& d);
void check_disks(Diagnosis& d);
void check_clock(Diagnosis& d);

}  // namespace users::ctl
