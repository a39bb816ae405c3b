// Other users' eyes and rights, and programs that are run with a bound.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/config.hpp"
#include "base/subprocess.hpp"
#include "ctl/command.hpp"

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

/// The user's name; without one the number, with `before` in front.
std::string user_name(uid_t uid, const std::string& before = "uid ");

/// The group that user has in passwd(5); the user's own name where it has none.
std::string group_name_of(uid_t uid);

/// Where a program is: on PATH or in /usr/sbin, which ordinary users do not have there. Empty where
/// it is nowhere.
std::filesystem::path find_program(const std::string& name);

/// Whom the workers run as: the owner of secrets.key_file, which nobody else may read. Missing if
/// there is no such file, or if somebody else than root and its owner could have put it there.
std::optional<uid_t> service_user(const Config& config);

/// Whom the courier and its program run as: sms.user, else service_user().
std::optional<uid_t> courier_user(const Config& config);

/// Root never acts on what the service's users could have prepared: it runs this very command again
/// as each of `users`, in a session of its own, for at most `limit`, and passes at most 64 KiB of
/// its output on; the first that fails is the last. Returns the exit code then; nothing for
/// everybody else, and for root if the service is root's. Throws Refused if the key is missing or
/// time is up.
std::optional<int> done_as(const Call& call,
                           const std::function<std::vector<uid_t>(const Config&)>& users,
                           std::chrono::milliseconds limit);

/// Runs a program without input, in the C locale, and kills it after `limit`.
Finished run_bounded(std::vector<std::string> command, std::chrono::milliseconds limit);

/// The first line that is not empty.
std::string first_line(const std::string& text);

}  // namespace users::ctl
