// The service's processes, as /proc shows them.
#pragma once

#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace users::ctl {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  uid_t uid = 0;       ///< effective
  uid_t real_uid = 0;  ///< who started it; another than uid where it is a setuid program
  gid_t gid = 0;       ///< effective
  std::string name;    ///< at most 15 bytes, as the kernel keeps it
  bool ready = false;  ///< it holds its stop signals: see base/stop_signals.hpp
};

/// All living processes that this user may see.
std::vector<Process> list_processes();

/// A living process.
std::optional<Process> find_process(pid_t pid);

/// The command line, word by word; empty where the process is gone.
std::vector<std::string> command_of(const Process& process);

/// Whether its command line names this configuration, or none and this is the default one.
bool uses_configuration(const Process& process, const std::filesystem::path& file);

/// The program that it runs; empty where only root may look. ` (deleted)` behind it: its file was
/// replaced or removed since.
std::string program_of(const Process& process);

/// When it started, seconds since 1970; 0 where it is gone.
std::time_t start_of(const Process& process);

/// The unix socket that is its standard input, or that of its parent: a worker hides its own from
/// all but root, its multiwatch does not. Empty where neither can be seen.
std::filesystem::path listening_socket(const Process& process);

}  // namespace users::ctl
