// doctor: what nginx's master, who is root, makes, opens or reads in a folder of somebody else's,
// who could put a link there to any file of the machine.
#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

#include "programs/ctl/doctor.hpp"
#include "programs/ctl/nginx_conf.hpp"
#include "programs/ctl/system.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

bool is_trusted(const struct stat& status) {
  return status.st_uid == 0 || status.st_uid == ::geteuid();
}

/// Whose the first folder above `path` is in which somebody but root and us may replace a name;
/// empty if there is none. Others may not do so in one like /tmp where the next name is trusted.
std::string stranger_above(const fs::path& path) {
  struct stat status {};
  fs::path folder;
  for (auto part = path.begin(); part != path.end() && std::next(part) != path.end(); ++part) {
    folder /= *part;
    if (::lstat(folder.c_str(), &status) != 0) return "";  // root makes it
    if (!is_trusted(status))
      return folder.string() + ", which belongs to " + user_name(status.st_uid);
    if (!S_ISDIR(status.st_mode) || (status.st_mode & 0002U) == 0) continue;
    struct stat next {};
    const bool kept = (status.st_mode & S_ISVTX) != 0 &&
                      ::lstat((folder / *std::next(part)).c_str(), &next) == 0 && is_trusted(next);
    if (!kept) return folder.string() + ", where anybody may write";
  }
  return "";
}

std::string stranger_at(const fs::path& path) {
  std::string found = stranger_above(path);
  std::error_code error;
  const fs::path real = fs::canonical(path.parent_path(), error);
  return !found.empty() || error ? found : stranger_above(real / path.filename());
}

/// The path that a directive makes nginx's master make or open; empty if it names none.
std::string path_of(const Directive& directive) {
  static constexpr std::string_view kNames[] = {"access_log", "error_log",   "pid",
                                                "lock_file",  "load_module", "include"};
  if (directive.words.size() < 2) return "";
  const std::string& name = directive.words[0];
  const std::string& path = directive.words[1];
  if (std::ranges::find(kNames, name) == std::end(kNames) && !name.ends_with("_cache_path") &&
      !name.ends_with("_temp_path")) {
    return "";
  }
  const bool is_path = path != "off" && path != "stderr" && !path.starts_with("syslog:") &&
                       !path.starts_with("memory:") && path.find('$') == std::string::npos;
  return is_path ? path : "";
}

}  // namespace

bool check_nginx_paths(Diagnosis& d, const std::vector<Directive>& all, const fs::path& prefix,
                       const fs::path& folder) {
  for (const Directive& one : all) {
    const std::string path = path_of(one);
    if (path.empty()) continue;
    const std::string stranger = stranger_at((is(one, {"include"}) ? folder : prefix) / path);
    if (stranger.empty()) continue;
    d.report.problem("nginx paths",
                     one.words[0] + " " + path + " of " + one.file + " lies in " + stranger +
                         ": a link there would lead nginx's master, who is root, anywhere",
                     "give it a folder of root's, such as /run/users-fcgi-nginx for the optional "
                     "cache (see users_site.conf); nginx is not run before");
    return false;
  }
  d.report.ok("nginx paths", "all in folders of root's");
  return true;
}

}  // namespace users::ctl
