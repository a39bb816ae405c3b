// What doctor needs of the machine: other users' eyes, and programs that are run with a bound.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace users::ctl {

/// While it lives, root is another user, with that user's groups: what may be read and written is
/// what that user may. Does nothing for anybody but root. Throws std::system_error.
class AsUser {
 public:
  explicit AsUser(uid_t uid);
  ~AsUser();
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

 private:
  void restore() noexcept;

  bool changed_ = false;
  gid_t group_ = 0;
  std::vector<gid_t> groups_;
};

/// `uid 1234` where it has no name.
std::string user_name(uid_t uid);

/// The group that user has in passwd(5); the user's own name where it has none.
std::string group_name_of(uid_t uid);

/// Where a program is: on PATH or in /usr/sbin, which ordinary users do not have there. Empty where
/// it is nowhere.
std::filesystem::path find_program(const std::string& name);

struct Outcome {
  bool started = false;
  bool in_time = false;
  int status = -1;  ///< exit code; -1 where a signal ended it
  std::string output;
  std::string errors;  ///< standard error
};

/// Runs a program without input, in the C locale, and kills it after `limit`. Keeps 16 MiB of each
/// output.
Outcome run_bounded(const std::vector<std::string>& command, std::chrono::milliseconds limit);

/// The first line that is not empty.
std::string first_line(const std::string& text);

}  // namespace users::ctl
