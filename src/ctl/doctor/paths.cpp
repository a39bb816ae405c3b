// doctor: what nginx's master, who is root, makes, opens or reads where somebody else could put a
// link to any file of the machine, or a line of his own.
#include <algorithm>

#include "ctl/doctor/doctor.hpp"
#include "ctl/doctor/nginx_conf.hpp"
#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

/// Directives whose words are addresses, texts, or files that only nginx's workers open. Any other
/// word with a slash in it is taken for a path of the master's: what a module of tomorrow opens,
/// too.
constexpr std::string_view kNoPaths[] = {"location",
                                         "root",
                                         "alias",
                                         "try_files",
                                         "rewrite",
                                         "return",
                                         "if",
                                         "set",
                                         "error_page",
                                         "server",
                                         "index",
                                         "log_format",
                                         "sub_filter",
                                         "map",
                                         "geo",
                                         "types",
                                         "include",
                                         "auth_request",
                                         "proxy_pass",
                                         "fastcgi_pass",
                                         "uwsgi_pass",
                                         "scgi_pass",
                                         "grpc_pass",
                                         "proxy_redirect",
                                         "add_header",
                                         "server_name",
                                         "gzip_types",
                                         "charset_types",
                                         "default_type",
                                         "proxy_cookie_path",
                                         "auth_basic_user_file",
                                         "lock_file"};

bool names_paths(const Directive& directive) {
  if (directive.words.empty()) return false;
  const std::string& name = directive.words[0];
  if (name.ends_with("_param") || name.ends_with("_set_header")) return false;
  bool in_table = false;
  for (const Directive* block = directive.around; block != nullptr; block = block->around) {
    in_table = in_table || is(*block, {"map"}) || is(*block, {"geo"}) || is(*block, {"types"});
  }
  return !in_table && std::ranges::find(kNoPaths, name) == std::end(kNoPaths);
}

/// The paths that a directive names, made absolute.
std::vector<fs::path> paths_of(const Directive& directive, const fs::path& prefix) {
  constexpr std::string_view kSocket = "unix:";
  std::vector<fs::path> paths;
  if (!names_paths(directive)) return paths;
  for (std::size_t i = 1; i < directive.words.size(); ++i) {
    std::string word = directive.words[i];
    if (word.starts_with(kSocket)) word.erase(0, kSocket.size());
    if (word.find('/') != std::string::npos) paths.push_back(prefix / word);
  }
  return paths;
}

}  // namespace

bool check_nginx_paths(Diagnosis& d, const NginxPlaces& places) {
  const auto problem = [&](const std::string& what, const std::string& stranger) {
    d.report.problem(
        "nginx paths",
        what + " lies in " + stranger +
            ": its owner could put a link there, and nginx's master, who is root, would "
            "write wherever it leads",
        "move it to a folder that root alone may write to, such as /var/log/nginx or "
        "/run/users-fcgi-nginx; until then doctor does not run nginx -T");
    return false;
  };
  for (const fs::path& path : places.built_in) {
    const std::string stranger = stranger_on(path, Judged::way);
    if (!stranger.empty())
      return problem(path.string() + ", which nginx was built with,", stranger);
  }
  const NginxFiles files = read_nginx_files(places.main);
  if (!files.trouble.empty()) {
    d.report.problem(
        "nginx paths", files.trouble,
        "let root alone write what nginx reads; until then doctor does not run nginx -T");
    return false;
  }
  const auto parsed = parse_nginx_dump(files.dump);
  for (const auto& [file, directives] : parsed) {
    for (const Directive& one : directives) {
      for (const fs::path& path : paths_of(one, places.prefix)) {
        const std::string stranger = stranger_on(path, Judged::way);
        if (stranger.empty()) continue;
        return problem(one.words[0] + " " + path.string() + " of " + file, stranger);
      }
    }
  }
  d.report.ok("nginx paths", "all where root alone may write");
  return true;
}

}  // namespace users::ctl
