// A users-fcgi process with its own folder, configuration, secrets and socket.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "support/fcgi_client.hpp"
#include "support/temporary_directory.hpp"

namespace users::test {

/// Writes a configuration that is valid except that its database does not exist, and returns its
/// path. `more` is appended, before any section.
std::filesystem::path write_worker_config(const TemporaryDirectory& directory,
                                          std::string_view more = {});

/// The database password and the hashing key of write_worker_config().
constexpr std::string_view kDatabasePassword = "planted-database-password";
constexpr std::string_view kHashingKey =
    "planted-hashing-key-of-64-bytes!planted-hashing-key-of-64-bytes!";

/// The path of a built program, such as `users-ctl`.
std::string path_of(const std::string& program);

/// A child process that runs a built program, killed by the destructor.
class WorkerProgram {
 public:
  struct Setup {
    std::string program{"users-fcgi"};  ///< or another built program
    std::vector<std::string> arguments{};
    std::vector<std::string> environment;  ///< NAME=value, added to the test's own
    int standard_input = -1;               ///< -1: /dev/null
    std::filesystem::path output;          ///< file for standard output
    std::filesystem::path errors;          ///< file for standard error
    unsigned long descriptors = 0;         ///< RLIMIT_NOFILE; 0: unchanged
  };

  explicit WorkerProgram(const Setup& setup);
  ~WorkerProgram();
  WorkerProgram(const WorkerProgram&) = delete;
  WorkerProgram& operator=(const WorkerProgram&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Returns the exit status, or 128 + N after signal N; nullopt if still running after `seconds`.
  std::optional<int> exit_within(double seconds);

 private:
  pid_t pid_;
  std::optional<int> status_;
};

/// Exit status and output of a users-fcgi.
struct WorkerEnd {
  int status;  ///< -1: still running after 10 seconds
  std::string output;
  std::string errors;
};

/// Runs users-fcgi until it exits.
WorkerEnd run_worker(const std::vector<std::string>& arguments,
                     const std::vector<std::string>& environment = {}, int standard_input = -1);

class ListeningSocket {
 public:
  explicit ListeningSocket(std::filesystem::path path);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  std::filesystem::path path_;
  int descriptor_;
};

struct WorkerOptions {
  std::string config{};  ///< appended, see write_worker_config()
  std::vector<std::string> environment{};
  unsigned long descriptors = 0;
};

/// A running worker with its own listening socket.
class WorkerProcess {
 public:
  /// Returns when the worker answers; throws if it does not.
  explicit WorkerProcess(const WorkerOptions& options = {});

  /// Starts another worker on the same socket in place of one that has ended.
  void start_again();

  [[nodiscard]] const std::filesystem::path& socket() const { return socket_.path(); }
  [[nodiscard]] fcgi::Client connect() const { return fcgi::Client(socket_.path()); }
  /// Sends one request over a new connection.
  HttpReply ask(const fcgi::Request& request) const;
  /// Checks that the worker answers a health request.
  [[nodiscard]] bool answers() const;

  void signal(int number) const { program_->signal(number); }
  std::optional<int> exit_within(double seconds) { return program_->exit_within(seconds); }

  [[nodiscard]] pid_t pid() const { return program_->pid(); }
  /// Processor time used so far.
  [[nodiscard]] double cpu_seconds() const;
  [[nodiscard]] long resident_kib() const;

  [[nodiscard]] std::filesystem::path log_directory() const { return directory_.path() / "log"; }
  /// The content of all log files.
  [[nodiscard]] std::string log() const;
  /// Everything written to standard error.
  [[nodiscard]] std::string errors() const;

 private:
  void start();

  TemporaryDirectory directory_;
  WorkerOptions options_;
  ListeningSocket socket_{directory_.path() / "worker.sock"};
  std::optional<WorkerProgram> program_;
};

}  // namespace users::test
