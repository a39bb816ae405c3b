// users-ctl doctor: settings that open a protected location or forge the user for a backend.

#include "ctl/doctor_site.hpp"

using namespace users::test;

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
                  {"nginx identity", "problem", "a user whom the check has not found", "remove"});
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

BOOST_AUTO_TEST_CASE(a_header_that_tells_the_backend_another_user) {
  const Fault fault{"nginx identity", "problem", "a user whom the check has not found", "remove"};
  for (const char* value : {"$http_x_user_id", "${http_x_user_id}", "$arg_id", "a$http_x",
                            "$users_phone", "$remote_user", "1"}) {
    const std::string header = "proxy_set_header X-User-Id " + std::string(value) + ";";
    finds_in_sample(header, fault);
  }
  for (const char* line :
       {"proxy_set_header x_user-level $arg_level;", "proxy_set_header X-User-Jwt $arg_jwt;"}) {
    finds_in_sample(line, fault);
    finds_with({{kOpen, kOpen + kStrip + line + kPass}}, fault);
  }
  for (const std::string protocol : {"fastcgi", "uwsgi", "scgi"}) {
    const auto with = [&](const std::string& value) {
      return "location /private/in/ { " + kAuth + protocol + "_param HTTP_X_USER_ID " + value +
             "; " + protocol + "_pass 127.0.0.1:9; }";
    };
    finds_in_sample(with("$arg_id"), fault);
    passes_in_sample("nginx identity", with("$users_id"));
  }
  finds_in_sample("location /private/in/ { " + kAuth +
                      "grpc_set_header X-User-Groups staff; grpc_pass 127.0.0.1:9; }",
                  fault);
  for (const char* line :
       {"proxy_set_header X-User-Id $users_id;", "proxy_set_header X-User-Id ${users_id};",
        "proxy_set_header X-User-Id \"\";", "proxy_set_header X-User-Name $arg_id;"}) {
    passes_in_sample("nginx identity", line);
  }
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
  finds_with({{kSample, php + kSample + "location /private/in/ { try_files $uri /i.php?$args; }"}},
             {"nginx session", "warning", "try_files of location /private/in/", "internal"});
  // No client can request a named location, nor an internal one.
  const auto falls_back = [](const std::string& location) {
    return Changes{{kSample, "location @app { " + location + kPass + " } location = /app { " +
                                 location + "internal; " + kPass + " }" + kSample}};
  };
  for (const std::string target : {"@app", "/app"}) {
    auto stripped = falls_back(kStrip);
    stripped[0].second += "try_files $uri " + target + ";";
    finds_with(stripped, {"nginx session", "warning", "whose backend is not told who it is",
                          "write into that one, too: users_auth.conf"});
    for (const auto& row : rows) {
      BOOST_TEST(!contains(row["found"].get<std::string>(), "can request directly"));
    }
    auto checked = falls_back(kAuth);
    checked[0].second += "try_files $uri " + target + ";";
    passes_nginx("nginx session", checked);
  }
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

BOOST_AUTO_TEST_CASE(a_return_that_an_error_page_leads_past_the_check) {
  const std::string app = "location @ws { " + kStrip + kPass + " }";
  for (const char* line :
       {"error_page 418 = @ws; if ($http_upgrade) { return 418; }",
        "error_page 404 = @ws; if ($arg_x) { return 404; }", "error_page 502 404 @ws; return 404;",
        "error_page 302 = @ws; if ($arg_x) { return 302 /x; }"}) {
    finds_with({{kSample, app + kSample + line}},
               {"nginx session", "problem", "leads to location @ws", "users_auth.conf"});
  }
  finds_with({{kSample, app + kSample +
                            "error_page 418 = @ws; location /private/in/ { if ($arg_x) { "
                            "return 418; } }"}},
             {"nginx session", "problem", "in if ($arg_x) in location /private/in/", "users_auth"});
  // With a text, nginx replies itself; and a file is missing only after the check.
  for (const char* line :
       {"error_page 404 = @ws;", "error_page 404 = @ws; if ($arg_x) { return 404 text; }",
        "error_page 404 = @ws; if ($arg_x) { return 204; }",
        "error_page 404 = @ws; if ($arg_x) { return 403; }"}) {
    passes_nginx("nginx session", {{kSample, app + kSample + line}});
  }
  const std::string checked = "location @ws { " + kAuth + kPass + " }";
  passes_nginx("nginx session",
               {{kSample, checked + kSample + "error_page 418 = @ws; return 418;"}});
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
  for (const char* near : {"//users/_auth", "/users/auth", "/users/auth/level/2", "/Users/_auth",
                           "/users_auth", "/users//_auth"}) {
    const std::string check = std::string("auth_request ") + near;
    for (const std::string& identity : {kIdentity, std::string()}) {
      finds_with(with(check + ";" + identity),
                 {"nginx rules", "problem", check + " does not lead to the check",
                  "auth_request /users/_auth;"});
    }
  }
  finds_with(with("auth_request /sso;" + kIdentity),
             {"nginx rules", "problem", "auth_request /sso does not ask users-fcgi",
              "auth_request /users/_auth/RULE;"});
  passes_nginx("nginx rules", with("auth_request /sso;" + kStrip));
  finds_with(with("auth_request /users/_auth/level/2;"),
             {"nginx rules", "warning", "without users_identity.conf", kIdentity});
  for (const std::string& lines :
       {kAuth, "auth_request /users/_auth/group/staff/level/2/age/60;" + kIdentity,
        std::string("include snippets/users-fcgi/users_optional.conf;"), kStrip}) {
    passes_nginx("nginx rules", with(lines));
  }
}

BOOST_AUTO_TEST_CASE(a_mistake_in_the_only_location_of_a_site) {
  const std::string sample = kSample + "\n            " + kAuth;
  finds_with({{sample, kSample + "auth_request /users/auth;" + kIdentity}},
             {"nginx rules", "problem", "/users/auth does not lead to the check", "write:"});
  finds_with({{sample, kSample + kIdentity}},
             {"nginx rules", "problem", "everybody gets in", "auth_request"});
}

BOOST_AUTO_TEST_CASE(a_location_in_a_checked_one_that_drops_what_users_identity_has) {
  const auto in = [](const std::string& lines) {
    return "location /private/in/ { " + lines + " }";
  };
  const std::string page = "error_page 404 /404.html;";
  const std::string variable = "auth_request_set $a $upstream_http_a;";
  finds_in_sample(in(page), {"nginx rules", "warning", "bare 401, not the login", kIdentity});
  finds_in_sample("if ($arg_a) { " + page + " }",
                  {"nginx rules", "warning", "bare 401, not the login", "move it out of the if"});
  finds_in_sample(in(variable + kPass),
                  {"nginx rules", "problem", "its backend is not told who it is", kIdentity});
  finds_in_sample(in(variable),
                  {"nginx rules", "warning", "nginx does not know who it is", kIdentity});
  for (const std::string& lines :
       {kIdentity + page, kIdentity + variable, kAuth + page, std::string("error_page 401 /login;"),
        "auth_request off; " + page, std::string()}) {
    passes_in_sample("nginx rules", in(lines));
  }
  passes_in_sample("nginx rules", page + variable);
  passes_nginx("nginx rules", {{kServer, kServer + page}});
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
             {"nginx session", "warning", "admits more",
              "include users_identity.conf in place of users_auth.conf, unless this is meant"});
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
  const std::string index = "location = /index { " + kAuth + kPass + " }";
  finds_with({{kOpen, staff + " try_files $uri /index; } " + index + kOpen}},
             {"nginx session", "warning", "which others can request directly",
              "auth_request /users/_auth/group/staff; and users_identity.conf; or make it "
              "internal"});
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

BOOST_AUTO_TEST_CASE(a_location_that_refuses_goes_before_a_protected_one) {
  const auto before = [](const std::string& lines) {
    return Changes{{kSample, "location ~ \\.png$ { " + lines + " } location /private/ {"}};
  };
  for (const char* lines :
       {"allow all; deny all;", "allow 10.0.0.0/8; deny all;", "deny 10.0.0.0/8;", "return 200 a;",
        "return 204;", "if ($arg_a) { return 403; }"}) {
    finds_with(before(lines),
               {"nginx precedence", "warning", "takes precedence", "location ^~ /private/ "});
  }
  for (const char* lines : {"deny all;", "deny all; allow all;", "deny 10.0.0.1; deny all;",
                            "return 404;", "return 301 https://x/;", "internal;"}) {
    passes_nginx("nginx precedence", before(lines));
  }
}

BOOST_AUTO_TEST_CASE(a_regular_expression_at_any_level_and_in_any_file) {
  const std::string png = "location ~ \\.png$ { }";
  const std::string outer = "location /pri { " + kSample;
  // With braces: the sample's end is followed by that of the enclosing location.
  finds_with({{kOpen, "}\n" + kOpen}, {kSample, png + outer}},
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
