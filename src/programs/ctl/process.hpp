// Programs that users-ctl runs to their end.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace users::ctl {

struct Finished {
  int status;          ///< exit code; 127 where the program cannot be run, 128 + N for signal N
  std::string output;  ///< standard output and standard error
};

/// Whose rights a program gets.
struct Owner {
  uid_t uid;
  gid_t gid;
};

/// Runs a program to its end, with nothing on its standard input. `environment` (NAME=value)
/// replaces ours; `as`: root gives up its rights for those.
Finished run_to_end(const std::vector<std::string>& command,
                    const std::optional<std::vector<std::string>>& environment = {},
                    const std::optional<Owner>& as = {});

/// The environment of a process; none where it is gone or another user's.
std::vector<std::string> environment_of(pid_t pid);

/// Looks every 20 ms until `condition` holds; false when `longest` is over.
bool wait_until(std::chrono::milliseconds longest, const std::function<bool()>& condition);

}  // namespace users::ctl
