// users-ctl doctor: servers without users.conf, and what replies in place of the check or goes past
// it.

#include "ctl/doctor_site.hpp"

using namespace users::test;

namespace {

const std::string kGeo = "geo $users_trusted {";

struct ServersFixture : LocationsFixture {
  /// A second server with these lines, and these at the start of the protected location.
  [[nodiscard]] static Changes beside(const std::string& other, const std::string& protect) {
    return {
        {kGeo, "server { listen unix:other.sock; server_name other.test; " + other + " }\n" + kGeo},
        {kOpen, "location ^~ /members/ { " + kAuth + protect + " } " + kOpen}};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(doctor_servers, ServersFixture)

BOOST_AUTO_TEST_CASE(the_site_of_the_manual) {
  const std::string manual = read_file("nginx/README.md");
  const auto start = manual.find("    server {");
  std::string site = manual.substr(start, manual.find("\n    }\n", start) + 7 - start);
  for (const char* line :
       {"ssl_certificate ", "ssl_certificate_key", "ssl_protocols", "include fastcgi_params"}) {
    const auto at = site.find(line);
    site.erase(at, site.find('\n', at) - at);
  }
  boost::replace_all(site, "listen 443 ssl http2;", "listen unix:manual.sock;");
  const std::string redirect =
      "server { listen unix:redirect.sock; server_name example.org; root /srv/www; return 301 "
      "https://example.org$request_uri; }";
  look_with({{kGeo, redirect + site + kGeo}});
  for (const char* check :
       {"nginx configuration", "nginx identity", "nginx session", "nginx rules", "nginx precedence",
        "nginx cache", "nginx early data", "nginx site limits"}) {
    expect_ok(check);
  }
}

BOOST_AUTO_TEST_CASE(a_check_without_users_conf) {
  const Fault fault{"nginx rules", "problem", "server other.test of ",
                    "include snippets/users-fcgi/users.conf;"};
  const std::string location = "location /members/ { " + kAuth + " }";
  for (const std::string& lines :
       {location, kAuth, "location ^~ /users/ { return 404; } " + location,
        std::string("location / { location /in/ { auth_request /users/_auth/level/2; } }")}) {
    look_with(beside(lines, ""));
    expect_found(fault);
  }
  finds_with({{kServer, "location /users/ { return 404; }"},
              {kGeo, "server { listen unix:second.sock; " + kServer + " } " + kGeo}},
             {"nginx rules", "problem", "server site.test of ", "users.conf;"});
  passes_nginx("nginx rules", beside(kServer + location, ""));
  passes_nginx("nginx rules", beside("location / { " + kStrip + " auth_request off; }", ""));
}

BOOST_AUTO_TEST_CASE(a_server_that_leads_to_the_same_backend) {
  const auto finds = [&](const std::string& other, const std::string& protect) {
    finds_with(beside("location / { " + other + " }", protect),
               {"nginx identity", "problem", "server other.test of ", kStrip});
    finds_with(beside("location / { if ($arg_a) { " + other + " } }", protect),
               {"nginx identity", "problem", "if ($arg_a) passes", kStrip});
  };
  const auto passes = [&](const std::string& other, const std::string& protect) {
    passes_nginx("nginx identity", beside(other, protect));
  };
  finds(kPass, kPass);
  finds("proxy_pass http://LOCALHOST:9$request_uri;", "proxy_pass http://127.0.0.1:9;");
  finds("proxy_pass http://127.0.0.1;", "proxy_pass http://127.0.0.1:80;");
  finds("fastcgi_pass unix:/run/php.sock;", "fastcgi_pass unix:/run/php.sock;");
  finds("proxy_pass http://unix:/run/app.sock;", "proxy_pass http://unix:/run/app.sock;");
  finds("grpc_pass grpc://127.0.0.1:9;", "grpc_pass 127.0.0.1:9;");
  const std::string id = "proxy_set_header X-User-Id $http_x_user_id;";
  finds_with(beside("location / { " + kStrip + id + kPass + " }", kPass),
             {"nginx identity", "problem", "server other.test of ", kStrip});
  passes_nginx("nginx identity", beside("location / { " + kStrip + kPass + " }", kPass));
  passes(kStrip + " location /a/ { " + kPass + " }", kPass);
  passes("location / { proxy_pass_request_headers off; " + kPass + " }", kPass);
  passes("location / { proxy_pass http://127.0.0.1:10; }", kPass);
  passes("location / { " + kPass + " }", "");
  passes("set $a x; location / { proxy_pass http://$a:9; }", "set $a y; proxy_pass http://$a:9;");

  const std::string upstream = kHttp + " upstream app { server 127.0.0.1:9; server 127.0.0.1:10; }";
  for (const char* other : {"http://app", "http://app/x", "http://127.0.0.1:10"}) {
    auto changes =
        beside("location /a/ { proxy_pass " + std::string(other) + "; }", "proxy_pass http://app;");
    changes.insert(changes.begin(), {kHttp, upstream});
    finds_with(changes, {"nginx identity", "problem", "location /a/ passes", kStrip});
  }
  // The site's own backend may be a server that passes requests on.
  passes("listen unix:inner.sock; location / { " + kPass + " }",
         "proxy_pass http://unix:inner.sock:/; location /members/in/ { " + kPass + " }");
}

BOOST_AUTO_TEST_CASE(a_server_that_gives_the_same_files) {
  const std::string root = "root /srv/www;";
  const Fault fault{"nginx session", "warning", "server other.test of ",
                    "location ^~ /members/ { return 404; }"};
  for (const std::string& other :
       {root, root + "location / { try_files $uri =404; }", "location / { " + root + " }",
        root + "location /members/public { deny all; }", root + "auth_request off;",
        root + "location /a { return 404; }"}) {
    finds_with(beside(other, root), fault);
  }
  for (const std::string& other :
       {std::string("root /srv/other;"), root + "return 301 https://other.test$request_uri;",
        root + "rewrite ^ https://other.test/ permanent;", root + "location / { return 404; }",
        root + "location / { " + kStrip + " proxy_pass http://127.0.0.1:11; }",
        root + "location /members/ { deny all; }", root + "location /members { internal; }",
        root + "location ~ ^/members/ { return 403; }", root + "deny all;", root + "auth_basic x;",
        root + "location / { try_files /index.html =404; }", root + "location / { alias /srv/a/; }",
        root + "location ^~ /members/ { root /srv/b; }",
        root + "location / { location /members/ { return 404; } }"}) {
    passes_nginx("nginx session", beside(other, root));
  }
  passes_nginx("nginx session", beside(root, root + kPass));
  passes_nginx("nginx session", beside(root, "alias /srv/a/;"));
}

BOOST_AUTO_TEST_CASE(a_rewrite_that_answers_the_check) {
  const auto before = [](const std::string& lines) {
    return Changes{{kServer, lines + "\n" + kServer}};
  };
  for (const char* lines :
       {"rewrite ^ /index.php;", "rewrite ^/(.*)$ /app/$1 last;", "rewrite ^(.*)$ /a$1 break;",
        "rewrite (?i)^/USERS/\\w+ /a last;", "rewrite ^/(?<part>users)/.*+\\z /a/$part last;",
        "if ($http_x) { rewrite ^ /index.php last; }",
        "if (!-e $request_filename) { rewrite ^ /index.php last; }"}) {
    finds_with(before(lines), {"nginx session", "problem", "stands before users.conf",
                               "move it behind the include of users.conf"});
  }
  for (const char* lines :
       {"if ($uri ~ ^/users) { return 200; }", "if ($arg_a = \"\") { return 204; }",
        "if ($uri !~ ^/a) { return 200 a; }", "if (!-f $request_filename) { return 200; }"}) {
    finds_with(before(lines),
               {"nginx session", "problem", "return 20", "move it behind the include"});
  }
  for (const char* lines :
       {"rewrite ^/old/(.*)$ /new/$1 last;", "rewrite ^/a/(\\d+)$ /a.php?id=$1 last;",
        "rewrite ^ https://x/ permanent;", "rewrite ^ /a redirect;", "rewrite ^/(.*)/$ /$1;",
        "if ($request_method = OPTIONS) { return 204; }",
        "if ($host = a.b) { return 301 https://x/; }", "if ($arg_a = \"\") { return 403; }",
        "if ($uri = /ping) { return 200 ok; }",
        "if ($uri ~ ^/users/) { break; } rewrite ^ /index.php last;",
        "if (-f $request_filename) { rewrite ^ /a last; }", "if ($arg_a) { rewrite ^ /a last; }",
        "if ($uri = /ping) { rewrite ^ /a last; }", "rewrite ^/(?!users/) /index.php last;",
        "rewrite ^/(?>users|a)++/x\\b /a last;"}) {
    passes_nginx("nginx session", before(lines));
  }
  passes_nginx("nginx session", {{kServer, kServer + " rewrite ^ /index.php last;"}});
}

BOOST_AUTO_TEST_CASE(subrequests_that_nginx_does_not_check) {
  const auto open = [](const std::string& lines) {
    return Changes{{kOpen, "location /open/ { " + lines + " } " + kOpen}};
  };
  for (const std::string name : {"add_before_body", "add_after_body", "mirror"}) {
    const Fault fault{"nginx session", "warning", "requests location ^~ /private/",
                      "users_auth.conf"};
    finds_with(open(name + " /private/a;"), fault);
    finds_with({{kServer, kServer + name + " /private/a;"}}, fault);
    passes_nginx("nginx session", open(name + " /other/a;"));
    passes_in_sample("nginx session", name + " /private/a;");
  }
  passes_nginx("nginx session", open("mirror off;"));
  const Fault fault{"nginx session", "warning", "can include location ^~ /private/ of", "ssi off;"};
  finds_with(open("ssi on;"), fault);
  finds_with({{kOpen, "location /open/ { } " + kOpen}, {kHttp, kHttp + "ssi on;"}}, fault);
  finds_with({{kSample, "location ^~ /r/ { auth_request /users/_auth/level/2; " + kIdentity +
                            " } " + kSample + "ssi on;"}},
             {"nginx session", "warning", "can include location ^~ /r/ of", "ssi off;"});
  passes_in_sample("nginx session", "ssi on;");
  // The other location refuses everybody.
  passes_nginx("nginx session", {{kServer, kServer + "ssi on;"}});
  passes_nginx("nginx session", open("ssi off;"));
}

BOOST_AUTO_TEST_SUITE_END()
