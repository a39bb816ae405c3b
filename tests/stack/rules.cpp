// Locations with rules: who gets in, what others are answered, and what backends are told.
#include <iostream>
#include <regex>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/backend.hpp"
#include "support/nginx_site.hpp"
#include "support/text.hpp"

using namespace users::test;
namespace data = boost::unit_test::data;

namespace {

struct Rule {
  std::string text;                   ///< empty: any session
  std::vector<std::string> groups{};  ///< one of these, if there are any
  int level = 1;
  bool fresh = false;  ///< not older than 15 minutes
};

const std::vector<Rule> kRules{
    {"", {}},
    {"group/staff", {"staff"}},
    {"group/staff,editors", {"staff", "editors"}},
    {"level/2", {}, 2},
    {"age/900", {}, 1, true},
    {"level/2/group/staff", {"staff"}, 2},
    {"age/900/level/2", {}, 2, true},
    {"group/editors,staff/age/900/level/2", {"editors", "staff"}, 2, true},
};
const std::vector<std::string> kProtocols{"proxy", "fastcgi", "uwsgi", "scgi", "grpc"};

std::string check_of(const Rule& rule) {
  return rule.text.empty() ? "include snippets/users-fcgi/users_auth.conf;"
                           : "auth_request /users/_auth/" + rule.text +
                                 "; include snippets/users-fcgi/users_identity.conf;";
}

/// A location for each rule and protocol: /0/proxy/. And more.
std::string servers(const std::string& backend) {
  std::string locations;
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    for (const std::string& protocol : kProtocols) {
      const bool has_params = protocol != "proxy" && protocol != "grpc";
      const std::string to = protocol == "proxy"  ? "http://unix:" + backend
                             : protocol == "grpc" ? "grpc://unix:@FOLDER@/grpc.sock"
                                                  : "unix:" + backend;
      locations += "location ^~ /" + std::to_string(i) + "/" + protocol + "/ { " +
                   (has_params ? "include /etc/nginx/" + protocol + "_params; " : "") +
                   check_of(kRules[i]) + " " + protocol + "_pass " + to + "; }\n";
    }
  }
  int wrongs = 0;
  for (const char* wrong : {"group",
                            "group/",
                            "group/Staff",
                            "group/a,,b",
                            "group/a,",
                            "groups/staff",
                            "level",
                            "level/0",
                            "level/3",
                            "level/02",
                            "level/2x",
                            "age/0",
                            "age/-1",
                            "age/99999999999",
                            "age/1.5",
                            "level/2/level/2",
                            "group/a/group/b",
                            "level/2/",
                            "x",
                            "optional/level/2",
                            "Level/2",
                            "",
                            "/",
                            "optional/"}) {
    locations +=
        "location ^~ /wrong" + std::to_string(wrongs++) + "/ { auth_request /users/_auth/" + wrong +
        "; include snippets/users-fcgi/users_identity.conf; proxy_pass http://unix:" + backend +
        "; }\n";
  }
  locations +=
      "location ^~ /wrong-name/ { auth_request /users/_authx; include "
      "snippets/users-fcgi/users_identity.conf; proxy_pass http://unix:" +
      backend + "; }\n";
  for (const std::string protocol : {"proxy", "fastcgi", "uwsgi", "scgi"}) {
    locations += "location ^~ /optional/" + protocol + "/ { " +
                 (protocol == "proxy" ? "" : "include /etc/nginx/" + protocol + "_params; ") +
                 "include snippets/users-fcgi/users_optional.conf; " + protocol + "_pass " +
                 (protocol == "proxy" ? "http://" : "") + "unix:" + backend + "; }\n";
  }
  // Ways that nginx itself leads into a protected location.
  locations +=
      "location = /by-error { error_page 404 /1/proxy/x; return 404; }\n"
      "location = /by-try { try_files /none /1/proxy/x; }\n"
      "location = /by-rewrite { rewrite ^ /1/proxy/x last; }\n"
      "location = /by-name { error_page 404 = @named; return 404; }\n"
      "location @named { " +
      check_of(kRules[1]) + " proxy_pass http://unix:" + backend +
      "; }\n"
      "location ^~ /nested/ { " +
      check_of(kRules[1]) + " location ^~ /nested/in/ { proxy_pass http://unix:" + backend +
      "; } location ~ \\.png$ { proxy_pass http://unix:" + backend +
      "; } }\n"
      "location = /by-optional { include snippets/users-fcgi/users_optional.conf; error_page "
      "404 /1/proxy/x; try_files /none =404; }\n";
  locations += "location ^~ /own/ { " + check_of(kRules[1]) +
               " proxy_intercept_errors on; proxy_pass http://unix:@FOLDER@/own.sock; }\n";
  return "server { listen unix:@FOLDER@/plain.sock; listen unix:@FOLDER@/tls.sock ssl http2; "
         "ssl_certificate cert.pem; ssl_certificate_key key.pem; set_real_ip_from unix:; "
         "real_ip_header X-Test-Address; include snippets/users-fcgi/users.conf;\n" +
         locations +
         "location / { return 200 'the site'; } }\n"
         // The subrequest of a check has no arguments of its own.
         "server { listen unix:@FOLDER@/rewriting.sock; include snippets/users-fcgi/users.conf; "
         "if ($arg_file = '') { rewrite ^ /front last; } location = /front { return 200 front; } "
         "location = /in { " +
         check_of(kRules[0]) +
         " try_files /cert.pem =404; } root @FOLDER@; }\n"
         "server { listen unix:@FOLDER@/grpc.sock http2; location / { return 200 "
         "'$http_x_user_id,$http_x_user_phone,$http_x_user_level,$http_x_user_groups'; } }\n"
         "server { listen unix:@FOLDER@/own.sock; location / { return 403; } location = /own/401 "
         "{ return 401; } }\n";
}

/// What a session is like; an account of its own for each.
struct Visitor {
  std::string name;
  bool has_session = true;
  std::vector<std::string> groups{};
  int level = 1;
  bool fresh = true;
  std::string header{};
  std::string phone{};
};

/// By the rules' meaning, not by their implementation.
int expected(const Rule& rule, const Visitor& visitor) {
  if (!visitor.has_session) return 1009;
  if (visitor.level < rule.level || (rule.fresh && !visitor.fresh)) return 1014;
  if (rule.groups.empty()) return 0;
  for (const std::string& group : rule.groups) {
    for (const std::string& own : visitor.groups) {
      if (own == group) return 0;
    }
  }
  return 1015;
}

int status_of(int code) {
  return code == 0 ? 200 : code == 1015 ? 403 : 401;
}

Visitor enter(Visitor visitor) {
  if (!visitor.has_session) return visitor;
  Person person;
  person.regist();
  visitor.phone = person.e164();
  visitor.header = "Authorization: Bearer " + person.token();
  for (const std::string& group : visitor.groups) {
    run_script(users_ctl("group add " + person.phone() + " " + group));
  }
  query("UPDATE sessions SET level = " + std::to_string(visitor.level) +
        (visitor.fresh ? "" : ", authTime = authTime - INTERVAL 16 MINUTE") +
        " WHERE user_id = " + id_of(person));
  return visitor;
}

struct Fixture {
  BackendFolder folder;
  Backend backend{folder.socket()};

  [[nodiscard]] static HttpReply ask(const std::string& base, const std::string& path,
                                     std::vector<std::string> headers) {
    headers.emplace_back(kLast);
    return send(base, {.method = "GET", .path = path, .headers = std::move(headers)});
  }
};

std::vector<std::string> with(const Visitor& visitor, std::vector<std::string> headers = {}) {
  if (!visitor.header.empty()) headers.push_back(visitor.header);
  return headers;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(rules, Fixture, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(every_rule_admits_whom_it_means, *boost::unit_test::label("deep")) {
  std::vector<Visitor> visitors{{"nobody", false},
                                {"plain"},
                                {"staff", true, {"staff"}},
                                {"old staff", true, {"staff"}, 1, false},
                                {"editor of level 2", true, {"authors", "editors"}, 2},
                                {"old staff of level 2", true, {"staff", "z"}, 2, false}};
  for (Visitor& visitor : visitors) visitor = enter(visitor);
  int cells = 0;
  for (const bool cached : {false, true}) {
    const NginxSite site(servers(folder.socket().string()), run_folder(), cached);
    for (std::size_t i = 0; i < kRules.size(); ++i) {
      for (const std::string& protocol : kProtocols) {
        for (const std::string& base : {site.plain(), site.secure()}) {
          for (const Visitor& visitor : visitors) {
            BOOST_TEST_CONTEXT(kRules[i].text << ", " << protocol << ", " << base << ", "
                                              << visitor.name << (cached ? ", cached" : "")) {
              backend.take();
              const HttpReply reply =
                  ask(base, "/" + std::to_string(i) + "/" + protocol + "/", with(visitor));
              const int code = expected(kRules[i], visitor);
              // The backend's answer is HTTP, which FastCGI does not accept.
              BOOST_TEST(reply.status ==
                         (code == 0 && protocol == "fastcgi" ? 502 : status_of(code)));
              if (code != 0) BOOST_TEST(reply.code() == code);
              if (protocol != "grpc") BOOST_TEST(backend.take().empty() == (code != 0));
              ++cells;
            }
          }
        }
      }
    }
  }
  std::cout << "rules: " << cells << " cells\n";
}

BOOST_AUTO_TEST_CASE(a_group_counts_from_the_next_request_on) {
  const NginxSite site(servers(folder.socket().string()));
  Person person;
  person.regist();
  const std::string session = "Authorization: Bearer " + person.token();
  const auto status = [&] { return ask(site.plain(), "/1/proxy/", {session}).status; };
  BOOST_TEST(status() == 403);
  run_script(users_ctl("group add " + person.phone() + " staff"));
  BOOST_TEST(status() == 200);
  run_script(users_ctl("group remove " + person.phone() + " staff"));
  BOOST_TEST(status() == 403);
}

BOOST_AUTO_TEST_CASE(a_backend_is_told_level_and_groups_in_every_protocol) {
  const NginxSite site(servers(folder.socket().string()));
  const Visitor visitor = enter({"editor", true, {"editors", "authors"}, 2});
  for (const std::string& protocol : kProtocols) {
    backend.take();
    const HttpReply reply =
        ask(site.secure(), "/3/" + protocol + "/",
            with(visitor, {"X-User-Groups: staff", "X-User-Level: 9", "X_User_Groups: staff"}));
    const std::string told = protocol == "grpc" ? reply.body : backend.take();
    BOOST_TEST(contains(told, "authors,editors"), protocol << ": " << told);
    // uwsgi and scgi write lengths or zeros between a name and its value.
    const std::regex level(protocol == "grpc"    ? "\\" + visitor.phone + ",2,"
                           : protocol == "proxy" ? "X-User-Level: 2\r"
                                                 : "HTTP_X_USER_LEVEL[^0-9A-Z]{0,2}2");
    BOOST_TEST(std::regex_search(told, level), protocol << ": " << told);
    BOOST_TEST(!contains(told, "staff"), protocol << ": " << told);
  }
}

BOOST_AUTO_TEST_CASE(what_there_is_not_is_missing_in_every_protocol) {
  const NginxSite site(servers(folder.socket().string()));
  const auto told = [&](const std::string& protocol, std::vector<std::string> headers) {
    backend.take();
    headers.insert(headers.end(), {"X-User-Id: 7", "X-User-Groups: staff", "X-User-Jwt: a"});
    (void)ask(site.plain(), "/optional/" + protocol + "/", std::move(headers));
    return backend.take();
  };
  const Visitor plain = enter({"plain"});
  for (const std::string protocol : {"proxy", "fastcgi", "uwsgi", "scgi"}) {
    const std::string prefix = protocol == "proxy" ? "X-User-" : "HTTP_X_USER_";
    const std::string stranger = told(protocol, {});
    BOOST_TEST(contains(stranger, kMark), protocol);
    BOOST_TEST(!contains(stranger, prefix), protocol << ": " << stranger);
    const std::string user = told(protocol, with(plain));
    BOOST_TEST(contains(user, prefix + (protocol == "proxy" ? "Id" : "ID")), protocol);
    BOOST_TEST(!contains(user, prefix + (protocol == "proxy" ? "Groups" : "GROUPS")), protocol);
    BOOST_TEST(!contains(user, prefix + (protocol == "proxy" ? "Jwt" : "JWT")), protocol);
  }
}

BOOST_AUTO_TEST_CASE(a_rewrite_of_the_site_does_not_answer_the_check) {
  const NginxSite site(servers(folder.socket().string()));
  const std::string base = "unix:" + site.folder() + "/rewriting.sock";
  const Visitor plain = enter({"plain"});
  BOOST_TEST(ask(base, "/in", with(plain)).body == "front");
  BOOST_TEST(ask(base, "/in?file=1", {}).code() == 1009);
  BOOST_TEST(contains(ask(base, "/in?file=1", with(plain)).body, "CERTIFICATE"));
}

BOOST_AUTO_TEST_CASE(a_typing_error_closes_a_location) {
  const NginxSite site(servers(folder.socket().string()));
  const Visitor visitor = enter({"everything", true, {"a", "b", "staff"}, 2});
  const std::string text = servers("");
  for (auto at = text.find("^~ /wrong"); at != std::string::npos;
       at = text.find("^~ /wrong", at + 1)) {
    const std::string path = text.substr(at + 3, text.find(' ', at + 3) - at - 3);
    const HttpReply reply = ask(site.plain(), path, with(visitor));
    BOOST_TEST(reply.status == 500, path);
    BOOST_TEST(reply.code() == 9000, path);
    BOOST_TEST(ask(site.plain(), path, {}).status == 401, path);
  }
  BOOST_TEST(backend.take() == "");
  BOOST_TEST(run_command("grep -q 'auth_request /users/_auth/group/Staff: .*needs names' "
                         "\"$STATE/log/users/users.log\"")
                 .status == 0);
}

BOOST_AUTO_TEST_CASE(no_way_around_leads_in) {
  const NginxSite site(servers(folder.socket().string()));
  const Visitor plain = enter({"plain", true, {"authors"}});
  const Visitor staff = enter({"staff", true, {"staff"}});
  const std::vector<std::string> paths{"/1/proxy/x",
                                       "//1/proxy/x",
                                       "/1//proxy//x",
                                       "/./1/proxy/x",
                                       "/pub/../1/proxy/x",
                                       "/%31/proxy/x",
                                       "/1%2Fproxy/x",
                                       "/1/proxy/%2e%2e/proxy/x",
                                       "/1/%70roxy/x",
                                       "/1/proxy/x?users_rule=/users/_auth",
                                       "/1/proxy/x?/users/_auth/level/1",
                                       "/1/proxy/x#/4/",
                                       "/4/proxy/..%2f..%2f1/proxy/x",
                                       "/1/proxy/;/x",
                                       "/1/proxy/x%00",
                                       "/1/PROXY/x",
                                       "/1/proxy\\x",
                                       "http://other.test/1/proxy/x",
                                       "/users/_auth/group/staff",
                                       "/users/_auth",
                                       "/users/_auth/optional",
                                       "/by-error",
                                       "/by-try",
                                       "/by-rewrite",
                                       "/by-name",
                                       "/by-optional",
                                       "/nested/x",
                                       "/nested/in/x",
                                       "/nested/x.png",
                                       "/1/fastcgi/x",
                                       "/1/uwsgi/x",
                                       "/1/scgi/x"};
  const std::vector<std::string> headers{"Accept: */*",
                                         "X-Original-URI: /4/proxy/",
                                         "X-Rewrite-URL: /4/proxy/",
                                         "Users-Rule: /users/_auth",
                                         "X-Users-Denied: x",
                                         "X-User-Groups: staff",
                                         "X_User_Groups: staff",
                                         "Upgrade: websocket\r\nConnection: upgrade",
                                         "X-HTTP-Method-Override: GET"};
  const auto ask_raw = [&](const std::string& method, const std::string& path,
                           const std::string& header, const Visitor& visitor) {
    backend.take();
    send_raw(site.plain(), method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n" +
                               visitor.header + "\r\nContent-Length: 0\r\nConnection: close\r\n" +
                               std::string(kLast) + "\r\n\r\n");
    return backend.take();
  };
  int ways = 0;
  for (const std::string& path : paths) {
    for (const std::string method :
         {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "get", "TRACE"}) {
      BOOST_TEST(ask_raw(method, path, headers[0], plain) == "", method << " " << path);
      ++ways;
    }
    for (const std::string& header : headers) {
      BOOST_TEST(ask_raw("GET", path, header, plain) == "", path << ", " << header);
      ++ways;
    }
  }
  std::cout << "rules: " << ways << " ways around\n";
  // A member gets in by those that lead there.
  for (const char* path : {"/1/proxy/x", "//1/proxy/x", "/%31/proxy/x", "/by-error", "/by-try",
                           "/by-rewrite", "/by-name", "/nested/in/x", "/nested/x.png"}) {
    BOOST_TEST(ask_raw("GET", path, headers[0], staff) != "", path);
  }
}

BOOST_AUTO_TEST_CASE(a_browser_is_led_on) {
  const NginxSite site(servers(folder.socket().string()));
  const Visitor plain = enter({"plain"});
  const Visitor old = enter({"old", true, {"staff"}, 1, false});
  const auto led = [&](const std::string& path, const Visitor& visitor) {
    const HttpReply reply = ask(site.plain(), path, with(visitor, {"Accept: text/html"}));
    BOOST_TEST(reply.status == 302);
    return reply.header("location");
  };
  BOOST_TEST(led("/1/proxy/a?b=c", {"nobody", false}) == "/users/?next=/1/proxy/a?b=c");
  BOOST_TEST(led("/1/proxy/a?b=c", plain) == "/users/?next=/1/proxy/a?b=c#denied");
  BOOST_TEST(led("/4/proxy/", old) == "/users/?next=/4/proxy/#confirm");
  // There is no second factor yet.
  BOOST_TEST(led("/3/proxy/", plain) == "/users/?next=/3/proxy/#totp");
  const auto add_passkey = [&](const std::string& rp_id) {
    query(
        "INSERT INTO factors (user_id, kind, secret, credential, rpIdHash, createTime) SELECT id, "
        "'passkey', '', CONCAT(phone, '" +
        rp_id + "'), UNHEX(SHA2('" + rp_id +
        "', 256)), UTC_TIMESTAMP() FROM users WHERE phone = '" + plain.phone + "'");
  };
  // One for another site does not help.
  add_passkey("other.test");
  BOOST_TEST(led("/3/proxy/", plain) == "/users/?next=/3/proxy/#totp");
  add_passkey("localhost");
  BOOST_TEST(led("/3/proxy/", plain) == "/users/?next=/3/proxy/#passkey");
  // Confirming by the password would not help.
  BOOST_TEST(led("/6/proxy/", plain) == "/users/?next=/6/proxy/#passkey");
  const HttpReply text =
      ask(site.plain(), "/1/proxy/", with(plain, {"Accept: text/plain", "Accept-Language: en"}));
  BOOST_TEST(text.status == 403);
  BOOST_TEST(text.body == "code=1015\nmsg=not allowed\n");
}

BOOST_AUTO_TEST_CASE(a_host_may_log_in_at_another_one_which_leads_back) {
  const NginxSite site(servers(folder.socket().string()));
  const auto of = [&](const std::string& host, const std::string& path) {
    return ask(site.plain(), path, {"Host: " + host, "Accept: text/html"});
  };
  BOOST_TEST(of("app.example.org", "/0/proxy/a?b=c").header("location") ==
             "https://id.example.org/users/?next=https://app.example.org/0/proxy/a?b=c");
  BOOST_TEST(of("app.example.org:8443", "/0/proxy/").header("location") ==
             "https://id.example.org/users/?next=https://app.example.org:8443/0/proxy/");
  BOOST_TEST(of("id.example.org", "/0/proxy/").header("location") == "/users/?next=/0/proxy/");
  BOOST_TEST(of("app.example.org.evil.test", "/0/proxy/").header("location") ==
             "/users/?next=/0/proxy/");
  // Its line has no https://, so it logs in here.
  BOOST_TEST(of("plain.example.org", "/0/proxy/").header("location") == "/users/?next=/0/proxy/");
  BOOST_TEST(of("id.example.org", "/users/static/_back?host=app.example.org").code() == 0);
  for (const char* host : {"", "id.example.org", "evil.test", "app.example.org.evil.test",
                           "evil.test/app.example.org", "app.example.org%00", "x.app.example.org",
                           "https://app.example.org", "app.example.org@evil.test"}) {
    BOOST_TEST(of("id.example.org", std::string("/users/static/_back?host=") + host).code() == 9002,
               host);
  }
  // Only the host that it logs in at leads back to it.
  for (const char* host : {"app.example.org", "other.example.org", "example.org"}) {
    BOOST_TEST(of(host, "/users/static/_back?host=app.example.org").code() == 9002, host);
  }
}

BOOST_AUTO_TEST_CASE(a_backends_own_refusal_stays) {
  const NginxSite site(servers(folder.socket().string()));
  const Visitor staff = enter({"staff", true, {"staff"}});
  for (const int status : {401, 403}) {
    const HttpReply reply =
        ask(site.plain(), "/own/" + std::to_string(status), with(staff, {"Accept: text/html"}));
    BOOST_TEST(reply.status == status);
    BOOST_TEST(reply.header("location") == "");
  }
}

BOOST_AUTO_TEST_CASE(a_cached_answer_counts_for_its_rule_alone) {
  const NginxSite site(servers(folder.socket().string()), run_folder(), true);
  const Visitor plain = enter({"plain"});
  // Any token in the right form is asked about.
  const std::string garbage = "Authorization: Bearer " + std::string(43, 'A');
  const auto status = [&](const std::string& path, const std::string& header) {
    return ask(site.plain(), path, {header}).status;
  };
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(status("/optional/proxy/", garbage) == 200);
    BOOST_TEST(status("/0/proxy/", garbage) == 401);
    BOOST_TEST(status("/0/proxy/", plain.header) == 200);
    BOOST_TEST(status("/optional/proxy/", plain.header) == 200);
    BOOST_TEST(status("/1/proxy/", plain.header) == 403);
    BOOST_TEST(status("/4/proxy/", plain.header) == 200);
    BOOST_TEST(status("/3/proxy/", plain.header) == 401);
  }
}

BOOST_AUTO_TEST_CASE(an_optional_location_is_for_all_and_told_who_it_is) {
  const NginxSite site(servers(folder.socket().string()));
  const Visitor visitor = enter({"staff", true, {"staff"}});
  const auto told = [&](std::vector<std::string> headers) {
    backend.take();
    headers.emplace_back("X-User-Id: 999");
    BOOST_TEST(ask(site.plain(), "/optional/proxy/", std::move(headers)).status == 200);
    return backend.take();
  };
  const std::string known = told(with(visitor));
  BOOST_TEST(contains(known, "X-User-Phone: " + visitor.phone), known);
  BOOST_TEST(contains(known, "X-User-Groups: staff"), known);
  for (const std::vector<std::string>& headers : {std::vector<std::string>{},
                                                  {"Authorization: Bearer " + std::string(43, 'A')},
                                                  {"Authorization: Bearer x"}}) {
    const std::string unknown = told(headers);
    BOOST_TEST(!contains(unknown, "X-User"), unknown);
  }
}

BOOST_AUTO_TEST_SUITE_END()
