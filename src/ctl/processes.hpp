// The service's processes: the worker table names them, and /proc tells what else is known of each.
// A name or a command line proves nothing, since any user can give any program both.
#pragma once

#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/config.hpp"
#include "metrics/worker_table.hpp"

namespace users::ctl {

/// The workers and couriers that count in metrics.file, which this user must be able to read. Empty
/// if no process has made that file yet.
std::vector<WorkerTable::Worker> list_workers(const Config& config);

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  uid_t uid = 0;              ///< effective
  uid_t real_uid = 0;         ///< who started it; another than uid if it is a setuid program
  std::vector<uid_t> users;   ///< real, effective, saved and of the file system
  std::vector<gid_t> groups;  ///< the same four, then the supplementary ones
  std::string name;           ///< at most 15 bytes, as the kernel keeps it
};

/// All living processes that this user may see.
std::vector<Process> list_processes();

/// A living process.
std::optional<Process> find_process(pid_t pid);

/// The living children of a process.
std::vector<pid_t> children_of(pid_t pid);

/// A process for as long as this lives, whatever becomes of its number.
class PinnedProcess {
 public:
  explicit PinnedProcess(pid_t pid);
  ~PinnedProcess();
  PinnedProcess(const PinnedProcess&) = delete;
  PinnedProcess& operator=(const PinnedProcess&) = delete;

  /// Does nothing if it has ended.
  void signal(int number) const;
  /// Returns false if it has not ended when `longest` is over.
  [[nodiscard]] bool ends_within(std::chrono::milliseconds longest) const;

 private:
  int descriptor_;
};

/// The environment of a process; empty if it is gone or another user's.
std::vector<std::string> environment_of(pid_t pid);

/// The command line, word by word; empty if the process is gone.
std::vector<std::string> command_of(pid_t pid);

/// Whether its command line names this configuration, or none and this is the default one.
bool uses_configuration(pid_t pid, const std::filesystem::path& file);

/// Looks every 20 ms until `condition` holds. Returns false when `longest` is over.
bool wait_until(std::chrono::milliseconds longest, const std::function<bool()>& condition);

}  // namespace users::ctl
