// doctor: whether nginx takes its configuration. Its master is root: before it is run, nothing that
// it makes, opens or reads may be where somebody else could put a link or a line of his own.
#include "ctl/doctor/nginx.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

#include <pwd.h>
#include <unistd.h>

#include "ctl/system.hpp"
#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Where nginx takes its files from.
struct Places {
  fs::path prefix;
  fs::path main;                   ///< its configuration
  fs::path pid_file;               ///< if the configuration names none
  std::vector<fs::path> built_in;  ///< what it uses if the configuration is silent
};

/// As the options say, else the local stack's, else as nginx was built, which -V tells without a
/// look at any file.
Places find_places(const Diagnosis& d, const fs::path& program) {
  std::map<std::string, fs::path> built{{"--prefix", "/usr/share/nginx"},
                                        {"--conf-path", "/etc/nginx/nginx.conf"},
                                        {"--pid-path", "/run/nginx.pid"}};
  std::istringstream words(run_bounded({program, "-V"}, 5s).errors);
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    if (equals != std::string::npos) built[word.substr(0, equals)] = word.substr(equals + 1);
  }
  Places places{built["--prefix"], built["--conf-path"], built["--pid-path"], {}};
  // The configuration of a local stack lies in a folder with a mark and the nginx.conf of its
  // nginx.
  std::error_code error;
  const fs::path folder = fs::canonical(d.call.config_file, error).parent_path();
  if (fs::exists(folder / ".users-fcgi-state", error)) {
    places.prefix = folder;
    places.main = folder / "nginx.conf";
  }
  // nginx takes a relative name for one in its prefix.
  if (const auto given = d.call.option("prefix")) places.prefix = fs::absolute(*given);
  if (const auto given = d.call.option("nginx")) places.main = fs::absolute(*given);
  for (const auto& [name, path] : built) {
    // The lock's file is for processors without atomic operations.
    if (name.ends_with("-path") && name != "--lock-path") {
      places.built_in.push_back(places.prefix / path);
    }
  }
  return places;
}

/// Directives whose words are addresses, texts, or files that only nginx's workers open. Any other
/// word with a slash in it is taken for a path of the master's: what a module of tomorrow opens,
/// too.
constexpr std::string_view kNoPaths =
    " location root alias try_files rewrite return if set error_page server index log_format "
    "sub_filter map geo types include auth_request proxy_pass fastcgi_pass uwsgi_pass scgi_pass "
    "grpc_pass proxy_redirect add_header server_name gzip_types charset_types default_type "
    "proxy_cookie_path auth_basic_user_file lock_file ";

bool names_paths(const Directive& one) {
  if (one.words.empty() || enclosing(one, {"map", "geo", "types"}) != nullptr) return false;
  const std::string& name = one.words[0];
  return !name.ends_with("_param") && !name.ends_with("_set_header") &&
         kNoPaths.find(" " + name + " ") == std::string_view::npos;
}

/// Reads the tree, and says whether nginx may be run.
Finding judge_paths(const Places& places, NginxTree& tree) {
  const std::string until = "; until then doctor does not run nginx -t";
  std::vector<std::pair<fs::path, std::string>> paths;  // and what a message calls each
  for (const fs::path& path : places.built_in) {
    paths.emplace_back(path, path.string() + ", which nginx was built with,");
  }
  try {
    tree = read_nginx_tree(places.main);
  } catch (const Refused& error) {
    return problem(error.what(), "let root alone write what nginx reads" + until);
  }
  for (const Directive& one : tree.all) {
    if (!names_paths(one)) continue;
    for (std::size_t i = 1; i < one.words.size(); ++i) {
      std::string word = one.words[i];
      if (word.starts_with("unix:")) word.erase(0, 5);
      if (word.find('/') == std::string::npos) continue;
      const fs::path path = places.prefix / word;
      paths.emplace_back(path, one.words[0] + " " + path.string() + " of " + one.file);
    }
  }
  for (const auto& [path, name] : paths) {
    const std::string stranger = stranger_on(path, Judged::way);
    if (stranger.empty()) continue;
    return problem(name + " lies in " + stranger +
                       ": its owner could put a link there, and nginx's master, who is root, would "
                       "write wherever it leads",
                   "move it to a folder that root alone may write to, such as /var/log/nginx or "
                   "/run/users-fcgi-nginx" +
                       until);
  }
  return ok("all where root alone may write");
}

std::string mend_of(const std::string& complaint) {
  const auto says = [&](const char* part) { return complaint.find(part) != std::string::npos; };
  const bool is_twice = says("directive is duplicate in") && says("/users-fcgi/");
  // An origin of 47 bytes in users_cors_origins.conf is enough for the second, which names no line.
  const std::string mend =
      is_twice ? "that line is right: remove the one of the same name beside the include,"
      : says("increase map_hash_bucket_size")
          ? "write map_hash_bucket_size 512; into the http block of nginx.conf, before its first "
            "map and before its includes,"
          : "correct that line,";
  return mend + " then: nginx -t && systemctl reload nginx";
}

Finding judge_test(const Finished& outcome) {
  if (!outcome.in_time) {
    return problem("nginx -t took longer than 20 seconds",
                   "run it by hand; a name server that does not answer is the usual reason");
  }
  if (outcome.status == 0) return ok("nginx takes it");
  // Warnings may come first; the last line but "test failed" says why.
  const auto at = outcome.errors.find("[emerg]");
  const std::string complaint = first_line(outcome.errors.substr(at == std::string::npos ? 0 : at));
  if (::geteuid() != 0 && complaint.find("Permission denied") != std::string::npos) {
    return skipped("only root can have it tested: " + complaint);
  }
  return problem("nginx -t fails: " + complaint, mend_of(complaint));
}

/// Its master is the process that its pid file names.
Finding judge_running(const NginxTree& tree, const Places& places) {
  const Directive* line = find(tree, {"pid"});
  const fs::path file =
      line == nullptr || line->words.size() < 2 ? places.pid_file : places.prefix / line->words[1];
  pid_t pid = 0;
  std::ifstream(file) >> pid;
  const auto master = find_process(pid);
  if (master && master->name == "nginx") return ok("process " + std::to_string(pid));
  return problem(file.string() + " names no process of nginx", "systemctl start nginx");
}

/// Whom its workers run as: the master gives up root for the user it names.
std::optional<uid_t> nginx_user(const NginxTree& tree) {
  if (::geteuid() != 0) return ::geteuid();
  const Directive* line = find(tree, {"user"});
  const std::string name = line == nullptr || line->words.size() < 2 ? "nobody" : line->words[1];
  const passwd* entry = ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  return entry == nullptr ? std::nullopt : std::optional(entry->pw_uid);
}

}  // namespace

void check_nginx(Diagnosis& d) {
  constexpr const char* kCheck = "nginx configuration";
  const fs::path program = find_program("nginx");
  if (program.empty()) return d.add(kCheck, skipped("nginx is not installed"));
  const Places places = find_places(d, program);
  NginxTree tree;
  d.add("nginx paths", judge_paths(places, tree));
  if (d.findings.back().state != State::ok) {
    return d.add(kCheck, skipped("nginx is not run: see the row above"));
  }
  d.add(kCheck,
        judge_test(run_bounded({program, "-t", "-p", places.prefix, "-c", places.main}, 20s)));
  if (d.findings.back().state != State::ok) return;
  d.add("nginx runs", judge_running(tree, places));
  d.nginx_uid = nginx_user(tree);
  check_service(d, tree, places.prefix);
  check_locations(d, tree);
}

}  // namespace users::ctl
