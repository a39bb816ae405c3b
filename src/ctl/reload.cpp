// Replaces workers and couriers one by one, so that a new program or configuration takes effect
// without a failed request.
#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "ctl/processes.hpp"
#include "ctl/system.hpp"

// The header of glibc 2.36 lacks extern "C".
extern "C" {
#include <sys/pidfd.h>
}

namespace users::ctl {
namespace {

using std::chrono::milliseconds;

/// A worker stops after its request, a courier after its message. This is longer than either can
/// take.
constexpr milliseconds kLeaving{340'000};
/// A new worker first connects to the database; a silent host takes its whole timeout.
constexpr milliseconds kComing{60'000};
/// For checking the new configuration, which may wait for the timeouts of several databases.
constexpr milliseconds kChecking{60'000};
/// For everything, if root waits for it: as long as the units allow.
constexpr milliseconds kAll{15 * 60'000};

const std::string kUntouched = "what runs is untouched: correct it and reload again";

bool contains(const std::vector<pid_t>& pids, pid_t pid) {
  return std::ranges::find(pids, pid) != pids.end();
}

bool is_ours(const std::optional<Process>& process) {
  const uid_t us = ::geteuid();
  return process && process->uid == us && process->real_uid == us;
}

/// A multiwatch and the processes it keeps running, which stop together.
struct WorkerGroup {
  pid_t leader;
  std::vector<pid_t> members;
  std::vector<std::string> command;  ///< of each member

  [[nodiscard]] std::string name() const {
    return std::filesystem::path(command.front()).filename();
  }
};

std::vector<pid_t> children_of(pid_t pid) {
  const std::string number = std::to_string(pid);
  std::ifstream file("/proc/" + number + "/task/" + number + "/children");
  return {std::istream_iterator<pid_t>(file), {}};
}

pid_t pid_of(const std::string& argument) {
  pid_t pid = 0;
  std::from_chars(argument.data(), argument.data() + argument.size(), pid);
  return pid;
}

/// Finds the group of a multiwatch by its children, since metrics.file may have been replaced or
/// changed since they started. nullopt if it is none of this user's, or runs nothing that its own
/// command line names.
std::optional<WorkerGroup> group_of(pid_t leader) {
  if (!is_ours(find_process(leader))) return std::nullopt;
  std::set<std::string> named;
  for (const std::filesystem::path word : words_in(leader, "cmdline")) {
    named.insert(word.filename());
  }
  WorkerGroup group{leader, {}, {}};
  for (const pid_t pid : children_of(leader)) {
    auto command = words_in(pid, "cmdline");
    if (!is_ours(find_process(pid)) || command.empty()) continue;
    if (!named.contains(std::filesystem::path(command.front()).filename())) continue;
    group.members.push_back(pid);
    group.command = std::move(command);
  }
  return group.members.empty() ? std::nullopt : std::optional(std::move(group));
}

std::vector<WorkerGroup> find_groups(const Config& config, const Call& call) {
  std::vector<WorkerGroup> groups;
  for (const std::string& argument : call.arguments) {
    auto group = group_of(pid_of(argument));
    if (!group) throw Refused("process " + argument + " is no multiwatch of this service");
    groups.push_back(std::move(*group));
  }
  if (!call.arguments.empty()) return groups;
  std::set<pid_t> leaders;
  for (const auto& worker : list_workers(config)) {
    const auto process = find_process(worker.pid);
    if (!is_ours(process) || !uses_configuration(worker.pid, call.config_file)) continue;
    if (!leaders.insert(process->parent).second) continue;
    if (auto group = group_of(process->parent)) groups.push_back(std::move(*group));
  }
  return groups;
}

/// Loads the configuration with the environment of the multiwatch, which its processes inherit.
Config config_of(const WorkerGroup& group, const Call& call) {
  auto entries = words_in(group.leader, "environ");
  std::vector<char*> pointers;
  pointers.reserve(entries.size() + 1);
  for (std::string& entry : entries) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  return load_config(call.config_file, pointers.data());
}

/// Two reloads at once would take each other's stops for failures. The lock is held until this
/// process ends, on the key that the group's programs read: only they and root can open it.
void lock(const std::string& key_file) {
  const int fd = ::open(key_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) throw Refused(key_file + ": " + std::generic_category().message(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    throw Refused("another reload is under way: wait for it");
  }
}

void lock_all(const std::vector<WorkerGroup>& groups, const Call& call) {
  std::set<std::string> keys;
  for (const WorkerGroup& group : groups) keys.insert(config_of(group, call).secrets_key_file);
  for (const std::string& key : keys) lock(key);
}

/// The users whose processes root replaces: those of the workers and the courier, or the owner of
/// the given processes.
std::vector<uid_t> owners(const Config& config, const Call& call) {
  std::vector<uid_t> users{*service_user(config)};
  if (const uid_t courier = *courier_user(config); courier != users.front()) {
    users.push_back(courier);
  }
  if (call.arguments.empty()) return users;
  const auto process = find_process(pid_of(call.arguments.front()));
  if (process && process->uid == users.back()) return {users.back()};
  return {users.front()};
}

/// Includes the database: with an unusable one, working workers would be replaced by broken ones.
void check_configuration(const WorkerGroup& group) {
  auto command = group.command;
  command.emplace_back("--check-database");
  const Finished check = run_to_end(
      {.command = command, .limit = kChecking, .environment = words_in(group.leader, "environ")});
  if (check.exited_with(0)) return;
  std::cerr << check.output << check.errors;
  if (!check.in_time) throw Refused(group.name() + ": its check took over a minute; " + kUntouched);
  throw Refused(check.exited_with(kExitUnavailable)
                    ? "the database does not take the new configuration; " + kUntouched
                    : "the new configuration is refused; " + kUntouched);
}

/// Waits until a new child of the group's multiwatch is ready. Returns false if a new child exits,
/// since it could not start, or if it takes too long.
bool come_up(const Config& config, const WorkerGroup& group, const std::vector<pid_t>& before) {
  std::vector<pid_t> fresh;
  bool is_lost = false;
  const bool ended = wait_until(kComing, [&] {
    std::vector<pid_t> now = children_of(group.leader);
    is_lost = !std::ranges::all_of(fresh, [&](pid_t pid) { return contains(now, pid); });
    std::erase_if(now, [&](pid_t pid) { return contains(before, pid); });
    fresh = std::move(now);
    return is_lost || std::ranges::any_of(list_workers(config), [&](const auto& worker) {
             return worker.is_ready && contains(fresh, worker.pid);
           });
  });
  return ended && !is_lost;
}

void replace(const Config& config, const WorkerGroup& group, pid_t old) {
  const auto before = children_of(group.leader);
  if (!contains(before, old)) return;  // multiwatch has replaced it already
  // This refers to one process, even if its number is reused; to none if it has ended.
  const Descriptor leaving(::pidfd_open(old, 0));
  if (contains(children_of(group.leader), old)) {
    static_cast<void>(::pidfd_send_signal(leaving.get(), SIGTERM, nullptr, 0));
  }
  const bool has_ended = leaving.get() < 0 || wait_until(kLeaving, [&] {
                           pollfd ended{leaving.get(), POLLIN, 0};
                           return ::poll(&ended, 1, 0) > 0;
                         });
  if (!has_ended) {
    throw Refused(group.name() + " " + std::to_string(old) +
                  " does not end; the others are untouched. See its last line in the log");
  }
  if (!come_up(config, group, before)) {
    throw Refused(group.name() + ": what follows process " + std::to_string(old) +
                  " does not come up; the other old processes keep running. See the service's log "
                  "and the journal for the reason, correct it, and reload again");
  }
}

int reload(const Call& call) {
  const auto whose = [&](const Config& config) { return owners(config, call); };
  try {
    static_cast<void>(call.config());
  } catch (const ConfigError& error) {
    throw Refused(error.what() + ("; " + kUntouched));
  }
  if (const auto status = done_as(call, whose, kAll)) return *status;
  const Config config = call.config();
  const auto groups = find_groups(config, call);
  if (groups.empty()) {
    std::cerr << "no worker or courier of " << user_name(::geteuid()) << " runs with "
              << call.config_file
              << ", so there is nothing to replace; to start the service: systemctl start "
                 "users-fcgi.target. What runs shows in metrics.file, "
              << config.metrics_file
              << "; if that was changed since: systemctl reload users-fcgi-hash users-fcgi-fast "
                 "users-fcgi-courier\n";
    return EXIT_SUCCESS;
  }
  lock_all(groups, call);
  for (const WorkerGroup& group : groups) check_configuration(group);
  for (const WorkerGroup& group : groups) {
    std::size_t done = 0;
    for (const pid_t old : group.members) {
      replace(config, group, old);
      std::cout << group.name() << ": " << ++done << " of " << group.members.size() << " replaced"
                << std::endl;
    }
  }
  return EXIT_SUCCESS;
}

}  // namespace

const std::vector<Command> kReloadCommands{
    {"reload", "[PID...]", "",
     "Replaces workers and couriers one by one, so that a new program or configuration takes "
     "effect without a failed request. Checks the configuration first. If a new worker does not "
     "start, stops; the other old workers continue. Without PID (of a multiwatch): all that run "
     "with this configuration.",
     reload},
};

}  // namespace users::ctl
