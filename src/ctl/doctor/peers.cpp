// doctor: programs of others with the rights of nginx's workers.
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "ctl/doctor/doctor.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

bool has(const std::vector<unsigned>& ids, unsigned id) {
  return std::ranges::find(ids, id) != ids.end();
}

/// Whether /proc shows the processes of others, which hidepid of proc(5) forbids to all but root.
bool sees_all() {
  if (::geteuid() == 0) return true;
  std::ifstream mounts("/proc/self/mounts");
  std::string options;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string device;
    std::string folder;
    std::string type;
    std::string read;
    fields >> device >> folder >> type >> read;
    if (folder == "/proc") options = read;  // the last one lies on top
  }
  return options.find("hidepid=") == std::string::npos;
}

/// The class of permissions that a process has on a file by its user or its groups; 0 if it has
/// none but those of everybody.
mode_t own_rights(const Process& process, const struct stat& file) {
  if (has(process.users, file.st_uid)) return file.st_mode >> 6U & 7U;
  if (has(process.groups, file.st_gid)) return file.st_mode >> 3U & 7U;
  return 0;
}

/// Whether a process may open a socket by its user or a group. check_socket() tells of one that is
/// open to everybody.
bool may_open(const Process& process, const fs::path& socket) {
  struct stat status {};
  if (socket.empty() || ::stat(socket.c_str(), &status) != 0) return false;
  if ((own_rights(process, status) & 6U) != 6U) return false;
  for (fs::path folder = socket; folder.has_relative_path();) {
    folder = folder.parent_path();
    const bool open = ::stat(folder.c_str(), &status) == 0 &&
                      ((own_rights(process, status) | (status.st_mode & 7U)) & 1U) != 0;
    if (!open) return false;
  }
  return true;
}

/// Those of the service, and those that are or can become root, are trusted anyway. nginx's workers
/// are the children of a master of root's, who gives no program a false name.
bool is_known(const Diagnosis& d, const std::vector<Process>& all, const Process& process) {
  const auto is_of = [&](std::optional<uid_t> user) {
    return user && process.uid == *user && process.real_uid == *user;
  };
  if (has(process.users, 0) || is_of(d.service_uid) || is_of(d.courier_uid)) return true;
  const auto parent = std::ranges::find(all, process.parent, &Process::pid);
  return parent != all.end() && parent->uid == 0 && parent->real_uid == 0 &&
         parent->name == "nginx";
}

/// `php-fpm8.2 (811, 812, 813 and 5 more), sleep (77)`
std::string names_of(const std::map<std::string, std::vector<pid_t>>& peers) {
  constexpr std::size_t kMostNames = 8;
  constexpr std::size_t kMostNumbers = 3;
  std::string text;
  std::size_t named = 0;
  for (const auto& [name, pids] : peers) {
    if (++named > kMostNames) {
      return text + " and " + std::to_string(peers.size() - kMostNames) + " more programs";
    }
    if (!text.empty()) text += ", ";
    append_printable(text, name, text.size() + 64);
    for (std::size_t i = 0; i < std::min(pids.size(), kMostNumbers); ++i) {
      text += (i == 0 ? " (" : ", ") + std::to_string(pids[i]);
    }
    const bool all = pids.size() <= kMostNumbers;
    text += all ? ")" : " and " + std::to_string(pids.size() - kMostNumbers) + " more)";
  }
  return text;
}

}  // namespace

void check_peers(Diagnosis& d) {
  constexpr const char* kCheck = "nginx peers";
  if (!sees_all()) {
    d.report.skipped(kCheck, "not looked at: /proc hides the processes of others (hidepid)");
    return;
  }
  if (!d.service_uid) {
    d.report.skipped(kCheck, "not looked at: whom the service runs as is not known");
    return;
  }
  if (!d.nginx_uid && d.hash_socket.empty() && d.fast_socket.empty()) {
    d.report.skipped(kCheck, "not looked at: neither nginx's user nor a socket is known");
    return;
  }
  // d.processes has lost those of others, whose names prove nothing; here they are only shown.
  const std::vector<Process> all = list_processes();
  std::map<std::string, std::vector<pid_t>> peers;
  for (const Process& process : all) {
    if (is_known(d, all, process)) continue;
    const bool is_twin = d.nginx_uid && *d.nginx_uid != 0 && has(process.users, *d.nginx_uid);
    if (is_twin || may_open(process, d.hash_socket) || may_open(process, d.fast_socket)) {
      peers[process.name].push_back(process.pid);
    }
  }
  if (peers.empty()) {
    d.report.ok(kCheck, "no other program has the rights of nginx's workers");
    return;
  }
  d.report.warning(kCheck,
                   names_of(peers) +
                       ": as nginx's user, or in the group of the sockets; such a program can pass "
                       "for nginx, name any client address, and may read nginx's memory",
                   "give each a user and a group of its own (PHP-FPM: user and group of its pool)");
}

}  // namespace users::ctl
