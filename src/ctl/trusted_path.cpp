#include "ctl/trusted_path.hpp"

#include <algorithm>
#include <deque>
#include <system_error>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/system.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;
using Trusted = std::initializer_list<uid_t>;

bool is_trusted(uid_t user, Trusted trusted) {
  return user == 0 || user == ::geteuid() || std::ranges::find(trusted, user) != trusted.end();
}

/// Whether all who are in a group are trusted; nobody knows who is in one without a name.
bool is_trusted_group(gid_t id, Trusted trusted) {
  if (id == 0) return true;
  const group* entry = ::getgrgid(id);  // NOLINT(concurrency-mt-unsafe): one thread
  if (entry == nullptr) return false;
  for (char** name = entry->gr_mem; *name != nullptr; ++name) {
    const passwd* member = ::getpwnam(*name);  // NOLINT(concurrency-mt-unsafe): one thread
    if (member != nullptr && !is_trusted(member->pw_uid, trusted)) return false;
  }
  bool all = true;
  ::setpwent();                                // NOLINT(concurrency-mt-unsafe): one thread
  while (const passwd* user = ::getpwent()) {  // NOLINT(concurrency-mt-unsafe): one thread
    all = all && (user->pw_gid != id || is_trusted(user->pw_uid, trusted));
  }
  ::endpwent();  // NOLINT(concurrency-mt-unsafe): one thread
  return all;
}

/// Who else may write to it; empty if nobody.
std::string writer_of(const fs::path& path, const struct stat& status, Trusted trusted) {
  if (!is_trusted(status.st_uid, trusted)) {
    return path.string() + ", which belongs to " + user_name(status.st_uid);
  }
  if ((status.st_mode & S_IWOTH) != 0) return path.string() + ", where anybody may write";
  if ((status.st_mode & S_IWGRP) != 0 && !is_trusted_group(status.st_gid, trusted)) {
    return path.string() + ", where group " + std::to_string(status.st_gid) + " may write";
  }
  return "";
}

/// Who else may put something else under a name in a folder.
std::string stranger_in(const fs::path& folder, const fs::path& name, Trusted trusted) {
  struct stat status {};
  struct stat entry {};
  if (::lstat(folder.c_str(), &status) != 0) return "";
  std::string writer = writer_of(folder, status, trusted);
  const bool sticky = is_trusted(status.st_uid, trusted) && (status.st_mode & S_ISVTX) != 0;
  const bool kept =
      sticky && ::lstat((folder / name).c_str(), &entry) == 0 && is_trusted(entry.st_uid, trusted);
  return kept ? "" : writer;
}

}  // namespace

std::string stranger_on(const fs::path& path, Judged judged, Trusted trusted) {
  constexpr int kMostLinks = 40;  // as the kernel
  const fs::path whole = fs::absolute(path);
  std::deque<fs::path> rest(whole.begin(), whole.end());
  fs::path at = "/";
  for (int links = 0; !rest.empty();) {
    const fs::path part = rest.front();
    rest.pop_front();
    if (part.empty() || part == "/" || part == ".") continue;
    if (part == "..") {
      at = at.parent_path();
      continue;
    }
    std::string stranger = stranger_in(at, part, trusted);
    if (!stranger.empty()) return stranger;
    const fs::path next = at / part;
    struct stat status {};
    if (::lstat(next.c_str(), &status) != 0) return "";
    if (!S_ISLNK(status.st_mode)) {
      at = next;
      continue;
    }
    if (++links > kMostLinks) return next.string() + ", a link without an end";
    std::error_code error;
    const fs::path target = fs::read_symlink(next, error);
    if (target.is_absolute()) at = "/";
    rest.insert(rest.begin(), target.begin(), target.end());
  }
  struct stat status {};
  if (judged == Judged::way || ::lstat(at.c_str(), &status) != 0) return "";
  return writer_of(at, status, trusted);
}

}  // namespace users::ctl
