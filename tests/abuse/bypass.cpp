// A protected location asked by every method, spelling, protocol and version without a session:
// none reaches the backend.
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include <boost/test/unit_test.hpp>
#include <unistd.h>

#include "evidence.hpp"
#include "support/daemon.hpp"
#include "support/person.hpp"
#include "support/temporary_directory.hpp"

using namespace users::test;

namespace {

/// What every answer of the backend begins with.
constexpr std::string_view kBackend = "user ";

/// The request lines of an attacker: paths that name the protected location, or might.
const std::vector<std::string> kPaths{"/private/",
                                      "/private/x",
                                      "/private/x.html",
                                      "/private/x.css",
                                      "/private/favicon.ico",
                                      "/private/?x",
                                      "/private/;x",
                                      "/private/#x",
                                      "//private/",
                                      "///private///",
                                      "/./private/",
                                      "/x/../private/",
                                      "/%70rivate/",
                                      "/privat%65/",
                                      "/private%2f",
                                      "/%2fprivate/",
                                      "/private/%2e%2e/private/",
                                      "/private/../private/",
                                      "/private/.",
                                      "/private/..;/",
                                      "/private//",
                                      "/private/%20",
                                      "/private/%09",
                                      "/users/../private/",
                                      "/users/static/../../private/",
                                      "/users/docs/..%2f..%2fprivate/",
                                      "/users/_auth/../../private/",
                                      "/private/users/_auth",
                                      "/private/users/auth",
                                      "/private/%00",
                                      "/PRIVATE/",
                                      "/Private/",
                                      "/private",
                                      "/private.",
                                      "/private%20/",
                                      "/private%2e/",
                                      "/private;/",
                                      "/private\\",
                                      "/\\private/",
                                      "/x/..%2fprivate/",
                                      "/x/..\\private/",
                                      "/%252e/private/",
                                      "http://127.0.0.1/private/"};

const std::vector<std::string> kMethods{"GET",   "HEAD",    "POST",     "PUT", "DELETE",
                                        "PATCH", "OPTIONS", "PROPFIND", "get", "Get",
                                        "GETS",  "BREW",    "_"};

/// What a request without a session brought: nothing of the backend, and no success.
void check_kept_out(const std::string& reply, const std::string& what) {
  BOOST_TEST(reply.find(kBackend) == std::string::npos, what << " -> " << reply);
  for (const int status : statuses_in(reply)) BOOST_TEST(status >= 300, what << " -> " << reply);
}

struct Fixture {
  Person person;
  std::string token;
  std::string shown;

  Fixture() {
    person.regist();
    token = person.token();
    shown = "user " + query("SELECT id FROM users WHERE phone = '" + person.e164() + "'");
  }
};

/// The shipped includes behind TLS and HTTP/2, in front of the stack's workers.
class SecureSite {
 public:
  SecureSite() {
    make_certificate();
    write_configuration();
    const std::string file = (folder_.path() / "nginx.conf").string();
    nginx_ = std::make_unique<Daemon>(
        std::vector<std::string>{"nginx", "-p", folder_.path().string(), "-c", file},
        std::vector<std::string>{}, (folder_.path() / "output.log").string());
    if (!wait_until(10,
                    [this] { return ask("--http2", "/").find("the site") != std::string::npos; })) {
      throw std::runtime_error("nginx does not start with TLS");
    }
  }

  /// Status line, headers and body, as curl shows them.
  [[nodiscard]] std::string ask(const std::string& options, const std::string& path) const {
    return run_command("curl -sk --noproxy '*' --path-as-is -i --max-time 10 " + options +
                       " 'https://127.0.0.1:" + std::to_string(port_) + path + "'")
        .output;
  }
  [[nodiscard]] unsigned port() const { return port_; }

 private:
  void make_certificate() const {
    run_script(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
        "-subj /CN=127.0.0.1 -keyout '" +
        (folder_.path() / "key.pem").string() + "' -out '" +
        (folder_.path() / "cert.pem").string() + "'");
  }

  void write_configuration() const {
    std::ofstream configuration(folder_.path() / "nginx.conf");
    if (::geteuid() == 0) configuration << "user root;\n";
    configuration << "daemon off;\npid nginx.pid;\nerror_log error.log;\nevents { }\nhttp {\n"
                  << "access_log off;\nclient_body_temp_path body; fastcgi_temp_path fastcgi; "
                     "proxy_temp_path proxy; scgi_temp_path scgi; uwsgi_temp_path uwsgi;\n"
                  << "include " << plain_.folder() << "/snippets/users-fcgi/users_http.conf;\n"
                  << "include " << plain_.folder() << "/snippets/users-fcgi/users_site.conf;\n"
                  << "server {\nlisten 127.0.0.1:" << port_ << " ssl http2;\n"
                  << "ssl_certificate cert.pem; ssl_certificate_key key.pem;\n"
                  << "ssl_protocols TLSv1.2 TLSv1.3;\n"
                  << "include snippets/users-fcgi/users.conf;\n"
                  << "location / { return 200 'the site'; }\n"
                  << "location ^~ /private/ {\ninclude snippets/users-fcgi/users_auth.conf;\n"
                  << "proxy_set_header Host backend.invalid;\nproxy_pass http://"
                  << plain_.base_url() << ";\n}\n}\n}\n";
    std::filesystem::create_directory_symlink(plain_.folder() + "/snippets",
                                              folder_.path() / "snippets");
  }

  TemporaryDirectory folder_;
  Site plain_{run_folder()};
  unsigned port_ = free_port();
  std::unique_ptr<Daemon> nginx_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bypass, Fixture)

BOOST_AUTO_TEST_CASE(no_method_and_no_spelling_of_the_path_gets_in) {
  for (const std::string& method : kMethods) {
    for (const std::string& path : kPaths) {
      const std::string line = method + " " + path + " HTTP/1.1";
      check_kept_out(send_raw(base_url(), line + "\r\nHost: x\r\nConnection: close\r\n\r\n"), line);
    }
  }
  // The same with a session gets in, so they were kept out for the want of it.
  const std::string with = "GET //private/./x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
  BOOST_TEST(
      send_raw(base_url(), with + "Authorization: Bearer " + token + "\r\n\r\n").find(shown) !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_older_protocol_gets_in) {
  const std::string upgrade =
      std::string(" HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\n") +
      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
  const std::vector<std::string> older{" HTTP/1.0\r\n\r\n", " HTTP/1.0\r\nHost: sample\r\n\r\n",
                                       "\r\n", " HTTP/0.9\r\n\r\n", upgrade};
  for (const std::string& path : kPaths) {
    for (const std::string& rest : older) {
      check_kept_out(send_raw(base_url(), "GET " + path + rest), path + rest);
    }
  }
  const std::string with = "GET /private/ HTTP/1.0\r\nAuthorization: Bearer " + token + "\r\n\r\n";
  BOOST_TEST(send_raw(base_url(), with).find(shown) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_header_that_names_another_path_method_or_person_gets_in) {
  for (const char* header : {"X-Original-URL: /private/",
                             "X-Rewrite-URL: /private/",
                             "X-Accel-Redirect: /private/",
                             "X-HTTP-Method-Override: GET",
                             "X-User-Id: 1",
                             "X-Forwarded-For: 127.0.0.1",
                             "X-Original-Method: OPTIONS",
                             "Referer: http://127.0.0.1/users/",
                             "Content-Length: 0",
                             "Range: bytes=0-",
                             "If-None-Match: *",
                             "If-Modified-Since: Thu, 01 Jan 2037 00:00:00 GMT",
                             "Expect: 100-continue",
                             "Authorization: Bearer",
                             "Authorization: Bearer null",
                             "Authorization: Basic cm9vdDpyb290",
                             "Cookie: users=",
                             "Cookie: users=; users=x",
                             "Connection: close, Authorization",
                             "Connection: Cookie, close"}) {
    for (const char* path : {"/", "/users/", "/private/"}) {
      const std::string bytes = "GET " + std::string(path) +
                                " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header +
                                "\r\n\r\n";
      BOOST_TEST(send_raw(base_url(), bytes).find(kBackend) == std::string::npos,
                 header << " at " << path);
    }
  }
}

BOOST_AUTO_TEST_CASE(over_tls_and_http_2_the_same_hold) {
  const SecureSite site;
  const std::string bearer = "-H 'Authorization: Bearer " + token + "' ";
  BOOST_TEST(site.ask("--http2 " + bearer, "/private/").find(shown) != std::string::npos);
  BOOST_TEST(site.ask("--http2 " + bearer, "/private/").starts_with("HTTP/2 200"));
  for (const std::string& path : kPaths) {
    if (path.find_first_of("#\\;") != std::string::npos || !path.starts_with('/')) continue;
    const std::string reply = site.ask("--http2", path);
    BOOST_TEST(reply.starts_with("HTTP/2 "), path << " -> " << reply);
    BOOST_TEST(reply.find(kBackend) == std::string::npos, path << " -> " << reply);
  }
  for (const char* version : {"--http1.0", "--http1.1", "--http2"}) {
    for (const char* options :
         {"", "-X POST -d '{}'", "-X DELETE", "-X OPTIONS", "-H 'X-User-Id: 1' -H 'X_User_Id: 1'",
          "-H 'Host: backend.invalid'", "-H 'Cookie: users=x'", "-H 'Cookie: __Host-users=x'",
          "-H 'Transfer-Encoding: chunked'", "-H 'X-Original-URL: /'"}) {
      const std::string reply = site.ask(std::string(version) + " " + options, "/private/");
      BOOST_TEST(reply.find(kBackend) == std::string::npos, version << options << " -> " << reply);
      BOOST_TEST(reply.find("the site") == std::string::npos,
                 version << options << " -> " << reply);
    }
  }
  // The identity of a session is the session's here, too.
  const std::string forged =
      site.ask("--http2 -H 'X-User-Id: 1' -H 'X_User_Id: 1' " + bearer, "/private/");
  BOOST_TEST(forged.ends_with(shown), forged);
  // Older TLS is refused by the site's ssl_protocols.
  BOOST_TEST(site.ask("--tls-max 1.1", "/") == "");
}

BOOST_AUTO_TEST_SUITE_END()
