#include "programs/ctl/process.hpp"

#include <fstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

namespace users::ctl {
namespace {

constexpr int kCannotRun = 127;
constexpr int kSignalled = 128;

std::string proc(pid_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

bool become(const Owner& owner) {
  if (::geteuid() != 0 || owner.uid == 0) return true;
  return ::setgroups(0, nullptr) == 0 && ::setgid(owner.gid) == 0 && ::setuid(owner.uid) == 0;
}

}  // namespace

Finished run_to_end(const std::vector<std::string>& command,
                    const std::optional<std::vector<std::string>>& environment,
                    const std::optional<Owner>& as) {
  int output[2];
  if (::pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("no pipe can be made");
  const auto arguments = pointers_to(command);
  const auto variables = environment ? pointers_to(*environment) : std::vector<char*>();
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    ::dup2(output[1], STDOUT_FILENO);
    ::dup2(output[1], STDERR_FILENO);
    if (as && !become(*as)) ::_exit(kCannotRun);
    if (environment) {
      ::execvpe(arguments[0], arguments.data(), variables.data());
    } else {
      ::execvp(arguments[0], arguments.data());
    }
    ::_exit(kCannotRun);
  }
  ::close(output[1]);
  Finished finished{kCannotRun, ""};
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(output[0], buffer, sizeof buffer)) > 0;) {
    finished.output.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(output[0]);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return finished;
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
  return finished;
}

std::vector<std::string> environment_of(pid_t pid) {
  std::ifstream stream(proc(pid, "environ"));
  std::vector<std::string> entries;
  for (std::string entry; std::getline(stream, entry, '\0');) entries.push_back(entry);
  return entries;
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
