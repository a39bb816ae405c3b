#include "ctl/processes.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "base/command_line.hpp"
#include "ctl/command.hpp"

// glibc 2.36 forgets to say that it is C.
extern "C" {
#include <sys/pidfd.h>
}

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(pid_t pid) {
  return fs::path("/proc") / std::to_string(pid);
}

std::string link_target(const fs::path& link) {
  std::error_code error;
  return fs::read_symlink(link, error).string();
}

/// Field 22 of stat; 0 if there is no such process.
unsigned long long start_ticks(pid_t pid) {
  std::ifstream file(folder_of(pid) / "stat");
  std::string line;
  std::getline(file, line);
  // pid (name) state ...: the name may hold anything.
  std::istringstream fields(line.substr(std::min(line.rfind(')') + 1, line.size())));
  std::string word;
  for (int field = 3; field < 22; ++field) fields >> word;
  unsigned long long ticks = 0;
  return fields >> ticks ? ticks : 0;
}

std::vector<std::string> words_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

void append_numbers(std::vector<unsigned>& numbers, std::istream& text) {
  for (unsigned number = 0; text >> number;) numbers.push_back(number);
}

Process read_process(pid_t pid) {
  Process process;
  std::ifstream status(folder_of(pid) / "status");
  bool living = false;
  for (std::string line; std::getline(status, line);) {
    std::istringstream fields(line.substr(line.find(':') + 1));
    if (line.starts_with("Name:")) fields >> process.name;
    if (line.starts_with("State:")) living = line.find("\tZ") == std::string::npos;
    if (line.starts_with("PPid:")) fields >> process.parent;
    if (line.starts_with("SigBlk:")) {
      unsigned long long blocked = 0;
      fields >> std::hex >> blocked;
      process.ready = (blocked >> (SIGTERM - 1) & 1) != 0;
    }
    if (line.starts_with("Uid:")) append_numbers(process.users, fields);
    if (line.starts_with("Gid:") || line.starts_with("Groups:")) {
      append_numbers(process.groups, fields);
    }
  }
  if (process.users.size() < 2 || process.groups.size() < 2) return {};
  process.real_uid = process.users[0];
  process.uid = process.users[1];
  process.gid = process.groups[1];
  process.start = start_ticks(pid);
  if (living && process.start != 0) process.pid = pid;
  return process;
}

/// The socket's path as it was bound; empty where `inode` is no listening unix socket.
std::string bound_path(const std::string& inode) {
  std::ifstream table("/proc/net/unix");
  std::string line;
  std::getline(table, line);  // the heading
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string word;
    std::string number;
    for (int i = 0; i < 6; ++i) fields >> word;
    fields >> number;
    if (number != inode) continue;
    std::getline(fields >> std::ws, word);
    return fields ? word : "";
  }
  return "";
}

fs::path standard_input_socket(pid_t pid) {
  constexpr std::string_view kPrefix = "socket:[";
  const std::string link = link_target(folder_of(pid) / "fd/0");
  if (!link.starts_with(kPrefix)) return {};
  const fs::path path = bound_path(link.substr(kPrefix.size(), link.size() - kPrefix.size() - 1));
  // A relative one is seen from the folder in which it was bound.
  return path.empty() || path.is_absolute() ? path : link_target(folder_of(pid) / "cwd") / path;
}

}  // namespace

std::vector<Process> list_processes() {
  std::vector<Process> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    Process process = read_process(std::stoi(name));
    if (process.pid != 0) all.push_back(std::move(process));
  }
  return all;
}

std::vector<Process> list_processes_of(uid_t user) {
  auto all = list_processes();
  std::erase_if(
      all, [&](const Process& process) { return process.uid != user || process.real_uid != user; });
  return all;
}

std::optional<Process> find_process(pid_t pid) {
  Process process = read_process(pid);
  if (process.pid == 0) return std::nullopt;
  return process;
}

PinnedProcess::PinnedProcess(const Process& process) : descriptor_(::pidfd_open(process.pid, 0)) {
  const auto now = find_process(process.pid);
  if (descriptor_ >= 0 && now && now->start == process.start) return;
  if (descriptor_ >= 0) ::close(descriptor_);
  throw Refused("process " + std::to_string(process.pid) + " has just ended: try again");
}

PinnedProcess::~PinnedProcess() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

PinnedProcess::PinnedProcess(PinnedProcess&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

void PinnedProcess::signal(int number) const {
  static_cast<void>(::pidfd_send_signal(descriptor_, number, nullptr, 0));
}

bool PinnedProcess::ends_within(std::chrono::milliseconds longest) const {
  return wait_until(longest, [this] {
    pollfd ended{descriptor_, POLLIN, 0};
    return ::poll(&ended, 1, 0) > 0;
  });
}

std::vector<std::string> environment_of(const Process& process) {
  return words_of(folder_of(process.pid) / "environ");
}

std::vector<std::string> command_of(const Process& process) {
  return words_of(folder_of(process.pid) / "cmdline");
}

bool uses_configuration(const Process& process, const fs::path& file) {
  constexpr std::string_view kOption = "--config";
  std::error_code error;
  // In a container the same name is another file.
  const fs::path root = folder_of(process.pid) / "root";
  if (!fs::equivalent("/proc/self/root", root, error) && !error) return false;
  const auto words = command_of(process);
  fs::path own = kDefaultConfig;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == kOption && i + 1 < words.size()) own = words[i + 1];
    if (words[i].starts_with(std::string(kOption) + "=")) own = words[i].substr(kOption.size() + 1);
  }
  // A relative name is of a folder that only root may see.
  if (own.is_relative()) return own.filename() == file.filename();
  return own == file || fs::equivalent(own, file, error);
}

std::string program_of(const Process& process) {
  return link_target(folder_of(process.pid) / "exe");
}

std::time_t start_of(const Process& process) {
  std::ifstream machine("/proc/stat");
  std::string word;
  while (machine && word != "btime") machine >> word;
  std::time_t boot = 0;
  machine >> boot;
  if (boot == 0) return 0;
  return boot + static_cast<std::time_t>(process.start) / ::sysconf(_SC_CLK_TCK);
}

fs::path listening_socket(const Process& process) {
  fs::path own = standard_input_socket(process.pid);
  return own.empty() ? standard_input_socket(process.parent) : own;
}

bool wait_until(std::chrono::milliseconds longest, const std::function<bool()>& condition) {
  constexpr std::chrono::milliseconds kBetween{20};
  const auto deadline = std::chrono::steady_clock::now() + longest;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kBetween);
  }
  return true;
}

}  // namespace users::ctl
