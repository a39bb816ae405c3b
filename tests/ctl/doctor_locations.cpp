// users-ctl doctor: settings that open a protected location or forge the user for a backend.

#include "ctl/doctor_fixture.hpp"

using namespace users::test;

namespace {

const std::string kHttp = "http {";
const std::string kServer = "include snippets/users-fcgi/users.conf;";
const std::string kSample = "location ^~ /private/ {";
const std::string kOpen = "location / {";
const std::string kAuth = "include snippets/users-fcgi/users_auth.conf;";
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
                    {"nginx identity", "problem", "location /private/in/", kAuth});
  }
  const std::string header = "proxy_set_header Host $host;";
  for (const std::string& lines : {kPass, header + kAuth + kPass, header + kStrip + kPass,
                                   std::string("proxy_pass_request_headers off;") + header + kPass,
                                   std::string("fastcgi_param A b;") + kPass, header}) {
    passes_in_sample("nginx identity", "location /private/in/ { " + lines + " }");
  }
  finds_in_sample("location /private/in/ { auth_request /users/_auth; " + header + kPass + " }",
                  {"nginx identity", "problem", "location /private/in/", "in place of"});
  const std::string id = "proxy_set_header X-User-Id $http_x_user_id;";
  finds_in_sample("location /private/in/ { " + kAuth + id + kPass + " }",
                  {"nginx identity", "problem", "location /private/in/", kAuth});
  const std::string both =
      "proxy_set_header X-User-Id $users_id; proxy_set_header X-User-Phone $users_phone; "
      "proxy_set_header X-User-Level $users_level; proxy_set_header X-User-Groups $users_groups;";
  const std::string by_hand = "location /private/in/ { " + both + kPass + " }";
  passes_in_sample("nginx identity", by_hand);
  finds_with({{kHttp, kHttp + "underscores_in_headers on;"}, {kSample, kSample + by_hand}},
             {"nginx identity", "problem", "location /private/in/", kAuth});
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
               {"nginx session", "warning", "passes requests without a session on", "remove it"});
    passes_nginx("nginx session", {{kSample, "location @app { return 403; }" + kSample + page}});
  }
  const std::string php = "location ~ \\.php$ { " + kStrip + kPass + " }";
  finds_with({{kSample, php + kSample + "error_page 413 = /anon.php;"}},
             {"nginx session", "warning", "error_page 413", "protect that location"});
  finds_with(
      {{kSample, php + kSample + "try_files $uri /index.php;"}},
      {"nginx session", "warning", "which anybody can request directly", "protect that one"});
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
  finds_with({{kSample, expression + "location ^~ /docs/" + open + kSample}},
             {"nginx precedence", "warning", "/docs/", "give that one users_auth.conf"});
  finds_with(
      {{kSample, "location ~* ^/members/ { " + kAuth + " } location ^~ /mem" + open + kSample}},
      {"nginx precedence", "warning", "precedence over the protected", "users_auth.conf, too"});
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
