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

}  // namespace

bool ServiceFiles::has_user() const {
  return find_user(user_) != nullptr;
}

void ServiceFiles::add_user() const {
  const Finished result = run_bounded({"adduser", "--system", "--group", "--no-create-home",
                                       "--home", "/nonexistent", "--quiet", user_},
                                      std::chrono::minutes(1));
  if (!result.exited_with(0)) throw Refused("adduser: " + result.output + result.errors);
}

bool ServiceFiles::give_to_service(int fd) const {
  const passwd* owner = find_user(user_);
  return owner == nullptr || ::geteuid() != 0 || ::fchown(fd, owner->pw_uid, owner->pw_gid) == 0;
}

void ServiceFiles::require_roots_way(const std::string& path) {
  const std::string stranger = stranger_on(path, Judged::way);
  if (stranger.empty()) return;
  throw Refused(path + " lies in " + stranger +
                ": in the configuration, name a place in a folder of root");
}

void ServiceFiles::write_secret(const std::string& file, bool of_service) const {
  const std::string unfinished = file + ".new";
  ::unlink(unfinished.c_str());  // left by a killed setup
  const int fd = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) fail(unfinished);
  std::string value = crypto::random_hex(crypto::kKeyLength / 2);
  const bool written =
      ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size()) &&
      (!of_service || give_to_service(fd)) && ::fsync(fd) == 0;
  wipe(value);
  int error = errno;
  if (::close(fd) == 0 && written) {
    // Unlike rename, link does not replace a file.
    error = ::link(unfinished.c_str(), file.c_str()) == 0 ? 0 : errno;
  }
  ::unlink(unfinished.c_str());
  errno = error;
  if (error != 0) fail(file);
}

bool ServiceFiles::owns_folder(const std::string& path) const {
  struct stat status {};
  const passwd* owner = find_user(user_);
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && owner != nullptr &&
         status.st_uid == owner->pw_uid;
}

void ServiceFiles::make_folder(const std::string& path) const {
  require_roots_way(path);
  std::filesystem::create_directories(path);
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) fail(path);
  const bool made = ::fchmod(fd, 0750) == 0 && give_to_service(fd);
  ::close(fd);
  if (!made) fail(path);
}

}  // namespace users::ctl
