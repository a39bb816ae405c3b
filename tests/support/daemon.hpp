// A program that runs while a test does, in a process group of its own; gone when the test
// ends, also where that is by SIGKILL.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace users::test {

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

/// What the README tells a site to do with nginx/: copied below `folder`, the folders of the
/// sockets
/// (`run`) and of the page named, the example of users_cors_origins.conf let in; `cached`: with
/// users_auth_cache.conf.example in place.
void install_includes(const std::filesystem::path& folder, const std::string& run,
                      bool cached = false);

/// An nginx set up as the README tells a site to, on a socket of its own, in front of the pools
/// whose sockets are in `run`. It protects /private/; `cached`: with its cache of checks.
class Site {
 public:
  explicit Site(const std::string& run, bool cached = false);
  /// For send().
  [[nodiscard]] std::string base_url() const { return "unix:" + folder_ + "/nginx.sock"; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  Daemon nginx_;
};

}  // namespace users::test
