// The site of nginx/README.md: what it protects, for all protocols that nginx can pass requests by,
// and what backends learn about clients.
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/backend.hpp"
#include "support/nginx_site.hpp"

using namespace users::test;

namespace {

void replace_all(std::string& text, std::string_view what, const std::string& by) {
  BOOST_TEST_REQUIRE(text.find(what) != std::string::npos, what);
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

/// The server block of the README with the test's addresses, plus a location for each other
/// protocol, with and without a session.
std::string server_of_the_readme(const std::string& backend) {
  std::ifstream readme("nginx/README.md");
  std::string server;
  for (std::string line; std::getline(readme, line);) {
    if (!server.empty() || line == "    server {") server += line + "\n";
    if (!server.empty() && line == "    }") break;
  }
  replace_all(server, "listen 443 ssl http2;",
              "listen unix:@FOLDER@/tls.sock ssl http2; listen unix:@FOLDER@/plain.sock; "
              "set_real_ip_from unix:; real_ip_header X-Test-Address;");
  replace_all(server, "/etc/ssl/certs/example.org.pem", "cert.pem");
  replace_all(server, "/etc/ssl/private/example.org.key", "key.pem");
  replace_all(server, "/srv/www", "@FOLDER@/www");
  replace_all(server, "http://127.0.0.1:8080", "http://unix:" + backend);
  replace_all(server, "unix:/run/php/php-fpm.sock", "unix:" + backend);
  replace_all(server, "include fastcgi_params", "include /etc/nginx/fastcgi_params");
  std::string more;
  for (const std::string include : {"auth", "strip"}) {
    for (const std::string protocol : {"fastcgi", "uwsgi", "scgi"}) {
      more += "location /" + include + "/" + protocol + "/ { include /etc/nginx/" + protocol +
              "_params; include snippets/users-fcgi/users_" + include + ".conf; " + protocol +
              "_pass unix:" + backend + "; }\n";
    }
    more += "location /" + include + "/grpc/ { include snippets/users-fcgi/users_" + include +
            ".conf; grpc_pass grpc://unix:@FOLDER@/grpc.sock; }\n";
  }
  server.insert(server.rfind('}'), more);
  return "underscores_in_headers on;\n" + server +
         "server { listen unix:@FOLDER@/grpc.sock http2; location / { return 200 "
         "'user $http_x_user_id, phone $http_x_user_phone'; } }\n";
}

struct Fixture {
  BackendFolder folder;
  Backend backend{folder.socket()};
  NginxSite site{server_of_the_readme(folder.socket().string())};
  std::string phone = fresh_phone();
  std::string session;  ///< a header
  std::string id;

  Fixture() {
    std::filesystem::create_directories(site.folder() + "/www/members");
    std::ofstream(site.folder() + "/www/members/page") << "for members";
    std::ofstream(site.folder() + "/www/page") << "for all";
    for (const char* picture : {"/www/photo.png", "/www/members/photo.png"}) {
      std::ofstream(site.folder() + picture) << "a photo";
    }
    regist(phone);
    session = "Authorization: Bearer " + Person(phone).token();
    id = id_of(Person(phone));
  }

  [[nodiscard]] HttpReply ask(const std::string& path, std::vector<std::string> headers = {},
                              const std::string& method = "GET",
                              const std::string& body = "") const {
    headers.emplace_back(kLast);
    return send(site.secure(),
                {.method = method, .path = path, .body = body, .headers = std::move(headers)});
  }

  [[nodiscard]] std::vector<std::string> with_session(std::vector<std::string> headers) const {
    headers.push_back(session);
    return headers;
  }

  /// What the backend received for a request with these headers.
  std::string told(const std::string& path, std::vector<std::string> headers) {
    backend.take();
    (void)ask(path, std::move(headers));
    return backend.take();
  }
};

const std::vector<std::vector<std::string>> kForged{
    {"X-User-Id: forged", "X-User-Phone: forged"},
    {"x-user-id: forged", "X-USER-PHONE: forged"},
    {"X_User_Id: forged", "X_User_Phone: forged"},
    {"X-User_Id: forged", "X-User_Phone: forged"},
    {"X_User-Id: forged", "x_user-phone: forged"},
    {"X-User-Id: forged", "X-User-Id: forged", "X-User-Phone: forged", "x_user-id: forged"},
    {"X-User-Id;", "X-User-Phone;"}};

bool is_forged(const std::string& text) {
  return text.find("forged") != std::string::npos;
}

/// Number of occurrences of a header or parameter; -1 if one of them has another value. Allows for
/// up to two length bytes in a parameter.
int values_of(const std::string& request, std::string_view header, std::string_view parameter,
              const std::string& value) {
  constexpr std::size_t kLength = 2;
  int times = 0;
  for (const std::string_view name : {header, parameter}) {
    for (auto at = request.find(name); at != std::string::npos; at = request.find(name, at + 1)) {
      if (request.substr(at + name.size(), kLength + value.size()).find(value) ==
          std::string::npos) {
        return -1;
      }
      ++times;
    }
  }
  return times;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(protected_site, Fixture)

BOOST_AUTO_TEST_CASE(a_file_is_served_whole_or_in_part_while_its_reader_has_a_session) {
  BOOST_TEST(ask("/page").body == "for all");
  const HttpReply whole = ask("/members/page", {session});
  BOOST_TEST(whole.status == 200);
  BOOST_TEST(whole.body == "for members");
  const HttpReply part = ask("/members/page", {session, "Range: bytes=4-6"});
  BOOST_TEST(part.status == 206);
  BOOST_TEST(part.body == "mem");
  const HttpReply head = ask("/members/page", {session}, "HEAD");
  BOOST_TEST(head.status == 200);
  BOOST_TEST(head.header("content-length") == "11");
  const HttpReply unchanged =
      ask("/members/page", {session, "If-None-Match: " + whole.header("etag")});
  BOOST_TEST(unchanged.status == 304);

  for (const std::vector<std::string>& without : {std::vector<std::string>{},
                                                  {"Range: bytes=4-6"},
                                                  {"If-None-Match: " + whole.header("etag")},
                                                  {"Authorization: Bearer x"},
                                                  {"Authorization: Basic dXNlcnM6dXNlcnM="}}) {
    for (const char* method : {"GET", "HEAD"}) {
      const HttpReply refused = ask("/members/page", without, method);
      BOOST_TEST(refused.status == 401);
      BOOST_TEST(refused.body.find("mem") == std::string::npos);
    }
  }
  BOOST_TEST(ask("/members/page").code() == 1009);
  const HttpReply browser = ask("/members/page?a=b", {"Accept: text/html"});
  BOOST_TEST(browser.status == 302);
  BOOST_TEST(browser.header("location") == "/users/?next=/members/page?a=b");
}

BOOST_AUTO_TEST_CASE(a_regular_expression_of_the_site_takes_nothing_out_of_a_protected_location) {
  BOOST_TEST(!ask("/photo.png").header("expires").empty());
  BOOST_TEST(ask("/members/photo.png").status == 401);
  const HttpReply shown = ask("/members/photo.png", {session});
  BOOST_TEST(shown.body == "a photo");
  BOOST_TEST(shown.header("expires").empty());
}

BOOST_AUTO_TEST_CASE(an_identity_header_is_no_request_with_a_blank_and_not_dropped_by_connection) {
  const auto told_by = [&](const std::string& path, const std::string& headers) {
    backend.take();
    const std::string reply =
        send_raw(site.plain(), "GET " + path + " HTTP/1.1\r\nHost: example.org\r\n" + session +
                                   "\r\n" + headers + std::string(kLast) + "\r\n\r\n");
    return reply.substr(0, 13) + backend.take();
  };
  const std::string blank = "X-User-Id : 1\r\nConnection: close\r\n";
  BOOST_TEST(told_by("/members/page", blank) == "HTTP/1.1 400 ");
  BOOST_TEST(told_by("/shop/x", blank) == "HTTP/1.1 400 ");
  // nginx only drops headers listed in Connection if told to: the identity stays.
  const std::string request = told_by("/api/x", "Connection: close, X-User-Id, X-User-Phone\r\n");
  BOOST_TEST(values_of(request, "X-User-Id: ", "HTTP_X_USER_ID", id) == 1);
  BOOST_TEST(values_of(request, "X-User-Phone: ", "HTTP_X_USER_PHONE", "+86" + phone) == 1);
}

BOOST_AUTO_TEST_CASE(a_backend_is_told_by_whatever_protocol_whose_session_it_is) {
  for (const char* path :
       {"/api/x", "/live/x", "/php/x", "/auth/fastcgi/x", "/auth/uwsgi/x", "/auth/scgi/x"}) {
    for (const auto& forged : kForged) {
      BOOST_TEST_CONTEXT(path << " with " << forged.front()) {
        const std::string request = told(path, with_session(forged));
        BOOST_TEST(!is_forged(request));
        BOOST_TEST(values_of(request, "X-User-Id: ", "HTTP_X_USER_ID", id) == 1);
        BOOST_TEST(values_of(request, "X-User-Phone: ", "HTTP_X_USER_PHONE", "+86" + phone) == 1);
        // Without a session nothing reaches the backend.
        BOOST_TEST(told(path, forged).empty());
      }
    }
  }
  for (const auto& forged : kForged) {
    BOOST_TEST(ask("/auth/grpc/x", with_session(forged)).body ==
               "user " + id + ", phone +86" + phone);
    BOOST_TEST(ask("/auth/grpc/x", forged).code() == 1009);
  }
}

BOOST_AUTO_TEST_CASE(where_nothing_is_protected_nobody_says_who_he_is) {
  for (const char* path : {"/shop/x", "/strip/fastcgi/x", "/strip/uwsgi/x", "/strip/scgi/x"}) {
    for (const auto& forged : kForged) {
      BOOST_TEST_CONTEXT(path << " with " << forged.front()) {
        const std::string request = told(path, with_session(forged));
        BOOST_TEST(request.find(kMark) != std::string::npos);
        BOOST_TEST(!is_forged(request));
        BOOST_TEST(request.find("+86") == std::string::npos);
      }
    }
  }
  for (const auto& forged : kForged) {
    BOOST_TEST(ask("/strip/grpc/x", forged).body == "user , phone ");
  }
  // Without the include the backend sees it, so the test would notice.
  BOOST_TEST(told("/shop/x", {"X-Forged: forged"}).find("forged") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_websocket_is_opened_with_a_session_only) {
  const auto handshake = [&](const std::string& header) {
    return "GET /live/x HTTP/1.1\r\nHost: example.org\r\nX-Test-Address: 127.0.0.1\r\nConnection: "
           "Upgrade\r\nUpgrade: websocket\r\n" +
           header + std::string(kLast) + "\r\n\r\n";
  };
  const std::string refused = send_raw(site.plain(), handshake("Connection: close\r\n"));
  BOOST_TEST(refused.starts_with("HTTP/1.1 401 "), refused);
  BOOST_TEST(backend.take().empty());

  const int connection = connect_to(site.plain());
  const timeval timeout{10, 0};
  ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  const auto write = [&](const std::string& bytes) {
    return ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  };
  const auto read_until = [&](std::string_view end) {
    std::string bytes;
    char buffer[1024];
    while (bytes.find(end) == std::string::npos) {
      const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      bytes.append(buffer, static_cast<std::size_t>(got));
    }
    return bytes;
  };
  BOOST_TEST(write(handshake(session + "\r\n")));
  BOOST_TEST(read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  BOOST_TEST(write("hello\n"));
  BOOST_TEST(read_until("\n") == "hello\n");
  ::close(connection);
}

BOOST_AUTO_TEST_CASE(a_body_over_our_own_limit_is_the_backends_business) {
  const std::string body(1'000'000, 'x');
  BOOST_TEST(ask("/api/x", {session}, "POST", body).body == "ok");
  const HttpReply refused = ask("/api/x", {}, "POST", body);
  BOOST_TEST(refused.status == 401);
  BOOST_TEST(refused.code() == 1009);
}

BOOST_AUTO_TEST_CASE(a_page_of_an_origin_that_the_site_names_may_ask_in_advance_and_call) {
  const std::string origin = "Origin: https://app.example.org";
  const std::vector<std::string> preflight{origin, "Access-Control-Request-Method: DELETE",
                                           "Access-Control-Request-Headers: authorization"};
  backend.take();
  const HttpReply allowed = ask("/api/x", preflight, "OPTIONS");
  BOOST_TEST(allowed.status == 204);
  BOOST_TEST(allowed.header("access-control-allow-origin") == "https://app.example.org");
  BOOST_TEST(allowed.header("access-control-allow-methods").find("DELETE") != std::string::npos);
  BOOST_TEST(allowed.header("access-control-allow-headers") == "authorization");
  BOOST_TEST(allowed.header("access-control-allow-credentials").empty());
  BOOST_TEST(allowed.header("vary") == "Origin");
  BOOST_TEST(backend.take().empty());

  const HttpReply call = ask("/api/x", {origin, session});
  BOOST_TEST(call.body == "ok");
  BOOST_TEST(call.header("access-control-allow-origin") == "https://app.example.org");
  // A page of an allowed origin can read the refusal, too.
  const HttpReply refused = ask("/api/x", {origin});
  BOOST_TEST(refused.code() == 1009);
  BOOST_TEST(refused.header("access-control-allow-origin") == "https://app.example.org");
}

BOOST_AUTO_TEST_CASE(no_other_page_and_no_other_request_comes_before_the_check) {
  const std::string method = "Access-Control-Request-Method: GET";
  const std::string origin = "Origin: https://app.example.org";
  const std::pair<std::string, std::vector<std::string>> asked[] = {
      {"OPTIONS", {method}},
      {"OPTIONS", {origin}},
      {"OPTIONS", {"Origin: https://evil.invalid", method}},
      {"OPTIONS", {"Origin: https://app.example.org.evil.invalid", method}},
      {"OPTIONS", {"Origin: http://app.example.org", method}},
      {"OPTIONS", {"Origin: null", method}},
      {"GET", {origin, method}},
      {"POST", {origin, method, "X-HTTP-Method-Override: OPTIONS"}}};
  backend.take();
  for (const auto& [verb, headers] : asked) {
    const HttpReply refused = ask("/api/x", headers, verb);
    BOOST_TEST(refused.status == 401, verb << " " << headers.front());
  }
  // Without users_cors.conf there is no answer to a preflight.
  BOOST_TEST(ask("/live/x", {origin, method}, "OPTIONS").status == 401);
  BOOST_TEST(backend.take().empty());
  const HttpReply call = ask("/api/x", {"Origin: https://evil.invalid", session});
  BOOST_TEST(call.body == "ok");
  BOOST_TEST(call.header("access-control-allow-origin").empty());
}

BOOST_AUTO_TEST_CASE(a_foreign_page_changes_nothing_by_its_visitors_cookie) {
  const std::string cookie = "Cookie: users=" + session.substr(session.rfind(' ') + 1);
  const std::string own = "Origin: https://example.org";
  const std::string host = "Host: example.org";
  std::vector<std::vector<std::string>> foreign{
      {"Sec-Fetch-Site: cross-site", own},
      {"Sec-Fetch-Site: same-site", "Origin: https://evil.example"}};
  for (const char* header :
       {"Origin: https://evil.example", "Origin: null", "Origin: https://example.org.evil.example",
        "Sec-Fetch-Site: same-site", "Sec-Fetch-Site: cross-site"}) {
    foreign.push_back({header});
  }
  for (auto headers : foreign) {
    headers.insert(headers.end(), {host, cookie});
    BOOST_TEST_CONTEXT(headers.front()) {
      for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "PROPFIND"}) {
        backend.take();
        const HttpReply refused = ask("/api/x", headers, method, "a=b");
        BOOST_TEST(refused.status == 401, method);
        BOOST_TEST(refused.code() == 1009);
        BOOST_TEST(backend.take().empty());
      }
      // Links from other pages and tokens still work.
      BOOST_TEST(ask("/api/x", headers).body == "ok");
      headers.push_back(session);
      BOOST_TEST(ask("/api/x", headers, "POST", "a=b").body == "ok");
    }
  }
  for (const std::vector<std::string>& headers : std::vector<std::vector<std::string>>{
           {own},
           {"Sec-Fetch-Site: same-origin"},
           {"Sec-Fetch-Site: none"},
           {},
           {"Origin: https://app.example.org", "Sec-Fetch-Site: same-site"}}) {
    auto with = headers;
    with.insert(with.end(), {host, cookie});
    BOOST_TEST(ask("/api/x", with, "POST", "a=b").body == "ok",
               (headers.empty() ? "nothing" : headers.front()));
  }
  // A WebSocket is opened by GET but can do anything.
  const auto handshake = [&](const std::string& headers) {
    return send_raw(site.plain(),
                    "GET /live/x HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade, close\r\n"
                    "Upgrade: websocket\r\n" +
                        cookie + "\r\n" + headers + std::string(kLast) + "\r\n\r\n");
  };
  backend.take();
  BOOST_TEST(handshake("Origin: https://evil.example\r\n").starts_with("HTTP/1.1 401 "));
  BOOST_TEST(handshake("Origin: https://example.org\r\nSec-Fetch-Site: same-site\r\n")
                 .starts_with("HTTP/1.1 401 "));
  BOOST_TEST(backend.take().empty());
}

BOOST_AUTO_TEST_CASE(a_page_that_the_site_lists_may_log_in_and_no_other) {
  const std::string body = registration(phone);
  const auto login = [&](const std::string& origin) {
    return send(site.secure(), {.path = "/users/login",
                                .body = body,
                                .headers = {"Origin: " + origin, "Sec-Fetch-Site: cross-site",
                                            "Host: example.org"}});
  };
  BOOST_TEST(login("https://app.example.org").code() == 0);
  for (const char* other : {"https://app.example.org.evil.invalid", "http://app.example.org",
                            "https://APP.example.org:444", "https://example.org", "null"}) {
    BOOST_TEST(login(other).fields() == "origin", other);
  }
}

BOOST_AUTO_TEST_SUITE_END()
