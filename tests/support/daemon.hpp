// A program that runs while a test does, in a process group of its own; gone when the test
// ends, also where that is by SIGKILL.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace users::test {

/// A socket bound to a free port of 127.0.0.1, for the caller to close; and that port.
std::pair<int, unsigned> bound_socket();

/// A TCP port of 127.0.0.1 that nobody listens on at the moment.
unsigned free_port();

class Daemon {
 public:
  /// Starts `command` (found on PATH) with `environment` (NAME=value) added, output appended to
  /// `log`.
  Daemon(const std::vector<std::string>& command, const std::vector<std::string>& environment,
         const std::string& log);
  /// TERM to the whole group, KILL after 10 seconds.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

}  // namespace users::test
