// Requests a protected location without a session by every method, spelling, protocol and version:
// none reaches the backend.
#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/nginx_site.hpp"
#include "support/person.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

/// The start of all answers of the backend.
constexpr std::string_view kBackend = "user ";

/// An attacker's paths that name the protected location, or might.
const std::vector<std::string> kPaths = words(R"(
    /private/ /private/x /private/x.html /private/x.css /private/favicon.ico /private/?x
    /private/;x /private/#x //private/ ///private/// /./private/ /x/../private/ /%70rivate/
    /privat%65/ /private%2f /%2fprivate/ /private/%2e%2e/private/ /private/../private/ /private/.
    /private/..;/ /private// /private/%20 /private/%09 /users/../private/
    /users/static/../../private/ /users/docs/..%2f..%2fprivate/ /users/_auth/../../private/
    /private/users/_auth /private/users/auth /private/%00 /PRIVATE/ /Private/ /private /private.
    /private%20/ /private%2e/ /private;/ /private\ /\private/ /x/..%2fprivate/ /x/..\private/
    /%252e/private/ http://127.0.0.1/private/)");

const std::vector<std::string> kMethods =
    words("GET HEAD POST PUT DELETE PATCH OPTIONS PROPFIND get Get GETS BREW _");

/// Checks that a reply is not a success and has nothing from the backend.
void check_kept_out(const std::string& reply, const std::string& what) {
  BOOST_TEST(!contains(reply, kBackend), what << " -> " << reply);
  for (const int status : statuses_in(reply)) BOOST_TEST(status >= 300, what << " -> " << reply);
}

struct Fixture {
  const Person person = registered();
  const std::string token = person.token();
  const std::string shown =
      "user " + query("SELECT id FROM users WHERE phone = '" + person.e164() + "'");
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
  // The same path works with a session, so only the session was missing.
  const std::string with = "GET //private/./x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
  const std::string reply =
      send_raw(base_url(), with + "Authorization: Bearer " + token + "\r\n\r\n");
  BOOST_TEST(contains(reply, shown));
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
  BOOST_TEST(contains(send_raw(base_url(), with), shown));
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
  const Site site(run_folder());
  // Status line, headers and body from curl.
  const auto ask = [&](const std::string& options, const std::string& path) {
    return run_command("curl -sk --noproxy '*' --path-as-is -i --max-time 10 " + options + " " +
                       curl_arguments(site.secure(), path))
        .output;
  };
  const std::string bearer = "-H 'Authorization: Bearer " + token + "' ";
  const std::string inside = ask("--http2 " + bearer, "/private/");
  BOOST_TEST(inside.starts_with("HTTP/2 200"));
  BOOST_TEST(inside.ends_with(shown));
  for (const std::string& path : kPaths) {
    if (path.find_first_of("#\\;") != std::string::npos || !path.starts_with('/')) continue;
    const std::string reply = ask("--http2", path);
    BOOST_TEST(reply.starts_with("HTTP/2 "), path << " -> " << reply);
    BOOST_TEST(!contains(reply, kBackend), path << " -> " << reply);
  }
  for (const char* version : {"--http1.0", "--http1.1", "--http2"}) {
    for (const char* options :
         {"", "-X POST -d '{}'", "-X DELETE", "-X OPTIONS", "-H 'X-User-Id: 1' -H 'X_User_Id: 1'",
          "-H 'Host: backend.invalid'", "-H 'Cookie: users=x'", "-H 'Cookie: __Host-users=x'",
          "-H 'Transfer-Encoding: chunked'", "-H 'X-Original-URL: /'"}) {
      const std::string reply = ask(std::string(version) + " " + options, "/private/");
      BOOST_TEST(!contains(reply, kBackend), version << options << " -> " << reply);
      BOOST_TEST(!contains(reply, "the site"), version << options << " -> " << reply);
    }
  }
  // The identity comes from the session here, too.
  const std::string forged =
      ask("--http2 -H 'X-User-Id: 1' -H 'X_User_Id: 1' " + bearer, "/private/");
  BOOST_TEST(forged.ends_with(shown), forged);
  // The site's ssl_protocols refuse older TLS.
  BOOST_TEST(ask("--tls-max 1.1", "/") == "");
}

BOOST_AUTO_TEST_SUITE_END()
