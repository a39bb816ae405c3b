#include "ctl/setup_files.hpp"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.hpp"
#include "base/descriptor.hpp"
#include "ctl/command.hpp"
#include "ctl/system.hpp"
#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

const passwd* find_user(const std::string& name) {
  return ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
}

[[noreturn]] void fail(const std::string& path) {
  throw Refused(path + ": " + std::generic_category().message(errno));
}

/// Only root can.
bool give_to(const std::string& user, const Descriptor& file) {
  const passwd* owner = find_user(user);
  return owner == nullptr || ::geteuid() != 0 ||
         ::fchown(file.get(), owner->pw_uid, owner->pw_gid) == 0;
}

}  // namespace

bool has_system_user(const std::string& user) {
  return find_user(user) != nullptr;
}

void add_system_user(const std::string& user) {
  const Finished result = run_bounded({"adduser", "--system", "--group", "--no-create-home",
                                       "--home", "/nonexistent", "--quiet", user},
                                      std::chrono::minutes(1));
  if (!result.exited_with(0)) throw Refused("adduser: " + result.output + result.errors);
}

void require_safe_path(const std::string& path) {
  const std::string stranger = stranger_on(path, Judged::way);
  if (stranger.empty()) return;
  throw Refused(path + " lies in " + stranger +
                ": in the configuration, name a place in a folder of root");
}

void write_secret(const std::string& file, const std::string& user) {
  const std::string unfinished = file + ".new";
  ::unlink(unfinished.c_str());  // left by a killed setup
  const Descriptor made(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (made.get() < 0) fail(unfinished);
  std::string value = crypto::random_hex(crypto::kKeyLength / 2);
  // Unlike rename, link does not replace a file.
  const bool is_written =
      ::write(made.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size()) &&
      (user.empty() || give_to(user, made)) && ::fsync(made.get()) == 0 &&
      ::link(unfinished.c_str(), file.c_str()) == 0;
  const int error = errno;
  wipe(value);
  ::unlink(unfinished.c_str());
  errno = error;
  if (!is_written) fail(file);
}

bool owns_folder(const std::string& user, const std::string& path) {
  struct stat status {};
  const passwd* owner = find_user(user);
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && owner != nullptr &&
         status.st_uid == owner->pw_uid;
}

void make_folder(const std::string& user, const std::string& path) {
  require_safe_path(path);
  std::filesystem::create_directories(path);
  const Descriptor made(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (made.get() < 0 || ::fchmod(made.get(), 0750) != 0 || !give_to(user, made)) fail(path);
}

}  // namespace users::ctl
