// A users-fcgi of a test's own: its folder with configuration, secrets and socket, and the process.
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

/// A configuration that is good but for the database, which is not there; `more` is appended to it,
/// still in front of any section. Its path.
std::filesystem::path write_worker_config(const TemporaryDirectory& directory,
                                          std::string_view more = {});

/// The database password and the hashing key that write_worker_config() names.
constexpr std::string_view kDatabasePassword = "planted-database-password";
constexpr std::string_view kHashingKey =
    "planted-hashing-key-of-64-bytes!planted-hashing-key-of-64-bytes!";

/// Where one of the programs built is, such as `users-ctl`.
std::string path_of(const std::string& program);

/// One of the programs as a child process, killed when this goes.
class WorkerProgram {
 public:
  /// What it gets.
  struct Setup {
    std::string program{"users-fcgi"};  ///< or another of the programs built
    std::vector<std::string> arguments{};
    std::vector<std::string> environment;  ///< NAME=value, beside the test's own
    int standard_input = -1;               ///< -1: /dev/null
    std::filesystem::path output;          ///< file for standard output
    std::filesystem::path errors;          ///< file for standard error
    unsigned long descriptors = 0;         ///< RLIMIT_NOFILE; 0: as it is
  };

  explicit WorkerProgram(const Setup& setup);
  ~WorkerProgram();
  WorkerProgram(const WorkerProgram&) = delete;
  WorkerProgram& operator=(const WorkerProgram&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// The exit status, 128 + N where signal N ended it; nothing while it runs after `seconds`.
  std::optional<int> exit_within(double seconds);

 private:
  pid_t pid_;
  std::optional<int> status_;
};

/// How a users-fcgi ended, and what it said.
struct WorkerEnd {
  int status;  ///< -1: it still ran after 10 seconds
  std::string output;
  std::string errors;
};

/// Runs users-fcgi to its end.
WorkerEnd run_worker(const std::vector<std::string>& arguments,
                     const std::vector<std::string>& environment = {}, int standard_input = -1);

/// A listening unix socket.
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
  std::string config{};  ///< more of it, see write_worker_config()
  std::vector<std::string> environment{};
  unsigned long descriptors = 0;
};

/// A running worker with a listening socket of its own.
class WorkerProcess {
 public:
  /// Returns when it answers; throws where it does not.
  explicit WorkerProcess(const WorkerOptions& options = {});

  /// Starts a further worker on the same socket, in place of the one that has ended.
  void start_again();

  [[nodiscard]] fcgi::Client connect() const { return fcgi::Client(socket_.path()); }
  /// One request over a connection of its own.
  HttpReply ask(const fcgi::Request& request) const;
  /// True where it still answers as it should.
  [[nodiscard]] bool answers() const;

  void signal(int number) const { program_->signal(number); }
  std::optional<int> exit_within(double seconds) { return program_->exit_within(seconds); }

  [[nodiscard]] pid_t pid() const { return program_->pid(); }
  /// Processor time it has used.
  [[nodiscard]] double cpu_seconds() const;
  [[nodiscard]] long resident_kib() const;

  [[nodiscard]] std::filesystem::path log_directory() const { return directory_.path() / "log"; }
  /// What all its log files hold.
  [[nodiscard]] std::string log() const;
  /// What it wrote to standard error.
  [[nodiscard]] std::string errors() const;

 private:
  void start();

  TemporaryDirectory directory_;
  WorkerOptions options_;
  ListeningSocket socket_{directory_.path() / "worker.sock"};
  std::optional<WorkerProgram> program_;
};

}  // namespace users::test
