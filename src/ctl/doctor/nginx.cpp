// doctor: whether nginx accepts its configuration. Its master is root, so nginx is run only if
// nobody else could put a link or a line where it creates, opens or reads files.
#include "ctl/doctor/nginx.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/processes.hpp"
#include "ctl/system.hpp"
#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// The options that nginx was built with, such as `--error-log-path`; the configuration or the
/// operator may override them.
using Places = std::map<std::string, fs::path>;

/// Takes `--prefix` and `--conf-path` from doctor's own options, otherwise from the local stack,
/// otherwise from nginx -V, which reads no file.
Places find_places(const Diagnosis& d, const fs::path& program) {
  Places places{{"--prefix", "/usr/share/nginx"},
                {"--conf-path", "/etc/nginx/nginx.conf"},
                {"--pid-path", "/run/nginx.pid"},
                {"--user", "nobody"}};
  std::istringstream words(run_bounded({program, "-V"}, 5s).errors);
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    if (equals != std::string::npos) places[word.substr(0, equals)] = word.substr(equals + 1);
  }
  // A local stack's folder has a mark, and the nginx.conf of its nginx.
  std::error_code error;
  const fs::path folder = fs::canonical(d.call.config_file, error).parent_path();
  if (fs::exists(folder / ".users-fcgi-state", error)) {
    places["--prefix"] = folder;
    places["--conf-path"] = folder / "nginx.conf";
  }
  // nginx would look for a relative name in its prefix.
  if (const auto given = d.call.option("prefix")) places["--prefix"] = fs::absolute(*given);
  if (const auto given = d.call.option("nginx")) places["--conf-path"] = fs::absolute(*given);
  return places;
}

/// Directives whose words are addresses, texts, or files that only nginx's workers open. In others,
/// also of modules yet unknown, each word with a slash is a path that the master may open.
constexpr std::string_view kNoPaths =
    " location root alias try_files rewrite return if set error_page server index log_format "
    "sub_filter map geo types include auth_request proxy_pass fastcgi_pass uwsgi_pass scgi_pass "
    "grpc_pass proxy_redirect add_header server_name gzip_types charset_types default_type "
    "proxy_cookie_path auth_basic_user_file lock_file ";

bool names_paths(const Directive& one) {
  const std::string& name = one.words[0];
  return enclosing(one, {"map", "geo", "types"}) == nullptr && !name.ends_with("_param") &&
         !name.ends_with("_set_header") &&
         kNoPaths.find(" " + name + " ") == std::string_view::npos;
}

/// Judges whether nginx may be run on the paths that its configuration and its build name.
Finding judge_paths(const Places& places, const NginxTree& tree) {
  const fs::path& prefix = places.at("--prefix");
  std::vector<std::pair<fs::path, std::string>> paths;  // each with its name in a message
  for (const auto& [name, path] : places) {
    // A lock file is only for processors without atomic operations.
    if (!name.ends_with("-path") || name == "--lock-path") continue;
    paths.emplace_back(prefix / path, name + " " + path.string() + " of nginx");
  }
  for (const Directive& one : tree.all) {
    if (!names_paths(one)) continue;
    for (std::string word : one.words) {
      if (word.starts_with("unix:")) word.erase(0, 5);
      if (word.find('/') == std::string::npos) continue;
      const fs::path path = prefix / word;
      paths.emplace_back(path, one.words[0] + " " + path.string() + " of " + one.file);
    }
  }
  for (const auto& [path, name] : paths) {
    const std::string stranger = stranger_on(path, Judged::way);
    if (stranger.empty()) continue;
    return problem(name + " lies in " + stranger +
                       ": its owner could put a link there, and nginx's master, which is root, "
                       "would write to the link's target",
                   "move it to a folder that only root may write to, such as /var/log/nginx or "
                   "/run/users-fcgi-nginx; until then doctor does not run nginx -t");
  }
  return ok("in folders that only root may write to");
}

std::string advice_for(const std::string& complaint) {
  const auto says = [&](const char* part) { return complaint.find(part) != std::string::npos; };
  std::string advice = "correct that line,";
  if (says("directive is duplicate in") && says("/users-fcgi/")) {
    advice = "that line is right: remove the one of the same name beside the include,";
  } else if (says("increase map_hash_bucket_size")) {
    // One origin of 47 bytes in users_cors_origins.conf is enough. The message names no line.
    advice =
        "write map_hash_bucket_size 512; into the http block of nginx.conf before its includes,";
  }
  if (says("unknown \"users_conf\" variable")) {
    advice =
        "write into each server with a protected location: include "
        "snippets/users-fcgi/users.conf;";
  }
  return advice + " then: nginx -t && systemctl reload nginx";
}

Finding judge_test(const Finished& outcome) {
  if (!outcome.in_time) {
    return problem("nginx -t took longer than 20 seconds",
                   "run it by hand; usually a name server does not answer");
  }
  if (outcome.status == 0) return ok("nginx accepts it");
  // Warnings may precede the error.
  const auto at = outcome.errors.find("[emerg]");
  const std::string complaint = first_line(outcome.errors.substr(at == std::string::npos ? 0 : at));
  if (::geteuid() != 0 && complaint.find("Permission denied") != std::string::npos) {
    return skipped("only root can test it: " + complaint);
  }
  return problem("nginx -t fails: " + complaint, advice_for(complaint));
}

/// The file that changed after nginx's workers started; empty if there is none. A reload starts
/// new ones.
std::string unread_file(const NginxTree& tree, pid_t master) {
  std::time_t start = 0;
  for (const Process& process : list_processes()) {
    if (process.parent == master) start = std::max(start, start_of(process.pid).value_or(0));
  }
  constexpr std::time_t kInaccuracy = 2;
  const auto is_newer = [&](const Directive& one) {
    struct stat status {};
    return ::stat(one.file.c_str(), &status) == 0 && status.st_mtime > start + kInaccuracy;
  };
  const auto changed = std::ranges::find_if(tree.all, is_newer);
  return start == 0 || changed == tree.all.end() ? "" : changed->file;
}

Finding judge_running(const NginxTree& tree, const Places& places) {
  const std::string set = value_in_effect(tree.all.front(), "pid");
  const fs::path file =
      places.at("--prefix") / (set.empty() ? places.at("--pid-path") : fs::path(set));
  pid_t pid = 0;
  std::ifstream(file) >> pid;
  const auto master = find_process(pid);
  if (!master || master->name != "nginx") {
    return problem(file.string() + " does not name a running nginx", "systemctl start nginx");
  }
  const std::string unread = unread_file(tree, pid);
  if (unread.empty()) return ok("process " + std::to_string(pid));
  return warning("process " + std::to_string(pid) + " has not read " + unread +
                     " since it was changed, so what follows may not be in force",
                 "nginx -t && systemctl reload nginx");
}

/// The user of nginx's workers: if its master is root, the one in its configuration or its build.
std::optional<uid_t> nginx_user(const NginxTree& tree, const Places& places) {
  if (::geteuid() != 0) return ::geteuid();
  const std::string set = value_in_effect(tree.all.front(), "user");
  const std::string name = set.empty() ? places.at("--user").string() : set;
  const passwd* entry = ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  return entry == nullptr ? std::nullopt : std::optional(entry->pw_uid);
}

}  // namespace

void check_nginx(Diagnosis& d) {
  constexpr const char* kCheck = "nginx configuration";
  const fs::path program = find_program("nginx");
  if (program.empty()) return d.add(kCheck, skipped("nginx is not installed"));
  const Places places = find_places(d, program);
  const fs::path& prefix = places.at("--prefix");
  const fs::path& main = places.at("--conf-path");
  NginxTree tree;
  try {
    tree = read_nginx_tree(main);
    d.add("nginx paths", judge_paths(places, tree));
  } catch (const Refused& error) {
    d.add("nginx paths", problem(error.what(),
                                 "let only root write what nginx reads; until then "
                                 "doctor does not run nginx -t"));
  }
  if (d.findings.back().state != State::ok) {
    return d.add(kCheck, skipped("nginx is not run: see the row above"));
  }
  d.add(kCheck, judge_test(run_bounded({program, "-t", "-p", prefix, "-c", main}, 20s)));
  if (d.findings.back().state != State::ok) return;
  d.add("nginx runs", judge_running(tree, places));
  d.nginx_uid = nginx_user(tree, places);
  check_service(d, tree, prefix);
  check_locations(d, tree);
}

}  // namespace users::ctl
