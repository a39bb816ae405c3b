// What a client can make nginx pass to a worker: only the named headers, and no other parameter.
// The site's own includes run in front of a pool that records what it receives.
#include <algorithm>
#include <set>

#include <boost/test/unit_test.hpp>

#include "fake_pool.hpp"
#include "support/nginx_site.hpp"
#include "support/stack.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

/// All parameters of users_fastcgi_params.
const auto kNamed = words(
    run_script("sed -n 's/^fastcgi_param *\\([A-Z_]*\\) .*/\\1/p' nginx/users_fastcgi_params"));

struct Fixture {
  FakePool pool;
  Site site{pool.folder()};
  int clients = 0;
  std::string from{};

  /// What a worker receives for a POST with these headers; empty if nginx refused it. Each request
  /// has its own address, so no limit counts them together.
  FakePool::Parameters told(const std::string& path, std::vector<std::string> headers) {
    ++clients;
    from = "127.2." + std::to_string(clients / 250) + "." + std::to_string(1 + clients % 250);
    send(site.plain(),
         {.path = path, .body = "{}", .headers = std::move(headers), .source_address = from});
    const auto requests = pool.take_requests();
    return requests.size() == 1 ? requests.front() : FakePool::Parameters{};
  }

  static std::string value_of(const FakePool::Parameters& parameters, const std::string& name) {
    std::string value;
    for (const auto& [each, its] : parameters) {
      if (each == name) value += value.empty() ? its : " | " + its;
    }
    return value;
  }

  void check_named(const FakePool::Parameters& parameters, const std::string& what) const {
    BOOST_TEST(!parameters.empty(), what << ": no request came");
    std::set<std::string> seen;
    for (const auto& [name, value] : parameters) {
      BOOST_TEST(std::ranges::count(kNamed, name) == 1, what << ": " << name << " = " << value);
      BOOST_TEST(seen.insert(name).second, what << ": " << name << " is there twice");
    }
    BOOST_TEST(value_of(parameters, "REMOTE_ADDR") == from, what);
    BOOST_TEST(value_of(parameters, "CONTENT_LENGTH") == "2", what);
    BOOST_TEST(value_of(parameters, "REQUEST_ID").size() == 32U, what);
  }
};

const std::vector<std::string> kHostile = words(R"(
    Proxy:http://evil.invalid X-User-Id:1 X_User_Id:1 X-User_Phone:1 Remote-Addr:198.51.100.1
    Remote_Addr:198.51.100.1 Request-Id:mine REQUEST_ID:mine X-Request-Id:mine
    Script-Filename:/etc/passwd Document-Uri:/users/metrics DOCUMENT_URI:/users/metrics
    Request-Method:DELETE X-HTTP-Method-Override:DELETE X-Original-URL:/users/metrics
    X-Rewrite-URL:/users/metrics X-Forwarded-For:198.51.100.1 Forwarded:for=198.51.100.1
    X-Forwarded-Host:evil.invalid X-Forwarded-Proto:https HTTPS:on Https:on Content_Length:99
    Content_Type:text/html Http-Authorization:Bearer HTTP_AUTHORIZATION:Bearer
    HTTP_COOKIE:users=x LD_PRELOAD:/tmp/evil.so USERS_FCGI_VERIFICATION:format
    FCGI_ROLE:AUTHORIZER Auth-Type:Basic Remote-User:root Trailer:X-User-Id Upgrade:h2c
    Range:bytes=0-1)");

}  // namespace

BOOST_FIXTURE_TEST_SUITE(parameters, Fixture)

BOOST_AUTO_TEST_CASE(no_header_becomes_a_parameter_that_is_not_named) {
  for (const char* path : {"/users/regist", "/users/login", "/users/me", "/users/sessions"}) {
    for (const std::string& header : kHostile) check_named(told(path, {header}), header);
    const FakePool::Parameters all = told(path, kHostile);
    check_named(all, "all of them");
    BOOST_TEST(value_of(all, "REQUEST_METHOD") == "POST");
    BOOST_TEST(value_of(all, "DOCUMENT_URI") == path);
    BOOST_TEST(value_of(all, "HTTP_AUTHORIZATION") == "");
    BOOST_TEST(value_of(all, "HTTP_COOKIE") == "");
  }
}

BOOST_AUTO_TEST_CASE(a_header_that_is_there_twice_is_one_parameter) {
  for (const std::string& header :
       words("Idempotency-Key User-Agent Origin Sec-Fetch-Site Cookie Authorization Content-Type "
             "X-Users-Account")) {
    const auto once = told("/users/login", {header + ": a"});
    check_named(once, header);
    // Refused, or passed once: never two of which one layer uses the first and another the last.
    const auto twice = told("/users/login", {header + ": a", header + ": b"});
    if (!twice.empty()) check_named(twice, header);
  }
}

BOOST_AUTO_TEST_CASE(the_check_of_a_protected_location_asks_its_own_question) {
  send_raw(site.plain(),
           "DELETE /private/x?purpose=y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
           "X-HTTP-Method-Override: POST\r\nX-Original-URL: /users/logout\r\nProxy: x\r\n"
           "X_User_Id: 1\r\nX-Users-Account: 1\r\nAuthorization: Bearer " +
               std::string(43, 't') +
               "\r\nUpgrade: websocket\r\nUSERS-LISTED-ORIGIN: https://evil.invalid\r\n"
               "Users-Checked-Method: GET\r\nOrigin: https://evil.invalid\r\n"
               "Content-Length: 2\r\n\r\n{}");
  const auto requests = pool.take_requests();
  BOOST_TEST_REQUIRE(requests.size() == 1U);
  const auto& asked = requests.front();
  const auto named = words(R"(
      REQUEST_METHOD DOCUMENT_URI CONTENT_LENGTH REMOTE_ADDR REQUEST_ID HTTP_HOST
      SERVER_NAME HTTP_AUTHORIZATION HTTP_ORIGIN USERS_CHECKED_METHOD USERS_CHECKED_UPGRADE)");
  for (const auto& [name, value] : asked)
    BOOST_TEST(std::ranges::count(named, name) == 1, name << " = " << value);
  BOOST_TEST(asked.size() == named.size());
  BOOST_TEST(value_of(asked, "REQUEST_METHOD") == "GET");
  BOOST_TEST(value_of(asked, "DOCUMENT_URI") == "/users/_auth");
  BOOST_TEST(value_of(asked, "CONTENT_LENGTH") == "0");
  // Tells whether the checked request changes something for another site's page.
  BOOST_TEST(value_of(asked, "USERS_CHECKED_METHOD") == "DELETE");
  BOOST_TEST(value_of(asked, "USERS_CHECKED_UPGRADE") == "websocket");
}

BOOST_AUTO_TEST_CASE(a_path_reaches_a_worker_decoded_and_without_its_query) {
  const auto plain = told("/users/login?phone=13800000001&password=in-the-address", {});
  check_named(plain, "query");
  BOOST_TEST(value_of(plain, "DOCUMENT_URI") == "/users/login");
  for (const auto& [name, value] : plain) {
    BOOST_TEST(!contains(value, "in-the-address"), name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
