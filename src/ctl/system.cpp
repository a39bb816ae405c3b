#include "ctl/system.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <system_error>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

void require(int result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::system_category(), what);
}

/// What the service's programs, and those that they run, take from the environment. The rest of
/// root's is nobody else's to read.
bool is_for_service(std::string_view entry) {
  static constexpr std::string_view kNames[] = {
      "PATH=",      "LANG=",        "LC_",         "TZ=",          "USERS_FCGI_",
      "SMS_",       "SEND_SMS_",    "http_proxy=", "https_proxy=", "no_proxy=",
      "all_proxy=", "HTTPS_PROXY=", "NO_PROXY=",   "ALL_PROXY="};
  return std::ranges::any_of(kNames,
                             [&](std::string_view name) { return entry.starts_with(name); });
}

std::vector<std::string> environment_of_service() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (is_for_service(*entry)) kept.emplace_back(*entry);
  }
  return kept;
}

constexpr std::size_t kMostRelayed = std::size_t{64} * 1024;

/// Returns its exit code.
int run_again_as(uid_t user, const Call& call, std::chrono::milliseconds limit) {
  std::vector<std::string> command = call.typed;
  // That user may not be able to find it in a folder of root's.
  command.front() = "/proc/self/exe";
  // What stands on our own outputs is made printable there.
  const auto relay = [left = kMostRelayed](std::string_view piece, bool is_error) mutable {
    piece = piece.substr(0, left);
    left -= piece.size();
    (is_error ? std::cerr : std::cout) << piece << std::flush;
    if (left == 0 && !piece.empty()) std::cerr << "\n(the rest of the output is left out)\n";
  };
  const Finished end = run_to_end({.command = command,
                                   .limit = limit,
                                   .environment = environment_of_service(),
                                   .as = user,
                                   .relay = relay});
  if (!end.started) throw Refused("cannot run as " + user_name(user));
  if (!end.in_time) {
    throw Refused("not done within " + std::to_string(limit / std::chrono::seconds(1)) +
                  " seconds, and ended; see the service's log");
  }
  return end.status < 0 ? EXIT_FAILURE : end.status;
}

/// As service_user(), but throws Refused, which says why.
uid_t require_service_user(const Config& config) {
  const std::string key = "secrets.key_file = " + config.secrets_key_file;
  struct stat status {};
  if (::lstat(config.secrets_key_file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw Refused(
        key + " is no file, and its owner is whom the service runs as: users-ctl setup makes it");
  }
  const std::string stranger =
      stranger_on(config.secrets_key_file, Judged::content, {status.st_uid});
  if (!stranger.empty()) {
    throw Refused(key + " can be changed through " + stranger +
                  ": it proves nothing about whom the service runs as; give the folder to root");
  }
  return status.st_uid;
}

}  // namespace

AsUser::AsUser(uid_t uid) {
  if (::geteuid() != 0 || uid == 0) return;
  group_ = ::getegid();
  groups_.resize(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  require(::getgroups(static_cast<int>(groups_.size()), groups_.data()) < 0 ? -1 : 0, "getgroups");
  const passwd* entry = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): one thread
  const gid_t group = entry == nullptr ? static_cast<gid_t>(uid) : entry->pw_gid;
  require(entry == nullptr ? ::setgroups(0, nullptr) : ::initgroups(entry->pw_name, group),
          "initgroups");
  changed_ = true;
  if (::setegid(group) != 0 || ::seteuid(uid) != 0) {
    const int error = errno;
    restore();
    throw std::system_error(error, std::system_category(), "seteuid");
  }
}

AsUser::~AsUser() {
  if (changed_) restore();
}

void AsUser::restore() noexcept {
  // Going on as the wrong user would make every further answer a wrong one.
  if (::seteuid(0) != 0 || ::setegid(group_) != 0 ||
      ::setgroups(groups_.size(), groups_.data()) != 0) {
    std::abort();
  }
}

std::string user_name(uid_t uid, const std::string& before) {
  const passwd* entry = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): one thread
  return entry == nullptr ? before + std::to_string(uid) : entry->pw_name;
}

std::string group_name_of(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): one thread
  const group* primary =
      entry == nullptr ? nullptr
                       : ::getgrgid(entry->pw_gid);  // NOLINT(concurrency-mt-unsafe): one thread
  return primary == nullptr ? user_name(uid) : primary->gr_name;
}

std::filesystem::path find_program(const std::string& name) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/usr/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.starts_with('/')) continue;
    std::filesystem::path file = std::filesystem::path(folder) / name;
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return {};
}

std::optional<uid_t> service_user(const Config& config) {
  try {
    return require_service_user(config);
  } catch (const Refused&) {
    return std::nullopt;
  }
}

std::optional<uid_t> courier_user(const Config& config) {
  const passwd* entry = ::getpwnam(config.sms_user.c_str());  // NOLINT(concurrency-mt-unsafe)
  return entry == nullptr ? service_user(config) : entry->pw_uid;
}

std::optional<int> done_as(const Call& call,
                           const std::function<std::vector<uid_t>(const Config&)>& users,
                           std::chrono::milliseconds limit) {
  if (::geteuid() != 0) return std::nullopt;
  const Config config = call.config();
  if (require_service_user(config) == 0) return std::nullopt;
  for (const uid_t user : users(config)) {
    const int status = run_again_as(user, call, limit);
    if (status != EXIT_SUCCESS) return status;
  }
  return EXIT_SUCCESS;
}

Finished run_bounded(std::vector<std::string> command, std::chrono::milliseconds limit) {
  std::vector<std::string> environment{"LC_ALL=C"};
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  return run_to_end({.command = std::move(command),
                     .limit = limit,
                     .environment = std::move(environment),
                     .most = std::size_t{16} << 20U});
}

std::string first_line(const std::string& text) {
  const auto start = text.find_first_not_of("\r\n");
  if (start == std::string::npos) return "";
  return text.substr(start, text.find_first_of("\r\n", start) - start);
}

}  // namespace users::ctl
