#include "programs/ctl/system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace users::ctl {
namespace {

constexpr std::size_t kLargestOutput = std::size_t{16} * 1024 * 1024;
using Clock = std::chrono::steady_clock;

void require(int result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::system_category(), what);
}

/// A pipe of which the child gets the writing end.
struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() { require(::pipe2(ends, O_CLOEXEC), "pipe"); }
  ~Pipe() {
    ::close(ends[0]);
    close_writing();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_writing() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
};

pid_t spawn(const std::vector<std::string>& command, const Pipe& out, const Pipe& err) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::string locale = "LC_ALL=C";
  std::vector<char*> environment{locale.data()};
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.ends[1], STDERR_FILENO);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(),
                                   environment.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? child : -1;
}

/// Reads both ends until they are closed; false where `deadline` comes first.
bool collect(const Pipe& out, const Pipe& err, Outcome& outcome, Clock::time_point deadline) {
  std::array<pollfd, 2> ends{pollfd{out.ends[0], POLLIN, 0}, pollfd{err.ends[0], POLLIN, 0}};
  const std::array<std::string*, 2> texts{&outcome.output, &outcome.errors};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    if (::poll(ends.data(), ends.size(), static_cast<int>(left)) <= 0) continue;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      std::array<char, 65536> buffer{};
      const ssize_t got = ::read(ends[i].fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        ends[i].fd = -1;  // poll passes over it
        continue;
      }
      const auto room = kLargestOutput - texts[i]->size();
      texts[i]->append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
    }
  }
  return true;
}

}  // namespace

AsUser::AsUser(uid_t uid) {
  if (::geteuid() != 0 || uid == 0) return;
  group_ = ::getegid();
  groups_.resize(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  if (::getgroups(static_cast<int>(groups_.size()), groups_.data()) < 0) {
    throw std::system_error(errno, std::system_category(), "getgroups");
  }
  const passwd* entry = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): one thread
  const gid_t group = entry == nullptr ? static_cast<gid_t>(uid) : entry->pw_gid;
  require(entry == nullptr ? ::setgroups(0, nullptr) : ::initgroups(entry->pw_name, group),
          "initgroups");
  changed_ = true;
  if (::setegid(group) != 0 || ::seteuid(uid) != 0) {
    const int error = errno;
    restore();
    throw std::system_error(error, std::system_category(), "seteuid");
  }
}

AsUser::~AsUser() {
  if (changed_) restore();
}

void AsUser::restore() noexcept {
  // Going on as the wrong user would make every further answer a wrong one.
  if (::seteuid(0) != 0 || ::setegid(group_) != 0 ||
      ::setgroups(groups_.size(), groups_.data()) != 0) {
    std::abort();
  }
}

std::string user_name(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): one thread
  return entry == nullptr ? "uid " + std::to_string(uid) : entry->pw_name;
}

std::string group_name_of(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): one thread
  const group* primary =
      entry == nullptr ? nullptr
                       : ::getgrgid(entry->pw_gid);  // NOLINT(concurrency-mt-unsafe): one thread
  return primary == nullptr ? user_name(uid) : primary->gr_name;
}

std::filesystem::path find_program(const std::string& name) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/usr/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.starts_with('/')) continue;
    std::filesystem::path file = std::filesystem::path(folder) / name;
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return {};
}

Outcome run_bounded(const std::vector<std::string>& command, std::chrono::milliseconds limit) {
  Outcome outcome;
  Pipe out;
  Pipe err;
  const auto deadline = Clock::now() + limit;
  const pid_t child = spawn(command, out, err);
  if (child < 0) return outcome;
  outcome.started = true;
  out.close_writing();
  err.close_writing();
  outcome.in_time = collect(out, err, outcome, deadline);
  if (!outcome.in_time) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  return outcome;
}

std::string first_line(const std::string& text) {
  const auto start = text.find_first_not_of("\r\n");
  if (start == std::string::npos) return "";
  return text.substr(start, text.find_first_of("\r\n", start) - start);
}

}  // namespace users::ctl
