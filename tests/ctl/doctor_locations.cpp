// users-ctl doctor: settings that open a protected location or forge the user for a backend.

#include "ctl/doctor_fixture.hpp"

using namespace users::test;

namespace {

const std::string kHttp = "http {";
const std::string kServer = "include snippets/users-fcgi/users.conf;";
const std::string kSample = "location ^~ /private/ {";
const std::string kOpen = "location / {";
const std::string kAuth = "include snippets/users-fcgi/users_auth.conf;";
const std::string kIdentity = "include snippets/users-fcgi/users_identity.conf;";
const std::string kStrip = "include snippets/users-fcgi/users_strip.conf;";
const std::string kPass = "proxy_pass http://127.0.0.1:9;";

struct LocationsFixture : DoctorFixture {
  /// Expects the fault with `text` at the start of the protected location.
  void finds_in_sample(const std::string& text, const Fault& fault) {
    finds_with({{kSample, kSample + "\n" + text}}, fault);
  }

  void passes_in_sample(const std::string& check, const std::string& text) {
    passes_nginx(check, {{kSample, kSample + "\n" + text}});
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(doctor_locations, LocationsFixture)

BOOST_AUTO_TEST_CASE(a_location_in_a_protected_one_that_drops_its_identity) {
  for (const char* lines :
       {"proxy_set_header Host $host; proxy_pass http://127.0.0.1:9;",
        "grpc_set_header A b; grpc_pass 127.0.0.1:9;",
        "fastcgi_param A b; fastcgi_pass 127.0.0.1:9;", "uwsgi_param A b; uwsgi_pass 127.0.0.1:9;",
        "scgi_param A b; scgi_pass 127.0.0.1:9;",
        "proxy_set_header A b; if ($arg_a) { proxy_pass http://127.0.0.1:9; }",
        "proxy_set_header A b; limit_except GET { proxy_pass http://127.0.0.1:9; }",
        "proxy_set_header A b; location /private/in/2/ { proxy_pass http://127.0.0.1:9; }"}) {
    finds_in_sample("location /private/in/ { " + std::string(lines) + " }",
                    {"nginx identity", "problem", "location /private/in/", kIdentity});
  }
  const std::string header = "proxy_set_header Host $host;";
  for (const std::string& lines : {kPass, header + kAuth + kPass, header + kStrip + kPass,
                                   std::string("proxy_pass_request_headers off;") + header + kPass,
                                   std::string("fastcgi_param A b;") + kPass, header}) {
    passes_in_sample("nginx identity", "location /private/in/ { " + lines + " }");
  }
  finds_in_sample("location /private/in/ { auth_request /users/_auth; " + header + kPass + " }",
                  {"nginx identity", "problem", "location /private/in/", kIdentity});
  const std::string id = "proxy_set_header X-User-Id $http_x_user_id;";
  finds_in_sample("location /private/in/ { " + kAuth + id + kPass + " }",
                  {"nginx identity", "problem", "location /private/in/", kIdentity});
  const std::string both =
      "proxy_set_header X-User-Id $users_id; proxy_set_header X-User-Phone $users_phone; "
      "proxy_set_header X-User-Level $users_level; proxy_set_header X-User-Groups $users_groups; "
      "proxy_set_header X-User-Jwt $users_jwt;";
  const std::string by_hand = "location /private/in/ { " + both + kPass + " }";
  passes_in_sample("nginx identity", by_hand);
  finds_with({{kHttp, kHttp + "underscores_in_headers on;"}, {kSample, kSample + by_hand}},
             {"nginx identity", "problem", "location /private/in/", kIdentity});
  finds_with({{kOpen, kOpen + kStrip + "location /in/ { " + header + kPass + " }"}},
             {"nginx identity", "problem", "location /in/ of", kStrip});
  passes_nginx("nginx identity", {{kOpen, kOpen + kStrip + "location /in/ { " + kPass + " }"}});
}

BOOST_AUTO_TEST_CASE(headers_and_paths_that_go_past_the_check) {
  const std::string headers = "ignore_invalid_headers off;";
  const std::string slashes = "merge_slashes off;";
  for (const std::string& level : {kHttp, kServer}) {
    finds_with({{level, level + "\n" + headers}},
               {"nginx identity", "problem", "X.User.Id", "remove that line"});
    finds_with({{level, level + "\n" + slashes}},
               {"nginx session", "problem", "//members/", "remove that line"});
    passes_nginx("nginx session", {{level, level + "\nmerge_slashes on;"}});
  }
  // Another server counts if this one passes requests to it.
  const std::string geo = "geo $users_trusted {";
  const auto other = [&](const std::string& listen) {
    return Changes{{geo, "server { " + listen + headers + slashes + " }\n" + geo}};
  };
  passes_nginx("nginx identity", other("listen unix:other.sock;"));
  passes_nginx("nginx session", other("listen unix:other.sock;"));
  const std::string ours = read_file(nginx);
  const auto at = ours.find("listen ", ours.find("server {"));
  const std::string listen = ours.substr(at, ours.find(';', at) + 1 - at);
  finds_with(other(listen), {"nginx session", "problem", "//members/", "remove that line"});
  finds_with(other(listen), {"nginx identity", "problem", "X.User.Id", "remove that line"});
  auto not_default = other(listen);
  not_default.emplace_back(kServer, "listen unix:second.sock default_server;" + kServer);
  finds_with(not_default, {"nginx session", "problem", "//members/", "remove that line"});
  auto is_default = other(listen);
  is_default.insert(is_default.begin(),
                    {listen, listen.substr(0, listen.size() - 1) + " default_server;"});
  passes_nginx("nginx session", is_default);
  passes_nginx("nginx session", {{kServer, kServer + "} server { " + slashes +
                                               "listen unix:other.sock; } server { " + kServer}});
}

BOOST_AUTO_TEST_CASE(an_address_or_a_password_in_place_of_a_session) {
  const Fault fault{"nginx session", "problem", "satisfy any", "satisfy all;"};
  const std::string any = "satisfy any; allow 127.0.0.1; deny all;";
  for (const std::string& level : {kHttp, kServer, kSample}) {
    finds_with({{level, level + "\n" + any}}, fault);
  }
  finds_in_sample("location /private/in/ { satisfy any; auth_basic x; }", fault);
  passes_nginx("nginx session", {{kHttp, kHttp + any}, {kSample, kSample + "satisfy all;"}});
  passes_nginx("nginx session", {{kOpen, kOpen + any}});
}

BOOST_AUTO_TEST_CASE(what_answers_before_the_check_or_without_it) {
  finds_in_sample("if ($arg_a) { return 200 secret; }",
                  {"nginx session", "problem", "return 200 replies", "root or alias"});
  finds_in_sample("location = /private/a { return 200 secret; }",
                  {"nginx session", "problem", "location = /private/a", "root or alias"});
  for (const char* line :
       {"rewrite ^ /open/a last;", "rewrite ^ /open/a;", "rewrite ^/private/(.*)$ $1.html last;"}) {
    finds_in_sample(line, {"nginx session", "problem", "leaves it before", "write break"});
  }
  finds_in_sample("location /private/in/ { auth_request off; }",
                  {"nginx session", "warning", "/private/in/", "remove its auth_request"});
  for (const char* failure : {"401", "500 502 503", "403", "413", "429", "502 503 504"}) {
    const std::string page = "error_page " + std::string(failure) + " = @app;";
    const std::string app = "location @app { " + kStrip + kPass + " }";
    finds_with({{kSample, app + kSample + page}},
               {"nginx session", "warning", "passes refused requests on", "remove it"});
    passes_nginx("nginx session", {{kSample, "location @app { return 403; }" + kSample + page}});
  }
  const std::string php = "location ~ \\.php$ { " + kStrip + kPass + " }";
  finds_with({{kSample, php + kSample + "error_page 413 = /anon.php;"}},
             {"nginx session", "warning", "error_page 413", "users_auth.conf"});
  finds_with({{kSample, php + kSample + "try_files $uri /index.php;"}},
             {"nginx session", "warning", "which anybody can request directly",
              "write into that one, too"});
  finds_in_sample("error_page 401 = $request_uri;",
                  {"nginx session", "warning", "leads to $request_uri", "make sure"});
  for (const char* line :
       {"return 204;", "return 404;", "return 301 https://x/;", "rewrite ^ /private/a last;",
        "rewrite ^ /open/a break;", "rewrite ^ /open/a permanent;", "rewrite ^ https://x/;",
        "if ($arg_a) { return 403 no; }", "try_files $uri /index.html;",
        "include snippets/users-fcgi/users_cors.conf;"}) {
    passes_in_sample("nginx session", line);
  }
}

BOOST_AUTO_TEST_CASE(a_cache_that_gives_one_users_page_to_another) {
  const std::string path =
      "proxy_cache_path doctor-cache keys_zone=doctor:1m; fastcgi_cache_path doctor-cache/f "
      "keys_zone=other:1m;";
  const auto with = [&](const std::string& level, const std::string& text) {
    return Changes{{kHttp, kHttp + "\n" + path}, {level, level + "\n" + text}};
  };
  const Mend gone([&] { fs::remove_all(state + "/doctor-cache"); });
  const Fault fault{"nginx cache", "problem", "the page of one user to others", "proxy_cache off;"};
  finds_with(with(kSample, "location /private/in/ { proxy_cache doctor; " + kPass + " }"), fault);
  finds_with(with(kSample,
                  "location /private/in/ { fastcgi_cache other; fastcgi_cache_key $uri; "
                  "fastcgi_pass 127.0.0.1:9; }"),
             {"nginx cache", "problem", "the page of one user to others", "fastcgi_cache off;"});
  passes_nginx("nginx cache", with(kSample, "location /private/in/ { proxy_cache doctor; }"));
  passes_nginx("nginx cache", with(kSample,
                                   "location /private/in/ { proxy_cache doctor; proxy_cache_key "
                                   "$users_id$uri; " +
                                       kPass + " }"));
  passes_nginx("nginx cache", with(kOpen, kStrip + "proxy_cache doctor; " + kPass));
}

BOOST_AUTO_TEST_CASE(a_cache_of_the_check_that_does_not_know_the_rule) {
  const Mend gone([&] { fs::remove_all(state + "/doctor-cache"); });
  const auto with = [&](const std::string& key) {
    const auto replace = [](std::string text, const std::string& what, const std::string& by) {
      return boost::replace_all_copy(std::move(text), what, by);
    };
    const std::string check = folder.path() / "users_check.conf";
    const std::string site = folder.path() / "users.conf";
    std::ofstream(check) << replace(read_file("nginx/users_check.conf"),
                                    "include snippets/users-fcgi/users_check_cache.conf;",
                                    "fastcgi_cache doctor; " + key);
    std::ofstream(site) << replace(read_file("nginx/users.conf"),
                                   "snippets/users-fcgi/users_check.conf", check);
    return Changes{{kHttp, kHttp + "\nfastcgi_cache_path doctor-cache keys_zone=doctor:1m;"},
                   {kServer, "include " + site + ";"}};
  };
  const Fault fault{"nginx cache", "problem", "has no rule", "users_check_cache.conf.example"};
  finds_with(with("fastcgi_cache_key $http_authorization$http_cookie;"), fault);
  finds_with(with("set $key $http_authorization$http_cookie; fastcgi_cache_key $key;"), fault);
  passes_nginx("nginx cache", with("fastcgi_cache_key $uri$http_authorization$http_cookie;"));
  passes_nginx("nginx cache", with("set $key $uri$http_authorization$http_cookie; "
                                   "fastcgi_cache_key $key;"));
}

BOOST_AUTO_TEST_CASE(rules_that_cannot_be_met_and_includes_that_miss_one_another) {
  const auto with = [](const std::string& lines) {
    return Changes{{kOpen, "location ^~ /ruled/ { " + lines + " " + kPass + " } " + kOpen}};
  };
  for (const char* wrong : {"group/Staff", "level/3", "age/0", "level/2/level/2", "level", ""}) {
    const std::string check = std::string("auth_request /users/_auth/") + wrong + ";";
    finds_with(with(check + kIdentity),
               {"nginx rules", "problem", check.substr(0, check.size() - 1) + " lets nobody in",
                "correct the rule"});
  }
  finds_with(with("auth_request /users/_authx;" + kIdentity),
             {"nginx rules", "problem", "/users/_authx lets nobody in", "correct the rule"});
  finds_with(with(kIdentity), {"nginx rules", "problem", "everybody gets in", "auth_request"});
  finds_with(with("auth_request /users/_auth/level/2;"),
             {"nginx rules", "warning", "without users_identity.conf", kIdentity});
  for (const std::string& lines :
       {kAuth, "auth_request /users/_auth/group/staff/level/2/age/60;" + kIdentity,
        std::string("include snippets/users-fcgi/users_optional.conf;"), kStrip}) {
    passes_nginx("nginx rules", with(lines));
  }
}

BOOST_AUTO_TEST_CASE(a_group_that_nobody_is_in) {
  const Changes ruled{
      {kOpen, "location ^~ /r/ { auth_request /users/_auth/group/doctor-b,doctor-a; " + kIdentity +
                  kPass + " } " + kOpen}};
  finds_with(ruled, {"groups", "warning", "doctor-a, doctor-b", "users-ctl group add"});
  const Mend gone([] { query("DELETE FROM group_members WHERE name LIKE 'doctor-%'"); });
  query(
      "INSERT INTO users (phone, password, createTime) VALUES ('+8613900009999', 'x', "
      "UTC_TIMESTAMP())");
  const Mend user([] { query("DELETE FROM users WHERE phone = '+8613900009999'"); });
  query(
      "INSERT INTO group_members SELECT id, 'doctor-a' FROM users WHERE phone = '+8613900009999'");
  finds_with(ruled, {"groups", "warning", "nobody is in: doctor-b", "users-ctl group add"});
  query(
      "INSERT INTO group_members SELECT id, 'doctor-b' FROM users WHERE phone = '+8613900009999'");
  passes_nginx("groups", ruled);
}

BOOST_AUTO_TEST_CASE(a_weaker_rule_within_before_or_behind_a_stricter_one) {
  const auto ruled = [](const std::string& rule) {
    return "auth_request /users/_auth/" + rule + "; " + kIdentity;
  };
  struct Pair {
    std::string outer;
    std::string inner;
  };
  const std::vector<Pair> weaker{{"group/staff", "group/staff,editors"},
                                 {"group/staff", "level/2"},
                                 {"level/2", "group/staff"},
                                 {"level/2", "level/1"},
                                 {"age/900", "age/901"},
                                 {"age/900/level/2", "level/2"}};
  const std::vector<Pair> as_strict{{"group/staff,editors", "group/editors"},
                                    {"level/2", "level/2/age/1"},
                                    {"age/900", "age/899"},
                                    {"group/a,b/age/900", "age/900/group/b,a"}};
  const auto nested = [&](const std::string& outer, const std::string& inner) {
    return Changes{{kOpen, "location ^~ /r/ { " + outer + " location ^~ /r/in/ { " + inner + kPass +
                               " } } " + kOpen}};
  };
  for (const auto& [outer, inner] : weaker) {
    finds_with(nested(ruled(outer), ruled(inner)),
               {"nginx session", "warning", "admits more than the location around it",
                "remove its auth_request"});
  }
  finds_with(nested(ruled("level/2"), kAuth),
             {"nginx session", "warning", "admits more", "remove its auth_request"});
  finds_with(nested(ruled("level/2"), "include snippets/users-fcgi/users_optional.conf;"),
             {"nginx session", "warning", "requires no session", "remove its auth_request"});
  for (const auto& [outer, inner] : as_strict) {
    passes_nginx("nginx session", nested(ruled(outer), ruled(inner)));
  }
  passes_nginx("nginx session", nested(kAuth, ruled("level/2")));
  // Nginx advises the identity, not users_auth.conf, which would replace the rule.
  finds_with(nested(ruled("level/2"), "proxy_set_header Host $host;"),
             {"nginx identity", "problem", "location ^~ /r/in/", kIdentity});

  const std::string staff = "location ^~ /r/ { " + ruled("group/staff");
  const std::string app = "location @app { " + kAuth + kPass + " }";
  finds_with({{kOpen, staff + " error_page 413 = @app; } " + app + kOpen}},
             {"nginx session", "warning", "whose rule admits more",
              "auth_request /users/_auth/group/staff;"});
  finds_with({{kOpen, staff + " try_files $uri @app; } " + app + kOpen}},
             {"nginx session", "warning", "which others can request directly",
              "auth_request /users/_auth/group/staff;"});
  finds_with({{kOpen, staff + " rewrite ^ /private/a last; } " + kOpen}},
             {"nginx session", "problem", "leaves it before", "write break"});
  finds_with({{kOpen, "location ~ ^/r/.*png$ { " + kAuth + kPass + " } location /r/ { " +
                          ruled("group/staff") + " } " + kOpen}},
             {"nginx precedence", "warning", "^/r/.*png$", "location ^~ /r/ "});
}

BOOST_AUTO_TEST_CASE(a_location_for_everybody_that_knows_who_it_is) {
  const std::string optional = "include snippets/users-fcgi/users_optional.conf;";
  const auto with = [&](const std::string& lines) {
    return Changes{{kHttp, kHttp + "\nproxy_cache_path doctor-cache keys_zone=doctor:1m;"},
                   {kOpen, "location ^~ /o/ { " + optional + " location ^~ /o/in/ { " + lines +
                               kPass + " } } " + kOpen}};
  };
  const Mend gone([&] { fs::remove_all(state + "/doctor-cache"); });
  finds_with(with("proxy_cache doctor;"),
             {"nginx cache", "problem", "the page of one user to others", "proxy_cache off;"});
  finds_with(with("proxy_set_header A b;"),
             {"nginx identity", "problem", "location ^~ /o/in/", kIdentity});
  finds_with({{kServer, kServer + "\nssl_early_data on;"},
              {kOpen, "location ^~ /o/ { " + optional + kPass + " } " + kOpen}},
             {"nginx early data", "warning", "location ^~ /o/ of", "Early-Data"});
}

BOOST_AUTO_TEST_CASE(a_host_that_does_not_belong_to_the_cookies_domain) {
  environment["USERS_FCGI_SESSION_COOKIE_DOMAIN"] = "example.org";
  const std::string own = "server_name site.test;";
  finds_with({{own, "server_name app.example.org example.com;"}},
             {"cookie domain", "warning", "server_name example.com", "correct one"});
  passes_nginx("cookie domain", {{own, "server_name example.org *.example.org _ ~^a;"}});
}

BOOST_AUTO_TEST_CASE(requests_that_can_be_sent_again_and_limits_that_do_not_count) {
  const std::string early = kServer + "\nssl_early_data on;";
  finds_with({{kServer, early}}, {"nginx early data", "warning", "location ^~ /private/ of",
                                  "proxy_set_header Early-Data $ssl_early_data;"});
  const std::string told = kSample + " proxy_set_header Early-Data $ssl_early_data;";
  passes_nginx("nginx early data", {{kServer, early}, {kSample, told}});

  const std::string zones =
      "limit_req_zone $uri zone=site:1m rate=9r/s; limit_req_zone $uri zone=more:1m rate=9r/s; "
      "limit_conn_zone $uri zone=open:1m;";
  const std::string req = "limit_req zone=site burst=5;";
  const auto with = [&](const std::string& text) {
    return Changes{{kHttp, kHttp + "\n" + zones},
                   {kServer, kServer + "\n" + req + " limit_conn open 9;"},
                   {kSample, kSample + "\n" + text}};
  };
  finds_with(with("limit_req zone=more;"), {"nginx site limits", "warning", "zone site", req});
  finds_with(with("limit_conn users_connections 4;"),
             {"nginx site limits", "warning", "zone open", "limit_conn open 9;"});
  passes_nginx("nginx site limits", with("limit_req zone=more; " + req));
  // users_auth.conf has its own limits.
  finds_with(with(""), {"nginx site limits", "warning", "zone site", req});
  passes_nginx("nginx site limits", with(req));
}

BOOST_AUTO_TEST_CASE(a_location_that_goes_before_a_protected_one) {
  const std::string open = " { " + kStrip + kPass + " }";
  finds_with({{kSample, "location ~* ^/PRIVATE/.*\\.css$" + open + "location /private/ {"}},
             {"nginx precedence", "warning", "^/PRIVATE/", "location ^~ /private/ "});
  const std::string expression = "location ~ \\.pdf$ { " + kAuth + " }";
  finds_with(
      {{kSample, expression + "location ^~ /docs/" + open + kSample}},
      {"nginx precedence", "warning", "/docs/", "write into that one, too: users_auth.conf"});
  finds_with(
      {{kSample, "location ~* ^/members/ { " + kAuth + " } location ^~ /mem" + open + kSample}},
      {"nginx precedence", "warning", "precedence over the protected",
       "write into that one, too: users_auth.conf"});
}

BOOST_AUTO_TEST_CASE(a_regular_expression_at_any_level_and_in_any_file) {
  const std::string png = "location ~ \\.png$ { }";
  const std::string outer = "location /pri { " + kSample;
  // With braces: the sample's end is followed by that of the enclosing location.
  const std::string end = "location / {\n            return 404;";
  finds_with({{end, "}\n" + end}, {kSample, png + outer}},
             {"nginx precedence", "warning", "\\.png$", "location ^~ /pri "});
  const std::string expression = "location ~ ^/private/ { " + kAuth + " }";
  finds_with({{kSample, png + expression + kSample}},
             {"nginx precedence", "warning", "precedence over the protected", "behind"});
  passes_nginx("nginx precedence", {{kSample, expression + png + kSample}});
  passes_nginx("nginx precedence",
               {{kSample, "location =/private/ { " + kAuth + " } " + png +
                              "location ^~/private { " + kAuth + " } " + kSample}});
  const fs::path file = fs::path(state) / "doctor-png.conf";
  const Mend gone([&] { fs::remove(file); });
  std::ofstream(file) << png;
  finds_with({{kSample, "include doctor-*.conf; location /private/ {"}},
             {"nginx precedence", "warning", "location ~ \\.png$ of " + file.string(), kSample});
}

BOOST_AUTO_TEST_SUITE_END()
