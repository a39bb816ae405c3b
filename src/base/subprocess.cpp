#include "base/subprocess.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <span>

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.hpp"

namespace users {
namespace {

struct Pipe {
  Descriptor reading;
  Descriptor writing;

  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe");
    reading = Descriptor(ends[0]);
    writing = Descriptor(ends[1]);
  }
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
  Pipe trouble;  ///< gets a byte if the program cannot be executed; closed by execution
};

/// In the child; calls only what may be called between fork and exec (signal-safety(7)).
[[noreturn]] void execute(char** arguments, char** environment, const Identity* identity,
                          bool keeps_output, const Pipes& pipes) {
  if (identity != nullptr) {
    ::setsid();
  } else {
    ::setpgid(0, 0);
  }
  ::dup2(pipes.input.reading.get(), STDIN_FILENO);
  if (keeps_output) {
    ::dup2(pipes.output.writing.get(), STDOUT_FILENO);
    ::dup2(pipes.errors.writing.get(), STDERR_FILENO);
  }
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  static_cast<void>(::signal(SIGPIPE, SIG_DFL));
  if (identity == nullptr || identity->take()) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of user clears it
    ::execvpe(arguments[0], arguments, environment);
  }
  [[maybe_unused]] const ssize_t written = ::write(pipes.trouble.writing.get(), "!", 1);
  ::_exit(EXIT_FAILURE);
}

/// Reads what poll(2) found in a pipe into `buffer`; -1 in its pollfd when the pipe has ended.
std::string_view take_piece(pollfd& end, std::span<char> buffer) {
  if (end.revents == 0) return {};
  const ssize_t got = ::read(end.fd, buffer.data(), buffer.size());
  if (got == 0 || (got < 0 && errno != EINTR)) end.fd = -1;
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

/// Waits for the end of `child` and takes its output meanwhile. Looks at both every 10 ms, since a
/// program that it has left running may hold the outputs open.
Finished await(const Subprocess& program, pid_t child, const Pipes& pipes) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + program.limit;
  Finished finished;
  finished.started = true;
  std::array<pollfd, 3> ends{
      pollfd{program.keeps_output ? pipes.output.reading.get() : -1, POLLIN, 0},
      pollfd{program.keeps_output ? pipes.errors.reading.get() : -1, POLLIN, 0},
      pollfd{pipes.trouble.reading.get(), POLLIN, 0}};
  std::array<char, 16384> buffer{};
  constexpr int kTick = 10;
  for (bool ended = false;;) {
    if (::poll(ends.data(), ends.size(), ended ? 0 : kTick) > 0) {
      for (const bool is_error : {false, true}) {
        const std::string_view piece = take_piece(ends.at(is_error ? 1 : 0), buffer);
        std::string& text = is_error ? finished.errors : finished.output;
        if (!program.relay) {
          text.append(piece.substr(0, program.most - std::min(program.most, text.size())));
        } else if (!piece.empty()) {
          program.relay(piece, is_error);
        }
      }
      if (!take_piece(ends[2], buffer).empty()) finished.started = false;
    } else if (ended) {
      return finished;
    }
    int status = 0;
    if (!ended && ::waitpid(child, &status, WNOHANG) == child) {
      ended = true;
      finished.in_time = true;
      finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
      ::kill(-child, SIGKILL);  // what it left running
    } else if (Clock::now() > deadline) {
      if (ended) return finished;  // something in a group of its own goes on writing
      ::kill(-child, SIGKILL);
      ::kill(child, SIGKILL);  // it may not have come to its group yet
      ::waitpid(child, &status, 0);
      return finished;
    }
  }
}

}  // namespace

Finished run_to_end(const Subprocess& program) {
  Pipes pipes;
  // Before there is a reader: the pipe holds all of it, so this waits for nobody.
  const auto size = static_cast<ssize_t>(program.input.size());
  if (::write(pipes.input.writing.get(), program.input.data(), program.input.size()) != size) {
    throw_errno("standard input");
  }
  auto arguments = pointers_to(program.command);
  std::vector<char*> own;
  if (program.environment) own = pointers_to(*program.environment);
  char** const environment = program.environment ? own.data() : environ;
  std::optional<Identity> identity;
  if (program.as && ::geteuid() == 0 && *program.as != 0) identity.emplace(*program.as);
  const pid_t child = ::fork();
  if (child < 0) throw_errno("fork");
  if (child == 0) {
    execute(arguments.data(), environment, identity ? &*identity : nullptr, program.keeps_output,
            pipes);
  }
  if (!identity) ::setpgid(child, child);  // one of the two comes first
  pipes.input.reading.close();
  pipes.input.writing.close();
  pipes.output.writing.close();
  pipes.errors.writing.close();
  pipes.trouble.writing.close();
  return await(program, child, pipes);
}

}  // namespace users
