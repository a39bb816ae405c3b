#include "programs/send_command.hpp"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.hpp"
#include "base/log.hpp"

// glibc 2.36 forgets to say that it is C.
extern "C" {
#include <sys/pidfd.h>
}

namespace users {
namespace {

constexpr int kTemporaryFailure = 75;  // EX_TEMPFAIL, sysexits.h
constexpr int kMillisecondsInSecond = 1000;

std::string json_of(std::uint64_t id, const Message& message) {
  const bool chinese = message.language == "zh";
  const std::string text =
      chinese ? "验证码 " + message.code + "，10 分钟内有效，请勿告知他人。"
              : "Your code is " + message.code + ". It is valid for 10 minutes; do not share it.";
  return json::text(json::Object{{"code", message.code},
                                 {"id", id},
                                 {"language", message.language},
                                 {"phone", message.phone},
                                 {"purpose", message.purpose},
                                 {"text", text}}) +
         "\n";
}

[[noreturn]] void become(const std::string& command, int input) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it does not outlive a courier that is killed
  ::dup2(input, STDIN_FILENO);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  static_cast<void>(::signal(SIGPIPE, SIG_DFL));
  ::execl(command.c_str(), command.c_str(), nullptr);
  ::_exit(kTemporaryFailure);  // not there, or not to be run: the operator may mend it
}

/// Waits for the child at most `timeout` seconds, then ends it with all it started.
int wait_for(pid_t child, unsigned timeout) {
  const int pidfd = ::pidfd_open(child, 0);
  pollfd ended{pidfd, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, static_cast<int>(timeout) * kMillisecondsInSecond);
  } while (ready < 0 && errno == EINTR);
  ::close(pidfd);
  if (ready <= 0) ::kill(-child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::kill(-child, SIGKILL);  // what it left running
  return status;
}

}  // namespace

Delivery run_send_command(const std::string& command, unsigned timeout, std::uint64_t id,
                          const Message& message) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return Delivery::try_again;
  const pid_t child = ::fork();
  if (child == 0) become(command, pipe[0]);
  ::close(pipe[0]);
  std::string json = json_of(id, message);
  // The pipe holds all of it, so this neither blocks nor depends on the program's reading.
  const bool given =
      child > 0 && ::write(pipe[1], json.data(), json.size()) == static_cast<ssize_t>(json.size());
  wipe(json);
  ::close(pipe[1]);
  if (child < 0) return Delivery::try_again;
  ::setpgid(child, child);
  const int status = wait_for(child, timeout);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Delivery::sent;
  const bool temporary = !given || !WIFEXITED(status) || WEXITSTATUS(status) == kTemporaryFailure;
  log::warning({"message ", std::to_string(id), ": ", command, " ended with status ",
                std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status))});
  return temporary ? Delivery::try_again : Delivery::failed;
}

}  // namespace users
