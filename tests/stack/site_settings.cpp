// A site's own settings and its protected locations do not interfere.
#include <fstream>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/cutting_proxy.hpp"
#include "support/nginx_site.hpp"

using namespace users::test;

namespace {

/// A site that compresses, caches, intercepts errors and has its own password check. Its backend
/// echoes the user and the headers it got, and answers /N/ with status N.
constexpr const char* kSite = R"(
  proxy_cache_path   @FOLDER@/proxy_cache   keys_zone=pages:1m;
  fastcgi_cache_path @FOLDER@/fastcgi_cache keys_zone=scripts:1m;
  gzip            on;
  gzip_types      *;
  gzip_min_length 1;
  server {
    server_name example.org www.example.org;
    listen unix:@FOLDER@/plain.sock;
    listen unix:@FOLDER@/tls.sock ssl http2;
    ssl_certificate     cert.pem;
    ssl_certificate_key key.pem;
    ssl_protocols       TLSv1.2 TLSv1.3;
    ssl_early_data      on;
    set_real_ip_from unix:;
    real_ip_header   X-Test-Address;

    proxy_cache         pages;
    proxy_cache_key     $uri;
    proxy_cache_valid   any 1h;
    proxy_ignore_headers Cache-Control Expires Set-Cookie;
    fastcgi_cache       scripts;
    fastcgi_cache_key   $uri;
    fastcgi_cache_valid any 1h;
    fastcgi_ignore_headers Cache-Control Expires Set-Cookie;
    proxy_intercept_errors on;
    error_page 401 403 500 503 /own.html;

    include snippets/users-fcgi/users.conf;

    location = /own.html { internal; return 200 "own page"; }
    location ^~ /members/ {
      include snippets/users-fcgi/users_auth.conf;
      proxy_pass http://unix:@FOLDER@/backend.sock:/;
    }
    location ^~ /hidden/ {
      include snippets/users-fcgi/users_auth.conf;
      include snippets/users-fcgi/users_hide_session.conf;
      proxy_pass http://unix:@FOLDER@/backend.sock:/;
    }
    location ^~ /basic/ {
      include snippets/users-fcgi/users_auth.conf;
      auth_basic           "staff";
      auth_basic_user_file @FOLDER@/passwords;
      proxy_pass http://unix:@FOLDER@/backend.sock:/;
    }
    location ^~ /open/ {
      include snippets/users-fcgi/users_strip.conf;
      proxy_pass http://unix:@FOLDER@/backend.sock:/;
    }
  }
  server {
    listen unix:@FOLDER@/backend.sock;
    location /401/ { return 401 "backend"; }
    location /403/ { return 403 "backend"; }
    location /429/ { return 429 "backend"; }
    location /500/ { return 500 "backend"; }
    location /503/ { return 503 "backend"; }
    location / { return 200 "user $http_x_user_id, cookies [$http_cookie], authorization [$http_authorization]"; }
  }
)";

struct Fixture {
  NginxSite site{kSite};
  std::string phone = fresh_phone();
  std::string token = new_session();
  std::string id = id_of(Person(phone));

  [[nodiscard]] std::string new_session() const {
    send(site.plain(), {.body = registration(phone)});
    const HttpReply login =
        send(site.plain(), {.path = "/users/login", .body = registration(phone)});
    return login.text("token");
  }
  [[nodiscard]] HttpReply ask(const std::string& path, std::vector<std::string> headers = {},
                              const std::string& method = "GET") const {
    return send(site.plain(), {.method = method, .path = path, .headers = std::move(headers)});
  }
  [[nodiscard]] std::string bearer() const { return "Authorization: Bearer " + token; }
  [[nodiscard]] std::string cookie() const { return "Cookie: users=" + token; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(site_settings, Fixture)

BOOST_AUTO_TEST_CASE(no_cache_of_the_site_gives_one_users_page_to_another) {
  const std::string mine = id;
  BOOST_TEST(ask("/members/page", {bearer()}).body.starts_with("user " + mine + ","));
  phone = fresh_phone();
  token = new_session();
  id = id_of(Person(phone));
  BOOST_TEST(id != mine);
  BOOST_TEST(ask("/members/page", {bearer()}).body.starts_with("user " + id + ","));
  BOOST_TEST(ask("/members/page").status == 401);
  // Other locations are cached as before.
  const std::string open = ask("/open/page", {"Authorization: x"}).body;
  BOOST_TEST(ask("/open/page", {"Authorization: y"}).body == open);
}

BOOST_AUTO_TEST_CASE(no_reply_is_compressed_whatever_the_site_does) {
  // Compression would reveal a secret by the length of a reply that also contains chosen text.
  for (const char* path : {"/users/me", "/users/me?optional=true", "/users/sessions"}) {
    const HttpReply reply = ask(path, {bearer(), "Accept-Encoding: gzip"});
    BOOST_TEST(reply.code() == 0, path);
    BOOST_TEST(reply.header("content-encoding") == "", path);
  }
  BOOST_TEST(ask("/users/me", {"Accept-Encoding: gzip"}).code() == 1009);
  BOOST_TEST(ask("/users/none", {"Accept-Encoding: gzip"}).code() == 9002);
  BOOST_TEST(ask("/open/page", {"Accept-Encoding: gzip"}).header("content-encoding") == "gzip");
}

BOOST_AUTO_TEST_CASE(a_status_that_the_backend_chose_is_no_refusal_of_the_check) {
  for (const std::string status : {"401", "403", "429", "500", "503"}) {
    for (const char* accept : {"Accept: */*", "Accept: text/html"}) {
      const HttpReply reply = ask("/members/" + status + "/", {bearer(), accept});
      BOOST_TEST(reply.status == std::stoi(status), accept);
      BOOST_TEST(reply.code() == -1);
      BOOST_TEST(reply.header("location").empty());
    }
  }
  BOOST_TEST(ask("/members/401/").code() == 1009);
  for (const std::vector<std::string>& headers : std::vector<std::vector<std::string>>{
           {}, {"Authorization: Bearer " + std::string(43, 'A')}, {"Accept: text/plain"}}) {
    BOOST_TEST(ask("/members/x", headers).header("www-authenticate") == "Bearer");
  }
  BOOST_TEST(ask("/members/401/", {"Accept: text/html"}).status == 302);
}

BOOST_AUTO_TEST_CASE(a_site_may_ask_for_a_password_of_its_own_beside_the_session) {
  std::ofstream(site.folder() + "/passwords") << "ann:{PLAIN}secret\n";
  const std::string right = "Authorization: Basic YW5uOnNlY3JldA==";
  const std::string wrong = "Authorization: Basic YW5uOndyb25n";
  BOOST_TEST(ask("/basic/x", {right, cookie()}).status == 200);
  for (const char* accept : {"Accept: */*", "Accept: text/html"}) {
    // The site's own refusal is passed on, because the browser must ask for the password.
    for (const std::string& header : {wrong, std::string("X-None: x")}) {
      const HttpReply refused = ask("/basic/x", {header, cookie(), accept});
      BOOST_TEST(refused.status == 401);
      BOOST_TEST(refused.header("www-authenticate") == "Basic realm=\"staff\"");
      BOOST_TEST(refused.header("location").empty());
    }
  }
  BOOST_TEST(ask("/basic/x", {right}).code() == 1009);
  BOOST_TEST(ask("/basic/x", {right, "Accept: text/html"}).status == 302);
}

BOOST_AUTO_TEST_CASE(a_backend_that_is_not_trusted_gets_nothing_that_proves_the_session) {
  const auto told = [&](const std::string& cookies, const std::string& authorization) {
    std::vector<std::string> headers{"Cookie: " + cookies};
    if (!authorization.empty()) headers.push_back("Authorization: " + authorization);
    const std::string body = ask("/hidden/x", headers).body;
    return body.starts_with("user " + id + ", ") ? body.substr(body.find("cookies")) : body;
  };
  const std::string ours = "users=" + token;
  const std::tuple<std::string, std::string, const char*> rows[] = {
      {ours, "", "cookies [], authorization []"},
      {"a=1; " + ours, "", "cookies [a=1], authorization []"},
      {ours + "; b=2", "", "cookies [b=2], authorization []"},
      {"a=1; " + ours + "; b=2", "", "cookies [a=1; b=2], authorization []"},
      {"a=1;" + ours + ";b=2", "", "cookies [a=1;b=2], authorization []"},
      {"xusers=1; " + ours + "; users2=3", "", "cookies [xusers=1; users2=3], authorization []"},
      {"__Host-users=" + token + "; " + ours, "", "cookies [], authorization []"},
      {"a=1; __Host-users=x; b=2; " + ours + "; c=3", "",
       "cookies [a=1; b=2; c=3], authorization []"},
      {ours + "; a=1; __Host-users=x", "", "cookies [a=1], authorization []"},
      {ours + "; __Host-users=x; a=1; __Host-users=y", "", "cookies [], authorization []"},
      {"a=1; users=x; " + ours + "; b=2", "", "cookies [], authorization []"},
      {"a=1", "Bearer " + token, "cookies [a=1], authorization []"},
      {"a=1", "bEARER " + token, "cookies [a=1], authorization []"},
      {ours, "Basic eDp5", "cookies [], authorization [Basic eDp5]"}};
  for (const auto& [cookies, authorization, body] : rows)
    BOOST_TEST(told(cookies, authorization) == body);
  // Without the include they pass.
  BOOST_TEST(ask("/members/x", {cookie()}).body.find(token) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(health_and_metrics_answer_no_name_but_the_servers_own) {
  for (const char* path : {"/users/health/live", "/users/health/ready", "/users/metrics"}) {
    for (const char* host : {"example.org", "EXAMPLE.org:8000", "127.0.0.1", "127.0.0.1:8000",
                             "[::1]:8000", "localhost", "localhost:8000"}) {
      BOOST_TEST(ask(path, {std::string("Host: ") + host}).status == 200, path << " " << host);
    }
    for (const char* host : {"evil.example", "evil.example:8000", "example.org.evil.example",
                             "localhost.evil.example", "127.0.0.1.evil.example", "x"}) {
      BOOST_TEST(ask(path, {std::string("Host: ") + host}).status == 404, path << " " << host);
    }
  }
  BOOST_TEST(ask("/users/health/live", {"Host: 127.0.0.1", "X-Test-Address: 192.0.2.1"}).status ==
             404);
}

/// A relay that passes only a client's hello and early data, so that the handshake never ends.
/// Records as in RFC 8446, 5.1: a type, two bytes of version, two of length.
class HelloAndEarlyData {
 public:
  std::string operator()(std::string_view bytes) {
    constexpr std::size_t kHead = 5;
    constexpr char kApplicationData = 23;
    std::string passed;
    for (waiting_ += bytes; waiting_.size() >= kHead;) {
      const std::size_t length = kHead + static_cast<unsigned char>(waiting_[3]) * 256U +
                                 static_cast<unsigned char>(waiting_[4]);
      if (waiting_.size() < length) break;
      // The first record of this type is the early data.
      const bool is_data = waiting_[0] == kApplicationData;
      if (!is_data || !std::exchange(had_data_, true)) passed += waiting_.substr(0, length);
      waiting_.erase(0, length);
    }
    return passed;
  }

 private:
  std::string waiting_;
  bool had_data_ = false;
};

BOOST_AUTO_TEST_CASE(what_changes_something_is_not_taken_from_early_data) {
  const std::string folder = site.folder();
  // The first connection gets the ticket; the second one sends its request as early data and ends
  // after the reply.
  const std::string client = "timeout 20 openssl s_client -tls1_3 -servername example.org -unix ";
  const auto early = [&](const std::string& method, const std::string& path,
                         const std::string& body) {
    std::ofstream(folder + "/request")
        << method << " " << path
        << " HTTP/1.1\r\nHost: example.org\r\nX-Test-Address: 127.0.0.1\r\nContent-Type: "
           "application/json\r\nContent-Length: "
        << body.size() << "\r\n\r\n"
        << body;
    const CuttingProxy held(folder + "/tls.sock", HelloAndEarlyData());
    return run_command("cd '" + folder +
                       "' && rm -f ticket reply && printf 'GET /users/ HTTP/1.1\\r\\n"
                       "Host: x\\r\\nConnection: close\\r\\n\\r\\n' | " +
                       client +
                       "tls.sock -ign_eof -sess_out ticket >/dev/null 2>&1; : >reply; timeout 20 "
                       "sh -c 'until "
                       "grep -aq HTTP/1.1 reply; do sleep 0.05; done' | " +
                       client + "'" + held.socket() +
                       "' -sess_in ticket -early_data request >reply 2>&1; cat reply")
        .output;
  };
  const std::string login = registration(phone);
  const std::string before = query("SELECT COUNT(*) FROM sessions WHERE user_id = " + id);
  const std::string refused = early("POST", "/users/login", login);
  BOOST_TEST(refused.find("Early data was accepted") != std::string::npos, refused);
  BOOST_TEST(refused.find("HTTP/1.1 425 ") != std::string::npos, refused);
  BOOST_TEST(query("SELECT COUNT(*) FROM sessions WHERE user_id = " + id) == before);
  BOOST_TEST(early("DELETE", "/users/me", "").find("HTTP/1.1 425 ") != std::string::npos);
  const std::string read = early("GET", "/users/openapi.json", "");
  BOOST_TEST(read.find("HTTP/1.1 200 ") != std::string::npos, read);
}

BOOST_AUTO_TEST_SUITE_END()
