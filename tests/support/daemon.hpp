// A program in its own process group that runs as long as a test, even if the test is killed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace users::test {

/// Returns a socket bound to a free port of 127.0.0.1, which the caller closes, and the port.
std::pair<int, unsigned> bound_socket();

/// Returns a TCP port of 127.0.0.1 that is free at the moment.
unsigned free_port();

class Daemon {
 public:
  /// Starts `command` (found on PATH) with `environment` (NAME=value) added and appends its output
  /// to `log`.
  Daemon(const std::vector<std::string>& command, const std::vector<std::string>& environment,
         const std::string& log);
  /// Sends TERM to the group, and KILL after 10 seconds.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

}  // namespace users::test
