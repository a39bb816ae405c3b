// The service's processes, as /proc shows them. A name or a command line proves nothing, since any
// user can give any program both: what counts is whose process it is.
#pragma once

#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace users::ctl {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  uid_t uid = 0;                 ///< effective
  uid_t real_uid = 0;            ///< who started it; another than uid where it is a setuid program
  gid_t gid = 0;                 ///< effective
  std::vector<uid_t> users;      ///< real, effective, saved and of the file system
  std::vector<gid_t> groups;     ///< the same four, then the supplementary ones
  std::string name;              ///< at most 15 bytes, as the kernel keeps it
  bool ready = false;            ///< it holds its stop signals: see base/stop_signals.hpp
  unsigned long long start = 0;  ///< clock ticks since the machine was started
};

/// All living processes that this user may see.
std::vector<Process> list_processes();

/// Those of one user: effective and real user are the same, so none runs with another's rights.
std::vector<Process> list_processes_of(uid_t user);

/// A living process.
std::optional<Process> find_process(pid_t pid);

/// A process for as long as this lives, whatever becomes of its number.
class PinnedProcess {
 public:
  /// Throws Refused if the process is gone, or its number is another's by now.
  explicit PinnedProcess(const Process& process);
  ~PinnedProcess();
  PinnedProcess(PinnedProcess&& other) noexcept;
  PinnedProcess& operator=(PinnedProcess&&) = delete;
  PinnedProcess(const PinnedProcess&) = delete;
  PinnedProcess& operator=(const PinnedProcess&) = delete;

  /// Does nothing if it has ended.
  void signal(int number) const;
  /// False if it has not ended when `longest` is over.
  [[nodiscard]] bool ends_within(std::chrono::milliseconds longest) const;

 private:
  int descriptor_;
};

/// The environment of a process; empty if it is gone or another user's.
std::vector<std::string> environment_of(const Process& process);

/// The command line, word by word; empty where the process is gone.
std::vector<std::string> command_of(const Process& process);

/// Whether its command line names this configuration, or none and this is the default one.
bool uses_configuration(const Process& process, const std::filesystem::path& file);

/// The program that it runs; empty if this user may not look. ` (deleted)` behind it: its file was
/// replaced or removed since.
std::string program_of(const Process& process);

/// When it started, seconds since 1970; 0 if that cannot be told.
std::time_t start_of(const Process& process);

/// The unix socket that is its standard input, or that of its parent: a worker hides its own from
/// all but root, its multiwatch does not. Empty where neither can be seen.
std::filesystem::path listening_socket(const Process& process);

/// Looks every 20 ms until `condition` holds; false when `longest` is over.
bool wait_until(std::chrono::milliseconds longest, const std::function<bool()>& condition);

}  // namespace users::ctl
