// doctor: programs of others with the rights of nginx's workers.
#include <algorithm>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "ctl/doctor/doctor.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

bool has(const std::vector<unsigned>& ids, unsigned id) {
  return std::ranges::find(ids, id) != ids.end();
}

/// Whether /proc hides the processes of others, as hidepid of proc(5) does from all but root.
bool are_hidden() {
  std::ifstream mounts("/proc/self/mounts");
  bool hides = false;
  for (std::string line; std::getline(mounts, line);) {
    // The last one lies on top.
    if (line.find(" /proc ") != std::string::npos)
      hides = line.find("hidepid=") != std::string::npos;
  }
  return hides && ::geteuid() != 0;
}

/// The permissions that a process has on a file by its user or its groups; 0 if it has none but
/// those of everybody.
mode_t own_rights(const Process& process, const struct stat& file) {
  if (has(process.users, file.st_uid)) return file.st_mode >> 6U & 7U;
  if (has(process.groups, file.st_gid)) return file.st_mode >> 3U & 7U;
  return 0;
}

/// Whether a process may open a socket by its user or a group. check_sockets() reports one that is
/// open to everybody.
bool may_open(const Process& process, const fs::path& socket) {
  struct stat status {};
  if (::stat(socket.c_str(), &status) != 0 || (own_rights(process, status) & 6U) != 6U)
    return false;
  for (fs::path folder = socket; folder.has_relative_path();) {
    folder = folder.parent_path();
    if (::stat(folder.c_str(), &status) != 0) return false;
    if (((own_rights(process, status) | status.st_mode) & 1U) == 0) return false;
  }
  return true;
}

/// Whether a process has the rights of nginx's workers, and is neither of the service, nor root or
/// able to become root, nor nginx itself: a child of a master that is root's, who gives no program
/// a false name.
bool is_peer(const Diagnosis& d, const std::vector<Process>& all, const Process& process) {
  const auto is_of = [&](std::optional<uid_t> user) {
    return process.uid == user && process.real_uid == user;
  };
  if (has(process.users, 0) || is_of(d.service_uid) || is_of(d.courier_uid)) return false;
  const auto parent = std::ranges::find(all, process.parent, &Process::pid);
  if (parent != all.end() && parent->uid == 0 && parent->real_uid == 0 && parent->name == "nginx") {
    return false;
  }
  return (d.nginx_uid && *d.nginx_uid != 0 && has(process.users, *d.nginx_uid)) ||
         std::ranges::any_of(d.sockets,
                             [&](const auto& pool) { return may_open(process, pool.second); });
}

/// `php-fpm8.2 (811 and 7 more), sleep (77)`
std::string names_of(const std::map<std::string, std::vector<pid_t>>& peers) {
  constexpr std::size_t kLongest = 300;
  std::string text;
  for (const auto& [name, pids] : peers) {
    if (text.size() > kLongest) return text + " and other programs";
    if (!text.empty()) text += ", ";
    append_printable(text, name, std::string::npos);
    text += " (" + std::to_string(pids.front());
    text += pids.size() == 1 ? ")" : " and " + std::to_string(pids.size() - 1) + " more)";
  }
  return text;
}

Finding judge_peers(const Diagnosis& d) {
  if (are_hidden()) return skipped("not looked at: /proc hides the processes of others (hidepid)");
  if (!d.service_uid) return skipped("not looked at: whom the service runs as is not known");
  if (!d.nginx_uid && d.sockets.empty()) {
    return skipped("not looked at: neither nginx's user nor a socket is known");
  }
  const std::vector<Process> all = list_processes();
  std::map<std::string, std::vector<pid_t>> peers;
  for (const Process& process : all) {
    if (is_peer(d, all, process)) peers[process.name].push_back(process.pid);
  }
  if (peers.empty()) return ok("no other program has the rights of nginx's workers");
  return warning(names_of(peers) +
                     ": as nginx's user, or in the group of the sockets; each can pass for nginx, "
                     "name any client address, and may read nginx's memory",
                 "give each a user and a group of its own (PHP-FPM: user and group of its pool)");
}

}  // namespace

void check_peers(Diagnosis& d) {
  d.add("nginx peers", judge_peers(d));
}

}  // namespace users::ctl
