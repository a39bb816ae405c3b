// The service's processes: the worker table lists them, and /proc has the rest. A name or a command
// line proves nothing: any user can give them to any program.
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

/// The workers and couriers in metrics.file, which this user must be able to read. Empty if no
/// process has created that file yet.
std::vector<WorkerTable::Worker> list_workers(const Config& config);

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  uid_t uid = 0;              ///< effective
  uid_t real_uid = 0;         ///< who started it; differs from uid for a setuid program
  std::vector<uid_t> users;   ///< real, effective, saved, and file system
  std::vector<gid_t> groups;  ///< the same four, then supplementary ones
  std::string name;           ///< cut to 15 bytes by the kernel
};

/// All running processes that this user may see.
std::vector<Process> list_processes();

/// Finds a running process.
std::optional<Process> find_process(pid_t pid);

/// When a process started, in whole seconds; nullopt if it has ended.
std::optional<std::time_t> start_of(pid_t pid);

/// The words of a process's `cmdline` or `environ`; empty if it has ended or belongs to another
/// user.
std::vector<std::string> words_in(pid_t pid, const char* file);

/// True if its command line names this configuration, or names none and this is the default.
bool uses_configuration(pid_t pid, const std::filesystem::path& file);

/// Checks `condition` every 20 ms until it holds. Returns false after `longest`.
bool wait_until(std::chrono::milliseconds longest, const std::function<bool()>& condition);

}  // namespace users::ctl
