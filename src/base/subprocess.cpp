#include "base/subprocess.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace users {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) fail("pipe");
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] int reading() const { return ends_[0]; }
  [[nodiscard]] int writing() const { return ends_[1]; }
  void close_reading() { close(0); }
  void close_writing() { close(1); }

 private:
  void close(int end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }
  int ends_[2] = {-1, -1};
};

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// A user with all groups, looked up before the fork.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;

  explicit Identity(uid_t user) : uid(user), gid(user) {
    const passwd* entry = ::getpwuid(user);  // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr) return;
    gid = entry->pw_gid;
    int count = 64;
    groups.resize(static_cast<std::size_t>(count));
    while (::getgrouplist(entry->pw_name, gid, groups.data(), &count) < 0) {
      groups.resize(static_cast<std::size_t>(count));
    }
    groups.resize(static_cast<std::size_t>(count));
  }
  [[nodiscard]] bool take() const {
    return ::setgroups(groups.size(), groups.data()) == 0 && ::setgid(gid) == 0 &&
           ::setuid(uid) == 0;
  }
};

struct Pipes {
  Pipe input;
  Pipe output;
  Pipe errors;
  Pipe trouble;  ///< what kept the program from being executed; closed by execution
};

struct Launch {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::optional<Identity> identity;
  bool keeps_output;
};

/// In the child; calls only what may be called between fork and exec (signal-safety(7)).
[[noreturn]] void become(const Launch& launch, const Pipes& pipes) {
  if (launch.identity) {
    ::setsid();
  } else {
    ::setpgid(0, 0);
  }
  ::dup2(pipes.input.reading(), STDIN_FILENO);
  if (launch.keeps_output) {
    ::dup2(pipes.output.writing(), STDOUT_FILENO);
    ::dup2(pipes.errors.writing(), STDERR_FILENO);
  }
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  static_cast<void>(::signal(SIGPIPE, SIG_DFL));
  if (!launch.identity || launch.identity->take()) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of user clears it
    if (launch.environment.empty()) {
      ::execvp(launch.arguments[0], launch.arguments.data());
    } else {
      ::execvpe(launch.arguments[0], launch.arguments.data(), launch.environment.data());
    }
  }
  const char trouble = '!';
  [[maybe_unused]] const ssize_t told = ::write(pipes.trouble.writing(), &trouble, 1);
  ::_exit(EXIT_FAILURE);
}

/// Reads what is there of one output; -1 in its pollfd when it has ended.
void take_output(const Subprocess& program, pollfd& end, std::string& text, bool is_error) {
  std::array<char, 16384> buffer{};
  const ssize_t got = ::read(end.fd, buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) {
    end.fd = -1;
    return;
  }
  const std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
  if (program.relay) {
    program.relay(piece, is_error);
  } else {
    text.append(piece.substr(0, program.most - std::min(program.most, text.size())));
  }
}

/// An end without a word: the program has been executed, which closed the pipe.
void take_trouble(pollfd& end, Finished& finished) {
  char word = 0;
  const ssize_t got = ::read(end.fd, &word, 1);
  if (got < 0 && errno == EINTR) return;
  finished.started = got == 0;
  end.fd = -1;
}

void kill_all(pid_t child) {
  ::kill(-child, SIGKILL);
  ::kill(child, SIGKILL);  // it may not have come to its group yet
}

/// Waits for the end of `child` and takes its output meanwhile. Looks at both every 10 ms, since a
/// program that it has left running may hold the outputs open.
void await(const Subprocess& program, pid_t child, const Pipes& pipes, Finished& finished) {
  const auto deadline = Clock::now() + program.limit;
  std::array<pollfd, 3> ends{pollfd{pipes.trouble.reading(), POLLIN, 0},
                             pollfd{program.keeps_output ? pipes.output.reading() : -1, POLLIN, 0},
                             pollfd{program.keeps_output ? pipes.errors.reading() : -1, POLLIN, 0}};
  constexpr int kTick = 10;
  for (bool ended = false;;) {
    if (::poll(ends.data(), ends.size(), ended ? 0 : kTick) > 0) {
      if (ends[0].revents != 0) take_trouble(ends[0], finished);
      if (ends[1].revents != 0) take_output(program, ends[1], finished.output, false);
      if (ends[2].revents != 0) take_output(program, ends[2], finished.errors, true);
    } else if (ended) {
      return;
    }
    int status = 0;
    if (!ended && ::waitpid(child, &status, WNOHANG) == child) {
      ended = true;
      finished.in_time = true;
      finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
      ::kill(-child, SIGKILL);  // what it left running
    } else if (Clock::now() > deadline) {
      if (ended) return;  // something in a group of its own goes on writing
      kill_all(child);
      ::waitpid(child, &status, 0);
      return;
    }
  }
}

}  // namespace

Finished run_to_end(const Subprocess& program) {
  Pipes pipes;
  // Before there is a reader: the pipe holds all of it, so this waits for nobody.
  const ssize_t given = ::write(pipes.input.writing(), program.input.data(), program.input.size());
  if (given != static_cast<ssize_t>(program.input.size())) fail("standard input");
  const Launch launch{
      pointers_to(program.command),
      program.environment ? pointers_to(*program.environment) : std::vector<char*>(),
      program.as && ::geteuid() == 0 && *program.as != 0 ? std::optional<Identity>(*program.as)
                                                         : std::nullopt,
      program.keeps_output};
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) become(launch, pipes);
  if (!launch.identity) ::setpgid(child, child);  // one of the two comes first
  pipes.input.close_reading();
  pipes.input.close_writing();
  pipes.output.close_writing();
  pipes.errors.close_writing();
  pipes.trouble.close_writing();
  Finished finished;
  await(program, child, pipes, finished);
  return finished;
}

}  // namespace users
