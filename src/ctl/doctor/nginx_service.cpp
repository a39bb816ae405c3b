// doctor: whether nginx's configuration has what users.conf and users_site.conf ship, and which
// other programs have the rights of nginx's workers.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "ctl/doctor/nginx.hpp"
#include "web/http.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

/// Checks that another server gets a request whose worker died. Finds the pool's socket.
Finding judge_upstream(Diagnosis& d, const NginxTree& tree, const fs::path& prefix,
                       const std::string& pool) {
  constexpr std::string_view kSocket = "unix:";
  const Directive* upstream = find(tree, {"upstream", "users_" + pool});
  const auto servers =
      upstream == nullptr ? std::vector<const Directive*>() : own(*upstream, "server");
  if (servers.empty()) {
    return problem("there is no upstream of this name with a server",
                   "include snippets/users-fcgi/users_site.conf; in the http block");
  }
  const std::string address = servers.front()->words.at(1);
  const auto all_have = [&](const std::string& word) {
    return std::ranges::all_of(
        servers, [&](auto* server) { return std::ranges::count(server->words, word) > 0; });
  };
  if (!all_have(address) || !address.starts_with(kSocket)) {
    return warning("its servers are not one unix socket, so nothing more is checked",
                   "see upstream users_" + pool + " in the shipped users_site.conf");
  }
  d.sockets[pool] = prefix / address.substr(kSocket.size());
  const std::string line = "server " + address + " max_fails=0;";
  const std::string found = address + ", " + std::to_string(servers.size()) + " times";
  if (servers.size() < 3) {
    return problem(found + ": a request whose worker died has no other server",
                   "write the same line 3 times: " + line);
  }
  if (all_have("max_fails=0")) return ok(found);
  return problem(found + ", without max_fails=0: nginx stops using a server that failed",
                 "write each line as: " + line);
}

/// Reads a size such as 16k, 8m, 1g or 512.
unsigned long long size_of(const std::string& text) {
  char* unit = nullptr;
  const unsigned long long number = std::strtoull(text.c_str(), &unit, 10);
  const auto thousands = std::string_view("kmg").find(static_cast<char>(std::tolower(*unit)));
  return thousands == std::string_view::npos ? number : number << 10U * (thousands + 1);
}

Finding judge_body_size(const Directive& location) {
  const auto line = own(location, "client_max_body_size");
  const std::string value = line.empty() ? "1m" : line.back()->words.back();
  const std::string found = "client_max_body_size " + value;
  if (size_of(value) == 0 || size_of(value) >= web::kLargestBody) return ok(found);  // 0: no limit
  return problem(found + " refuses good requests",
                 "write into location ^~ /users/ of " + location.file + ": client_max_body_size " +
                     std::to_string(web::kLargestBody / 1024) + "k;");
}

Finding judge_parameters(const NginxTree& tree) {
  if (find(tree, {"fastcgi_param", "REQUEST_ID"}) && find(tree, {"fastcgi_param", "REMOTE_ADDR"})) {
    return ok("users_fastcgi_params");
  }
  return problem("REQUEST_ID and REMOTE_ADDR do not reach the workers",
                 "copy the shipped users_fastcgi_params over the one in snippets/users-fcgi/");
}

Finding judge_limits(const NginxTree& tree) {
  for (const std::string zone : {"users_requests", "users_costly", "users_connections"}) {
    const auto row = std::ranges::find_if(tree.all, [&](const Directive& one) {
      return is_any(one, {"limit_req_zone", "limit_conn_zone"}) &&
             std::ranges::any_of(one.words, [&](const std::string& word) {
               return word.starts_with("zone=" + zone + ":");
             });
    });
    const std::string advice =
        "copy the line of zone " + zone + " from the shipped users_site.conf";
    if (row == tree.all.end()) return problem("there is no zone " + zone, advice);
    if (row->words[1] != "$users_address" && row->words[1] != "$binary_remote_addr") {
      return warning("zone " + zone + " does not count by client address, but by " + row->words[1],
                     advice);
    }
  }
  return ok("by client address");
}

Finding judge_trusted(const NginxTree& tree) {
  const Directive* trusted = find(tree, {"geo", "$users_trusted"});
  if (trusted == nullptr) {
    return warning("no geo block sets $users_trusted, which decides who may request health",
                   "see geo $users_trusted in the shipped users_site.conf");
  }
  const bool is_closed = std::ranges::all_of(own(*trusted, "default"), [](const Directive* one) {
    return is(*one, {"default", "0"});
  });
  if (is_closed) return ok("strangers get no /users/health/");
  return problem("everybody may request /users/health/ and /users/metrics",
                 "write into geo $users_trusted: default 0;");
}

bool has(const std::vector<unsigned>& ids, unsigned id) {
  return std::ranges::find(ids, id) != ids.end();
}

/// Returns true if /proc hides other users' processes: hidepid of proc(5), which spares root.
bool are_hidden() {
  std::ifstream mounts("/proc/self/mounts");
  bool hides = false;
  for (std::string line; std::getline(mounts, line);) {
    // The last mount counts.
    if (line.find(" /proc ") != std::string::npos) hides = line.find("hidepid=") != line.npos;
  }
  return hides && ::geteuid() != 0;
}

/// Returns true if a process has these permissions by its user or its groups, or as everybody.
bool has_rights(const Process& process, const struct stat& file, mode_t wanted, mode_t of_all) {
  const mode_t rights = has(process.users, file.st_uid)    ? file.st_mode >> 6U
                        : has(process.groups, file.st_gid) ? file.st_mode >> 3U
                                                           : 0;
  return ((rights | of_all) & wanted) == wanted;
}

/// Returns true if its user or a group lets a process open a socket. check_sockets() reports
/// sockets that are open to everybody.
bool may_open(const Process& process, const fs::path& socket) {
  struct stat status {};
  if (::stat(socket.c_str(), &status) != 0 || !has_rights(process, status, 6, 0)) return false;
  for (fs::path folder = socket; folder.has_relative_path();) {
    folder = folder.parent_path();
    if (::stat(folder.c_str(), &status) != 0) return false;
    if (!has_rights(process, status, 1, status.st_mode)) return false;
  }
  return true;
}

/// Returns true if a process has the rights of nginx's workers, but is not part of the service, not
/// able to be root, and not nginx. Only the child of a root process named nginx is nginx, since any
/// user can give a process that name.
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
  std::string text;
  for (const auto& [name, pids] : peers) {
    if (text.size() > 300) return text + " and other programs";
    if (!text.empty()) text += ", ";
    text += printable(name);
    const std::string more = " and " + std::to_string(pids.size() - 1) + " more";
    text += " (" + std::to_string(pids.front()) + (pids.size() == 1 ? ")" : more + ")");
  }
  return text;
}

Finding judge_peers(const Diagnosis& d) {
  if (are_hidden()) return skipped("not looked at: /proc hides the processes of others (hidepid)");
  if (!d.service_uid) return skipped("not looked at: the service's user is unknown");
  if (!d.nginx_uid && d.sockets.empty()) {
    return skipped("not looked at: nginx's user and the sockets are unknown");
  }
  const std::vector<Process> all = list_processes();
  std::map<std::string, std::vector<pid_t>> peers;
  for (const Process& process : all) {
    if (is_peer(d, all, process)) peers[process.name].push_back(process.pid);
  }
  if (peers.empty()) return ok("no other program has the rights of nginx's workers");
  return warning(names_of(peers) +
                     ": run as nginx's user or in the sockets' group, so they can pass for nginx, "
                     "name any client address, and perhaps read nginx's memory",
                 "give each a user and a group of its own (PHP-FPM: user and group of its pool)");
}

}  // namespace

void check_service(Diagnosis& d, const NginxTree& tree, const fs::path& prefix) {
  if (const Directive* location = find(tree, {"location", "^~", "/users/"})) {
    d.add("nginx include", ok(location->file));
    d.add("nginx body size", judge_body_size(*location));
    d.add("nginx parameters", judge_parameters(tree));
  } else {
    d.add("nginx include",
          problem("no server block includes users.conf: nothing reaches a worker",
                  "write into the site's server block: include snippets/users-fcgi/users.conf;  "
                  "then: nginx -t && systemctl reload nginx"));
  }
  for (const std::string pool : kPools) {
    d.add("nginx users_" + pool, judge_upstream(d, tree, prefix, pool));
  }
  d.add("nginx limits", judge_limits(tree));
  d.add("nginx trusted", judge_trusted(tree));
}

void check_peers(Diagnosis& d) {
  d.add("nginx peers", judge_peers(d));
}

}  // namespace users::ctl
