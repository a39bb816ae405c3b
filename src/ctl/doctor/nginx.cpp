// doctor: nginx's configuration, as nginx itself reads it.
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

#include <pwd.h>
#include <unistd.h>

#include "ctl/doctor/doctor.hpp"
#include "ctl/doctor/nginx_tree.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

constexpr unsigned long long kLargestBody = 16384;  // bytes a worker takes

const Directive* find(const Directives& all, std::initializer_list<std::string_view> words) {
  const auto found = std::ranges::find_if(all, [&](const auto& one) { return is(one, words); });
  return found == all.end() ? nullptr : &*found;
}

/// What stands behind `name=`; empty where there is none.
std::string argument(const Directive& directive, std::string_view name) {
  for (const std::string& word : directive.words) {
    if (word.starts_with(name)) return word.substr(name.size());
  }
  return "";
}

/// An upstream: the socket of its pool, and that a worker's death has a next server to go to.
fs::path check_upstream(Diagnosis& d, const NginxTree& tree, const fs::path& prefix,
                        const std::string& name) {
  constexpr int kFewest = 3;
  const std::string check = "nginx " + name;
  std::map<std::string, int> servers;
  int kept = 0;
  const Directive* upstream = find(tree.all, {"upstream", name});
  if (upstream != nullptr) {
    for (const Directive* server : own(*upstream, "server")) {
      if (server->words.size() < 2) continue;
      ++servers[server->words[1]];
      if (argument(*server, "max_fails=") == "0") ++kept;
    }
  }
  if (servers.empty()) {
    d.report.problem(check, "there is no upstream of this name with a server",
                     "include snippets/users-fcgi/users_site.conf; in the http block");
    return {};
  }
  const auto& [address, count] = *servers.begin();
  if (servers.size() > 1 || !address.starts_with("unix:")) {
    d.report.warning(check, "its servers are not one unix socket, so nothing more is checked",
                     "see upstream " + name + " in the shipped users_site.conf");
    return {};
  }
  const std::string line = "server " + address + " max_fails=0;";
  const std::string found = address + ", " + std::to_string(count) + " times";
  if (count < kFewest) {
    d.report.problem(check, found + ": a request whose worker died has nowhere else to go",
                     "write the same line " + std::to_string(kFewest) + " times: " + line);
  } else if (kept < count) {
    d.report.problem(check, found + ", without max_fails=0: after a failure nginx leaves it alone",
                     "write each line as: " + line);
  } else {
    d.report.ok(check, found);
  }
  return prefix / address.substr(std::string_view("unix:").size());
}

void check_include(Diagnosis& d, const Directives& all) {
  const Directive* location = find(all, {"location", "^~", "/users/"});
  if (location == nullptr) {
    d.report.problem(
        "nginx include", "no server block includes users.conf: nothing reaches a worker",
        "write into the site's server block: include snippets/users-fcgi/users.conf;  then: "
        "nginx -t && systemctl reload nginx");
    return;
  }
  d.report.ok("nginx include", location->file);
  const auto size = own(*location, "client_max_body_size");
  const std::string value = size.empty() ? "1m" : size.back()->words.back();
  const unsigned long long bytes = nginx_size(value);
  if (bytes != 0 && bytes < kLargestBody) {
    d.report.problem(
        "nginx body size", "client_max_body_size " + value + " refuses good requests",
        "write into location ^~ /users/ of " + location->file + ": client_max_body_size 16k;");
  } else {
    d.report.ok("nginx body size", "client_max_body_size " + value);
  }
  if (find(all, {"fastcgi_param", "REQUEST_ID"}) == nullptr ||
      find(all, {"fastcgi_param", "REMOTE_ADDR"}) == nullptr) {
    d.report.problem("nginx parameters", "REQUEST_ID and REMOTE_ADDR do not reach the workers",
                     "copy the shipped users_fastcgi_params over the one in snippets/users-fcgi/");
  } else {
    d.report.ok("nginx parameters", "users_fastcgi_params");
  }
}

void check_trusted(Diagnosis& d, const Directives& all) {
  const Directive* trusted = find(all, {"geo", "$users_trusted"});
  if (trusted == nullptr) {
    d.report.warning("nginx trusted",
                     "no geo block sets $users_trusted: who may ask for health is "
                     "decided elsewhere",
                     "see geo $users_trusted in the shipped users_site.conf");
  } else if (std::ranges::any_of(own(*trusted, "default"), [](const Directive* one) {
               return !is(*one, {"default", "0"});
             })) {
    d.report.problem("nginx trusted", "everybody may ask for /users/health/ and what is like it",
                     "write into geo $users_trusted: default 0;");
  } else {
    d.report.ok("nginx trusted", "strangers are kept from /users/health/");
  }
}

void check_limits(Diagnosis& d, const Directives& all) {
  for (const char* zone : {"users_requests", "users_costly", "users_connections"}) {
    const auto row = std::ranges::find_if(all, [&](const Directive& one) {
      return (is(one, {"limit_req_zone"}) || is(one, {"limit_conn_zone"})) &&
             argument(one, "zone=").starts_with(std::string(zone) + ":");
    });
    const std::string advice =
        std::string("take the line of zone ") + zone + " from the shipped users_site.conf";
    if (row == all.end()) {
      d.report.problem("nginx limits", std::string("there is no zone ") + zone, advice);
      return;
    }
    if (row->words[1] != "$users_address" && row->words[1] != "$binary_remote_addr") {
      d.report.warning("nginx limits",
                       std::string("zone ") + zone + " counts by " + row->words[1] +
                           ", not by the client's address",
                       advice);
      return;
    }
  }
  d.report.ok("nginx limits", "by the client's address");
}

/// Whom its workers run as: the master gives up root for the user it names.
void find_nginx_user(Diagnosis& d, const Directives& all) {
  if (::geteuid() != 0) {
    d.nginx_uid = ::geteuid();
    return;
  }
  const Directive* line = find(all, {"user"});
  const std::string name = line == nullptr || line->words.size() < 2 ? "nobody" : line->words[1];
  const passwd* entry = ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  if (entry != nullptr) d.nginx_uid = entry->pw_uid;
}

/// Its master is the process that its pid file names.
void check_running(Diagnosis& d, const Directives& all, const NginxPlaces& places) {
  const Directive* line = find(all, {"pid"});
  const fs::path file =
      line == nullptr || line->words.size() < 2 ? places.pid_file : places.prefix / line->words[1];
  pid_t pid = 0;
  std::ifstream(file) >> pid;
  const auto master = find_process(pid);
  if (master && master->name == "nginx") {
    d.report.ok("nginx runs", "process " + std::to_string(pid));
  } else {
    d.report.problem("nginx runs", file.string() + " names no process of nginx",
                     "systemctl start nginx");
  }
}

/// The folder of a local stack: its configuration lies there, with a mark and the nginx.conf of the
/// stack's own nginx. Empty on a site.
fs::path local_stack(const Diagnosis& d) {
  std::error_code error;
  const fs::path folder = fs::canonical(d.call.config_file, error).parent_path();
  return fs::exists(folder / ".users-fcgi-state", error) ? folder : fs::path();
}

/// As the options say, else the local stack's, else as nginx was built, which -V tells without a
/// look at any file.
NginxPlaces find_places(const Diagnosis& d, const fs::path& program) {
  NginxPlaces places{"/usr/share/nginx", "/etc/nginx/nginx.conf", "/run/nginx.pid", {}};
  std::istringstream built(run_bounded({program, "-V"}, std::chrono::seconds(5)).errors);
  for (std::string word; built >> word;) {
    const auto equals = word.find('=');
    if (!word.starts_with("--") || equals == std::string::npos) continue;
    const std::string name = word.substr(0, equals);
    const fs::path value = word.substr(equals + 1);
    if (name == "--prefix") places.prefix = value;
    if (name == "--conf-path") places.main = value;
    if (name == "--pid-path") places.pid_file = value;
    // The lock's file is for processors without atomic operations.
    if (name.ends_with("-path") && name != "--lock-path") places.built_in.push_back(value);
  }
  if (const fs::path stack = local_stack(d); !stack.empty()) {
    places.prefix = stack;
    places.main = stack / "nginx.conf";
  }
  // nginx takes a relative name for one in its prefix.
  if (const auto given = d.call.option("prefix")) places.prefix = fs::absolute(*given);
  if (const auto given = d.call.option("nginx")) places.main = fs::absolute(*given);
  for (fs::path& path : places.built_in) path = places.prefix / path;
  return places;
}

std::string last_complaint(const Finished& outcome) {
  // Warnings may come first; the last line but "test failed" says why.
  const auto at = outcome.errors.find("[emerg]");
  return first_line(outcome.errors.substr(at == std::string::npos ? 0 : at));
}

/// An origin of 47 bytes in users_cors_origins.conf is enough for the one that names no line.
std::string mend_of(const std::string& complaint) {
  const std::string reload = " then: nginx -t && systemctl reload nginx";
  if (complaint.find("directive is duplicate in") != std::string::npos &&
      complaint.find("/users-fcgi/") != std::string::npos) {
    return "that line is right: remove the one of the same name beside the include," + reload;
  }
  if (complaint.find("increase map_hash_bucket_size") == std::string::npos) {
    return "correct that line," + reload;
  }
  return "write into the http block of nginx.conf, before its first map and before its includes: "
         "map_hash_bucket_size 512; " +
         reload;
}

void check_directives(Diagnosis& d, const NginxTree& tree, const fs::path& prefix) {
  const Directives& all = tree.all;
  check_include(d, all);
  d.hash_socket = check_upstream(d, tree, prefix, "users_hash");
  d.fast_socket = check_upstream(d, tree, prefix, "users_fast");
  check_limits(d, all);
  check_trusted(d, all);
  check_locations(d, tree);
  find_nginx_user(d, all);
}

}  // namespace

void check_nginx(Diagnosis& d) {
  const fs::path program = find_program("nginx");
  if (program.empty()) {
    d.report.skipped("nginx configuration", "nginx is not installed");
    return;
  }
  const NginxPlaces places = find_places(d, program);
  if (!check_nginx_paths(d, places)) {
    d.report.skipped("nginx configuration", "nginx is not run: see the row above");
    return;
  }
  const std::vector<std::string> command{program, "-T", "-p", places.prefix, "-c", places.main};
  const Finished outcome = run_bounded(command, std::chrono::seconds(20));
  const std::string complaint = last_complaint(outcome);
  if (outcome.status != 0 && ::geteuid() != 0 &&
      complaint.find("Permission denied") != std::string::npos) {
    d.report.skipped("nginx configuration", "only root can have it tested: " + complaint);
    return;
  }
  if (!outcome.in_time) {
    d.report.problem("nginx configuration", "nginx -T took longer than 20 seconds",
                     "run it by hand; a name server that does not answer is the usual reason");
    return;
  }
  if (outcome.status != 0) {
    d.report.problem("nginx configuration", "nginx -T fails: " + complaint, mend_of(complaint));
    return;
  }
  d.report.ok("nginx configuration", "nginx takes it");
  const NginxTree tree = read_nginx_tree(outcome.output, places.main);
  check_running(d, tree.all, places);
  check_directives(d, tree, places.prefix);
}

}  // namespace users::ctl
