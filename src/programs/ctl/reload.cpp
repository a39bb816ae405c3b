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

#include "programs/ctl/command.hpp"
#include "programs/ctl/process.hpp"
#include "programs/ctl/processes.hpp"

namespace users::ctl {
namespace {

using std::chrono::milliseconds;

/// A worker leaves after the request it is in; longer than any request may take.
constexpr milliseconds kLeaving{90'000};
constexpr milliseconds kComing{10'000};
/// A worker that cannot start ends well within this, or within some times of what the program now
/// takes to check its configuration, which is how it starts, too.
constexpr milliseconds kShortestProof{400};
constexpr int kProofInChecks = 5;

/// A multiwatch and what it keeps running.
struct Leader {
  pid_t pid;
  std::vector<std::string> command;  ///< of each child
  std::size_t count;                 ///< of the children

  [[nodiscard]] std::string name() const {
    return std::filesystem::path(command.front()).filename();
  }
};

/// What multiwatch's command line says; nothing where it is none, or one of other programs.
std::optional<Leader> leader_of(const Process& process) {
  const auto words = command_of(process);
  if (words.empty() || std::filesystem::path(words[0]).filename() != "multiwatch") return {};
  const auto dashes = std::ranges::find(words, "--");
  if (dashes == words.end() || dashes + 1 == words.end()) return {};
  Leader leader{process.pid, {dashes + 1, words.end()}, 1};
  if (leader.name() != "users-fcgi" && leader.name() != "users-courier") return {};
  const auto forks = std::find(words.begin(), dashes, "-f");
  if (dashes - forks > 1) {
    const std::string& count = *(forks + 1);
    std::from_chars(count.data(), count.data() + count.size(), leader.count);
  }
  return leader;
}

std::vector<pid_t> children_of(pid_t leader) {
  std::vector<pid_t> children;
  for (const Process& process : list_processes()) {
    if (process.parent == leader) children.push_back(process.pid);
  }
  return children;
}

std::vector<Leader> find_leaders(const Call& call) {
  std::vector<Leader> leaders;
  for (const std::string& argument : call.arguments) {
    Process process;
    std::from_chars(argument.data(), argument.data() + argument.size(), process.pid);
    auto leader = leader_of(process);
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
  const std::string file = "/proc/" + std::to_string(leader.pid) + "/cmdline";
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    throw Refused("another reload of the same workers is under way: wait for it");
  }
}

/// How long a new worker must stay.
milliseconds check_configuration(const Leader& leader) {
  const auto start = std::chrono::steady_clock::now();
  auto command = leader.command;
  command.emplace_back("--check-config");
  const Finished check = run_to_end(command, environment_of(leader.pid), leader.pid);
  const auto took =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  if (check.status == 0) return std::max(kShortestProof, kProofInChecks * took);
  std::cerr << check.output;
  throw Refused(
      "the new configuration is refused, what runs is untouched: correct it and reload "
      "again");
}

/// `old` is gone, and as many as there should be are there and stay.
bool replaced(const Leader& leader, pid_t old, milliseconds proof) {
  const auto before = children_of(leader.pid);
  if (before.size() != leader.count || std::ranges::find(before, old) != before.end()) return false;
  std::this_thread::sleep_for(proof);
  return children_of(leader.pid) == before;
}

void replace(const Leader& leader, pid_t old, milliseconds proof) {
  const auto is_there = [&] {
    const auto children = children_of(leader.pid);
    return std::ranges::find(children, old) != children.end();
  };
  ::kill(old, SIGTERM);
  if (!wait_until(kLeaving, [&] { return !is_there(); })) {
    throw Refused(leader.name() + " " + std::to_string(old) +
                  " does not end; the others are untouched. See its last line in the log");
  }
  if (!wait_until(kComing, [&] { return replaced(leader, old, proof); })) {
    throw Refused(leader.name() + ": what follows process " + std::to_string(old) +
                  " does not stay up; the others are the old ones and go on. See the service's log "
                  "and the journal for the reason, mend it, and reload again");
  }
}

}  // namespace

int reload(const Call& call) {
  const auto leaders = find_leaders(call);
  for (const Leader& leader : leaders) lock(leader);
  std::vector<milliseconds> proofs;
  proofs.reserve(leaders.size());
  for (const Leader& leader : leaders) proofs.push_back(check_configuration(leader));
  for (std::size_t i = 0; i < leaders.size(); ++i) {
    const Leader& leader = leaders[i];
    std::size_t done = 0;
    const auto old_ones = children_of(leader.pid);
    for (const pid_t old : old_ones) {
      replace(leader, old, proofs[i]);
      std::cout << leader.name() << ": " << ++done << " of " << old_ones.size() << " replaced"
                << std::endl;
    }
  }
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
