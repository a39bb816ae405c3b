// A site with its own configuration before it included ours.
#pragma once

namespace users::test {

/// A server block that sets everything a location could inherit (its own check, error pages,
/// headers, parameters, caches, limits), on a plain socket and on one with TLS and HTTP/2. It
/// protects /upload/, which takes up to 10 MB.
constexpr const char* kForeignSite = R"(
  gzip            on;
  gzip_min_length 1;
  gzip_types      *;
  fastcgi_cache_path @FOLDER@/cache keys_zone=foreign:1m;
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
)";

}  // namespace users::test
