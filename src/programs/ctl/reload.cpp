// Replaces workers and couriers one by one, so that a new program or configuration comes into use
// and no request fails.
#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "programs/command_line.hpp"
#include "programs/ctl/command.hpp"
#include "programs/ctl/process.hpp"
#include "programs/ctl/processes.hpp"

namespace users::ctl {
namespace {

using std::chrono::milliseconds;

/// A worker leaves after the request it is in, a courier after its message: longer than either may
/// take.
constexpr milliseconds kLeaving{340'000};
/// It tries the database first, for which a host that is silent takes its whole timeout.
constexpr milliseconds kComing{60'000};

/// A multiwatch and what it keeps running.
struct Leader {
  Process process;
  std::vector<std::string> command;  ///< of each child
  std::size_t count;                 ///< of the children

  [[nodiscard]] std::string name() const {
    return std::filesystem::path(command.front()).filename();
  }
};

/// What multiwatch's command line says; nothing where it is none, or one of other programs.
std::optional<Leader> leader_of(const Process& process) {
  // Anybody can give a program such a command line, a setuid one too; it would then be our own
  // rights with which the command is run.
  if (process.real_uid != process.uid) return {};
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
  auto children = list_processes();
  std::erase_if(children,
                [&](const Process& process) { return process.parent != leader.process.pid; });
  return children;
}

bool contains(const std::vector<Process>& processes, pid_t pid) {
  return std::ranges::find(processes, pid, &Process::pid) != processes.end();
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
  for (const Process& process : list_processes()) {
    auto leader = leader_of(process);
    if (leader && uses_configuration(process, call.config_file)) {
      leaders.push_back(std::move(*leader));
    }
  }
  if (leaders.empty()) {
    throw Refused("nothing runs with " + call.config_file +
                  ": start it with systemctl start users-fcgi.target");
  }
  return leaders;
}

/// Two at the same workers would take each other's stops for failures. Held until we end.
void lock(const Leader& leader) {
  const std::string file = "/proc/" + std::to_string(leader.process.pid) + "/cmdline";
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    throw Refused("another reload of the same workers is under way: wait for it");
  }
}

/// With its database: one that it cannot use would replace workers that serve by some that do not.
void check_configuration(const Leader& leader) {
  auto command = leader.command;
  command.emplace_back("--check-database");
  const Finished check = run_to_end(command, environment_of(leader.process.pid),
                                    Owner{leader.process.uid, leader.process.gid});
  if (check.status == 0) return;
  std::cerr << check.output;
  throw Refused(
      check.status == kExitUnavailable
          ? "the database does not take the new configuration, what runs is untouched: correct the "
            "one or the other and reload again"
          : "the new configuration is refused, what runs is untouched: correct it and reload "
            "again");
}

/// Waits until as many as there should be are there and ready; false where one that is not in
/// `before` ends, since it could not start, or where it takes too long.
bool come_up(const Leader& leader, const std::vector<Process>& before) {
  std::vector<Process> fresh;
  bool lost = false;
  const bool ended = wait_until(kComing, [&] {
    auto now = children_of(leader);
    lost = std::ranges::any_of(fresh,
                               [&](const Process& process) { return !contains(now, process.pid); });
    fresh = now;
    std::erase_if(fresh, [&](const Process& process) { return contains(before, process.pid); });
    return lost || (now.size() == leader.count && std::ranges::all_of(now, &Process::ready));
  });
  return ended && !lost;
}

void replace(const Leader& leader, pid_t old) {
  const auto before = children_of(leader);
  ::kill(old, SIGTERM);
  if (!wait_until(kLeaving, [&] { return !contains(children_of(leader), old); })) {
    throw Refused(leader.name() + " " + std::to_string(old) +
                  " does not end; the others are untouched. See its last line in the log");
  }
  if (!come_up(leader, before)) {
    throw Refused(leader.name() + ": what follows process " + std::to_string(old) +
                  " does not come up; the others are the old ones and go on. See the service's log "
                  "and the journal for the reason, mend it, and reload again");
  }
}

}  // namespace

int reload(const Call& call) {
  const auto leaders = find_leaders(call);
  for (const Leader& leader : leaders) lock(leader);
  for (const Leader& leader : leaders) check_configuration(leader);
  for (const Leader& leader : leaders) {
    std::size_t done = 0;
    const auto old_ones = children_of(leader);
    for (const Process& old : old_ones) {
      replace(leader, old.pid);
      std::cout << leader.name() << ": " << ++done << " of " << old_ones.size() << " replaced"
                << std::endl;
    }
  }
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
