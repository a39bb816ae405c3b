#include "support/nginx_site.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <unistd.h>

#include "base/crypto.hpp"
#include "support/text.hpp"

namespace users::test {
namespace {

constexpr const char* kHead = R"(
daemon off;
pid nginx.pid;
error_log error.log;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path body;
  fastcgi_temp_path     fastcgi;
  proxy_temp_path       proxy;
  scgi_temp_path        scgi;
  uwsgi_temp_path       uwsgi;
  include snippets/users-fcgi/users_http.conf;
  include snippets/users-fcgi/users_site.conf;
)";

// The first line is a setting that a site may have made for its own locations. A full backlog of a
// socket refuses at once, of TCP it lets clients wait.
constexpr const char* kSite = R"(
  fastcgi_cache_use_stale error timeout http_500 http_503;
  server {
    listen unix:@FOLDER@/plain.sock backlog=4096;
    listen unix:@FOLDER@/http2.sock http2 backlog=4096;
    listen unix:@FOLDER@/tls.sock ssl http2;
    ssl_certificate     cert.pem;
    ssl_certificate_key key.pem;
    ssl_protocols       TLSv1.2 TLSv1.3;
    set_real_ip_from unix:;
    real_ip_header   X-Test-Address;
    include snippets/users-fcgi/users.conf;
    location / { return 200 'the site'; }
    location ^~ /private/ {
      include snippets/users-fcgi/users_auth.conf;
      proxy_pass http://unix:@FOLDER@/backend.sock;
    }
  }
  server {
    listen unix:@FOLDER@/backend.sock;
    location / { return 200 'user $http_x_user_id'; }
  }
)";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

/// Installs nginx/ below `folder` as the README says: with the folders of the sockets and of the
/// page, with the examples of users_cors_origins.conf and users_login_hosts.conf enabled, a line
/// in a wrong form, and every client a balancer.
void install_includes(const std::filesystem::path& folder, const std::string& run, bool cached) {
  namespace fs = std::filesystem;
  const fs::path includes = folder / "snippets/users-fcgi";
  fs::create_directory(folder / "snippets");
  fs::copy("nginx", includes, fs::copy_options::recursive);
  const std::string origins = read_file(includes / "users_cors_origins.conf");
  std::ofstream(includes / "users_cors_origins.conf") << replaced(origins, "\n#https", "\nhttps");
  const std::string logins = read_file(includes / "users_login_hosts.conf");
  std::ofstream(includes / "users_login_hosts.conf")
      << replaced(logins, "\n#app", "\napp") + "plain.example.org id.example.org;\n";
  // For geo a socket has this address.
  std::ofstream(includes / "users_balancers.conf") << "255.255.255.255 1;\n";
  std::string site = read_file("nginx/users_site.conf");
  if (cached) {
    fs::rename(includes / "users_check_cache.conf.example", includes / "users_check_cache.conf");
    site = replaced(site, "\n#fastcgi_cache_path", "\nfastcgi_cache_path");
  }
  site = replaced(site, "/run/users-fcgi-nginx/", folder.string() + "/");
  site = replaced(site, "/run/users-fcgi/", run + "/");
  site = replaced(site, "/usr/share/users-fcgi/", includes.string() + "/");
  std::ofstream(includes / "users_site.conf") << site;
}

std::string make_folder(const std::string& http, const std::string& run, bool cached) {
  // Not in the state folder: its name may hold blanks or be too long for a socket.
  std::string folder = run_folder() + "/nginx-" + crypto::random_hex(4);
  std::filesystem::create_directories(folder);
  install_includes(folder, run, cached);
  if (contains(http, "cert.pem")) {
    run_script("cd '" + folder + "' && openssl req -x509 -newkey ec -pkeyopt " +
               "ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=127.0.0.1 -keyout key.pem " +
               "-out cert.pem");
  }
  std::ofstream configuration(folder + "/nginx.conf");
  if (::geteuid() == 0) configuration << "user root;\n";
  if (cached) {
    for (const char* module : {"ndk_http_module", "ngx_http_set_misc_module"}) {
      configuration << "load_module /usr/lib/nginx/modules/" << module << ".so;\n";
    }
  }
  configuration << kHead << replaced(http, "@FOLDER@", folder) << "}\n";
  return folder;
}

}  // namespace

NginxSite::NginxSite(const std::string& http, const std::string& run, bool cached)
    : folder_(make_folder(http, run, cached)),
      nginx_({"nginx", "-p", folder_, "-c", folder_ + "/nginx.conf"}, {}, folder_ + "/output.log") {
  const bool answers = wait_until(30, [this] {
    return send(plain(), {.method = "GET", .path = "/", .headers = {}}).status != 0;
  });
  if (!answers) throw std::runtime_error("no nginx: " + read_file(folder_ + "/output.log"));
}

Site::Site(const std::string& run, bool cached) : NginxSite(kSite, run, cached) {}

}  // namespace users::test
