// Replaces workers and couriers one by one, so that a new program or configuration comes into use
// and no request fails.
#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <set>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/command_line.hpp"
#include "base/subprocess.hpp"
#include "ctl/command.hpp"
#include "ctl/processes.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

using std::chrono::milliseconds;

/// A worker leaves after the request it is in, a courier after its message: longer than either may
/// take.
constexpr milliseconds kLeaving{340'000};
/// It tries the database first, for which a host that is silent takes its whole timeout.
constexpr milliseconds kComing{60'000};
/// Of a worker's look at the new configuration, which may wait for the timeouts of some databases.
constexpr milliseconds kChecking{60'000};
/// Of all together, where root waits for it: as long as the units give it.
constexpr milliseconds kAll{15 * 60'000};

const std::string kUntouched = "what runs is untouched: correct it and reload again";

/// A multiwatch and what it keeps running.
struct Leader {
  Process process;
  std::vector<std::string> command;  ///< of each child
  std::size_t count;                 ///< of the children

  [[nodiscard]] std::string name() const {
    return std::filesystem::path(command.front()).filename();
  }
};

/// Reads multiwatch's command line. Returns nullopt if the process is not a multiwatch of ours.
std::optional<Leader> leader_of(const Process& process) {
  const uid_t us = ::geteuid();
  if (process.uid != us || process.real_uid != us) return {};
  if (!std::filesystem::path(program_of(process)).filename().string().starts_with("multiwatch")) {
    return {};
  }
  const auto words = command_of(process);
  const auto dashes = std::ranges::find(words, "--");
  if (dashes == words.end() || dashes + 1 == words.end()) return {};
  Leader leader{process, {dashes + 1, words.end()}, 1};
  if (leader.name() != "users-fcgi" && leader.name() != "users-courier") return {};
  const auto forks = std::find(words.begin(), dashes, "-f");
  if (dashes - forks > 1) {
    const std::string& count = *(forks + 1);
    std::from_chars(count.data(), count.data() + count.size(), leader.count);
  }
  return leader;
}

std::vector<Process> children_of(const Leader& leader) {
  auto children = list_processes_of(::geteuid());
  std::erase_if(children,
                [&](const Process& process) { return process.parent != leader.process.pid; });
  return children;
}

bool contains(const std::vector<Process>& processes, const Process& process) {
  return std::ranges::any_of(processes, [&](const Process& one) {
    return one.pid == process.pid && one.start == process.start;
  });
}

std::vector<Leader> find_leaders(const Call& call) {
  std::vector<Leader> leaders;
  for (const std::string& argument : call.arguments) {
    pid_t pid = 0;
    std::from_chars(argument.data(), argument.data() + argument.size(), pid);
    const auto process = find_process(pid);
    auto leader = process ? leader_of(*process) : std::nullopt;
    if (!leader) throw Refused("process " + argument + " is no multiwatch of this service");
    leaders.push_back(std::move(*leader));
  }
  if (!leaders.empty()) return leaders;
  for (const Process& process : list_processes_of(::geteuid())) {
    auto leader = leader_of(process);
    if (leader && uses_configuration(process, call.config_file)) {
      leaders.push_back(std::move(*leader));
    }
  }
  return leaders;
}

/// The configuration as it is for what a leader keeps running.
Config config_of(const Leader& leader, const Call& call) {
  auto entries = environment_of(leader.process);
  std::vector<char*> pointers;
  pointers.reserve(entries.size() + 1);
  for (std::string& entry : entries) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  return load_config(call.config_file, pointers.data());
}

/// Two at once would take each other's stops for failures. Held until we end, on the key that the
/// leader's programs read: nobody but they and root can open it.
void lock(const std::string& key_file) {
  const int fd = ::open(key_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) throw Refused(key_file + ": " + std::generic_category().message(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    throw Refused("another reload is under way: wait for it");
  }
}

void lock_all(const std::vector<Leader>& leaders, const Call& call) {
  std::set<std::string> keys;
  for (const Leader& leader : leaders) keys.insert(config_of(leader, call).secrets_key_file);
  for (const std::string& key : keys) lock(key);
}

/// Whose processes root replaces: those of the workers and of the courier, or of whom the process
/// ids name.
std::vector<uid_t> owners(const Config& config, const Call& call) {
  std::vector<uid_t> users{*service_user(config)};
  if (const uid_t courier = *courier_user(config); courier != users.front()) {
    users.push_back(courier);
  }
  if (call.arguments.empty()) return users;
  pid_t pid = 0;
  const std::string& first = call.arguments.front();
  std::from_chars(first.data(), first.data() + first.size(), pid);
  const auto process = find_process(pid);
  if (process && process->uid == users.back()) return {users.back()};
  return {users.front()};
}

/// With its database: one that it cannot use would replace workers that serve by some that do not.
void check_configuration(const Leader& leader) {
  auto command = leader.command;
  command.emplace_back("--check-database");
  const Finished check = run_to_end(
      {.command = command, .limit = kChecking, .environment = environment_of(leader.process)});
  if (check.exited_with(0)) return;
  std::cerr << check.output << check.errors;
  if (!check.in_time)
    throw Refused(leader.name() + ": its check took over a minute; " + kUntouched);
  throw Refused(check.exited_with(kExitUnavailable)
                    ? "the database does not take the new configuration; " + kUntouched
                    : "the new configuration is refused; " + kUntouched);
}

/// Waits until as many as there should be are there and ready; false where one that is not in
/// `before` ends, since it could not start, or where it takes too long.
bool come_up(const Leader& leader, const std::vector<Process>& before) {
  std::vector<Process> fresh;
  bool lost = false;
  const bool ended = wait_until(kComing, [&] {
    auto now = children_of(leader);
    lost =
        std::ranges::any_of(fresh, [&](const Process& process) { return !contains(now, process); });
    fresh = now;
    std::erase_if(fresh, [&](const Process& process) { return contains(before, process); });
    return lost || (now.size() == leader.count && std::ranges::all_of(now, &Process::ready));
  });
  return ended && !lost;
}

void replace(const Leader& leader, const Process& old) {
  const auto before = children_of(leader);
  const PinnedProcess leaving(old);
  leaving.signal(SIGTERM);
  if (!leaving.ends_within(kLeaving)) {
    throw Refused(leader.name() + " " + std::to_string(old.pid) +
                  " does not end; the others are untouched. See its last line in the log");
  }
  if (!come_up(leader, before)) {
    throw Refused(leader.name() + ": what follows process " + std::to_string(old.pid) +
                  " does not come up; the others are the old ones and go on. See the service's log "
                  "and the journal for the reason, mend it, and reload again");
  }
}

}  // namespace

int reload(const Call& call) {
  const auto whose = [&](const Config& config) { return owners(config, call); };
  try {
    static_cast<void>(call.config());
  } catch (const ConfigError& error) {
    throw Refused(error.what() + ("; " + kUntouched));
  }
  if (const auto status = done_as(call, whose, kAll)) return *status;
  const auto leaders = find_leaders(call);
  if (leaders.empty()) {
    std::cerr << "no worker or courier of " << user_name(::geteuid()) << " runs with "
              << call.config_file
              << ", so there is nothing to replace; to start the service: systemctl start "
                 "users-fcgi.target\n";
    return EXIT_SUCCESS;
  }
  lock_all(leaders, call);
  for (const Leader& leader : leaders) check_configuration(leader);
  for (const Leader& leader : leaders) {
    std::size_t done = 0;
    const auto old_ones = children_of(leader);
    for (const Process& old : old_ones) {
      replace(leader, old);
      std::cout << leader.name() << ": " << ++done << " of " << old_ones.size() << " replaced"
                << std::endl;
    }
  }
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
