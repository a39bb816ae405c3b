#include "support/foreign_site.hpp"

#include <fstream>
#include <stdexcept>

#include <unistd.h>

#include "base/crypto.hpp"
#include "support/stack.hpp"

namespace users::test {
namespace {

/// With @FOLDER@ for the folder.
constexpr const char* kConfiguration = R"(
daemon off;
pid nginx.pid;
error_log error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path body;
  fastcgi_temp_path     fastcgi;
  proxy_temp_path       proxy;
  scgi_temp_path        scgi;
  uwsgi_temp_path       uwsgi;
  gzip            on;
  gzip_min_length 1;
  gzip_types      *;
  fastcgi_cache_path @FOLDER@/cache keys_zone=foreign:1m;
  include snippets/users-fcgi/users_http.conf;
  include snippets/users-fcgi/users_site.conf;
  server {
    listen unix:@FOLDER@/plain.sock;
    listen unix:@FOLDER@/tls.sock ssl http2;
    ssl_certificate     cert.pem;
    ssl_certificate_key key.pem;
    ssl_protocols       TLSv1.2 TLSv1.3;
    set_real_ip_from unix:;
    real_ip_header   X-Test-Address;

    error_page 401 403 404 /own.html;
    error_page 500 502 503 504 /own.html;
    add_header X-Site yes always;
    add_header Cache-Control "public, max-age=3600" always;
    add_header X-Content-Type-Options nosniff always;
    fastcgi_param SCRIPT_FILENAME /nowhere;
    fastcgi_param REMOTE_ADDR     192.0.2.9;
    fastcgi_intercept_errors on;
    fastcgi_cache        foreign;
    fastcgi_cache_key    $uri;
    fastcgi_cache_valid  any 1h;
    fastcgi_ignore_headers Cache-Control Expires Set-Cookie;
    fastcgi_keep_conn    on;
    expires              1h;
    autoindex            on;
    auth_request         /own_check;
    mirror               /own_mirror;
    limit_req_status     503;
    client_max_body_size     1k;
    client_body_in_file_only on;

    include snippets/users-fcgi/users.conf;

    location = /own_check { return 403; }
    location = /own_mirror {
      internal;
      access_log mirror.log;
      log_subrequest on;
      return 204;
    }
    location = /own.html {
      internal;
      auth_request off;
      return 200 "the site's own page";
    }
    location ~ \.(js|css|json)$ { return 404; }
    location / { return 200 "the site"; }
    location = /nothing { return 404; }
    location /upload/ {
      client_max_body_size     10m;
      client_body_in_file_only off;
      mirror off;
      include snippets/users-fcgi/users_auth.conf;
      proxy_pass http://unix:@FOLDER@/backend.sock;
    }
  }
  server {
    listen unix:@FOLDER@/backend.sock;
    client_max_body_size 0;
    location / { return 200 "user $http_x_user_id"; }
  }
}
)";

std::string make_folder() {
  std::string folder = run_folder() + "/foreign-" + crypto::random_hex(4);
  std::filesystem::create_directories(folder);
  install_includes(folder, run_folder());
  run_script(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "
      "/CN=127.0.0.1 -keyout '" +
      folder + "/key.pem' -out '" + folder + "/cert.pem'");
  std::string text = kConfiguration;
  constexpr std::string_view kName = "@FOLDER@";
  for (auto at = text.find(kName); at != std::string::npos; at = text.find(kName, at)) {
    text.replace(at, kName.size(), folder);
  }
  std::ofstream(folder + "/nginx.conf") << (::geteuid() == 0 ? "user root;" : "") << text;
  return folder;
}

}  // namespace

ForeignSite::ForeignSite()
    : folder_(make_folder()),
      nginx_({"nginx", "-p", folder_, "-c", folder_ + "/nginx.conf"}, {}, folder_ + "/output.log") {
  const bool answers = wait_until(30, [this] {
    return send(secure(), {.method = "GET", .path = "/", .headers = {}}).status == 200;
  });
  if (!answers) throw std::runtime_error("nginx does not start, see " + folder_ + "/output.log");
}

}  // namespace users::test
