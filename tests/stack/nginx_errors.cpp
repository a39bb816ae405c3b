// Errors made by nginx and by the workers have the same form and headers.
#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

using namespace users::test;

namespace {

void check(const HttpReply& reply, long status, int code, const std::string& what) {
  BOOST_TEST(reply.status == status, what << ": status " << reply.status);
  BOOST_TEST(reply.code() == code, what << ": " << reply.body);
  BOOST_TEST(reply.header("content-type") == "application/json; charset=utf-8", what);
  BOOST_TEST(reply.header("cache-control") == "no-store", what);
  BOOST_TEST(reply.header("x-content-type-options") == "nosniff", what);
  BOOST_TEST(reply.header("x-request-id").size() == 32U, what);
}

/// Checks status line and body of a raw exchange.
void check_raw(const std::string& request, const std::string& status, const std::string& body) {
  const std::string reply = send_raw(base_url(), request);
  BOOST_TEST(reply.starts_with("HTTP/1.1 " + status), request.substr(0, 60) << " -> " << reply);
  BOOST_TEST(reply.find(body) != std::string::npos, request.substr(0, 60) << " -> " << reply);
}

const std::string kBadRequest = R"({"data":{"code":1001,"fields":["request"],"msg":"入参非法"}})";

}  // namespace

BOOST_AUTO_TEST_SUITE(nginx_errors)

BOOST_AUTO_TEST_CASE(an_unknown_path_is_404) {
  const std::string of_4_kib = "/users/" + std::string(4096, 'p');
  for (const std::string& path :
       {std::string("/users/nothing"), std::string("/users/regist/"), of_4_kib,
        std::string("/users/regist/more"), std::string("/users/../users/x"),
        std::string("/users/_err/json/500"), std::string("/users/.git/config")}) {
    for (const char* method : {"GET", "POST"}) {
      check(send(base_url(), {.method = method, .path = path, .headers = {}}), 404, 9002, path);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_method_is_405_with_allow) {
  for (const char* method : {"GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"}) {
    const HttpReply reply = send(base_url(), {.method = method, .headers = {}});
    check(reply, 405, 9003, method);
    BOOST_TEST(reply.header("allow") == "POST", method);
  }
  // nginx refuses this one itself.
  for (const auto& [path, allow] : {std::pair{"/users/regist", "POST"},
                                    {"/users/auth", "GET, HEAD"},
                                    {"/users/sessions", "GET, HEAD"}}) {
    const HttpReply trace = send(base_url(), {.method = "TRACE", .path = path, .headers = {}});
    BOOST_TEST(trace.status == 405, path);
    BOOST_TEST(trace.code() == 9003, path);
    BOOST_TEST(trace.header("allow") == allow, path);
  }
}

BOOST_AUTO_TEST_CASE(a_body_over_16_kib_is_413_in_chunks_too) {
  check(send(base_url(),
             {.body = std::string(20'000, 'x'), .headers = {"Transfer-Encoding: chunked"}}),
        413, 9004, "chunked");
}

BOOST_AUTO_TEST_CASE(requests_that_cannot_be_parsed_are_400) {
  const std::string host = "\r\nHost: x\r\n";
  check_raw("P\x01ST /users/regist HTTP/1.1" + host + "\r\n", "400", "");
  check_raw("GET /users/%00 HTTP/1.1" + host + "\r\n", "400", kBadRequest);
  check_raw("GET /users/%zz HTTP/1.1" + host + "\r\n", "400", kBadRequest);
  check_raw("GET /users/regist HTTP/1.1\r\n\r\n", "400", kBadRequest);
  check_raw("GET /users/regist HTTP/3.0" + host + "\r\n", "400", kBadRequest);
  check_raw("GET /users/regist HTTP/1.1" + host + "X: " + std::string(40'000, 'x') + "\r\n\r\n",
            "400", kBadRequest);
  check_raw("GET /users/" + std::string(40'000, 'x') + " HTTP/1.1" + host + "\r\n", "400", "");
}

BOOST_AUTO_TEST_CASE(two_lengths_or_bad_chunks_are_400_and_never_a_second_request) {
  const std::string smuggled = "GET /users/health/live HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string head = "POST /users/regist HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& lengths :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + smuggled,
        std::string("Content-Length: -1\r\n\r\n") + smuggled,
        std::string("Content-Length: 99999999999999999999\r\n\r\n") + smuggled,
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + smuggled,
        "Transfer-Encoding: gzip\r\n\r\n" + smuggled}) {
    const std::string reply = send_raw(base_url(), head + lengths);
    BOOST_TEST(reply.starts_with("HTTP/1.1 400"), lengths << " -> " << reply);
    BOOST_TEST(reply.find(kBadRequest) != std::string::npos, lengths << " -> " << reply);
    BOOST_TEST(reply.find("HTTP/1.1", 8) == std::string::npos, lengths << " -> " << reply);
  }
}

BOOST_AUTO_TEST_CASE(the_rest_of_the_site_keeps_its_own_pages) {
  const HttpReply missing = send(base_url(), {.method = "GET", .path = "/other", .headers = {}});
  BOOST_TEST(missing.status == 404);
  BOOST_TEST(missing.body.find("<html>") != std::string::npos);
  const std::string reply = send_raw(base_url(), "GET /other%00 HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(reply.starts_with("HTTP/1.1 400"));
  BOOST_TEST(reply.find("<html>") != std::string::npos);
}

// For languages see spellings.cpp.
BOOST_AUTO_TEST_CASE(errors_of_nginx_have_the_clients_form) {
  BOOST_TEST(send(base_url(), {.body = std::string(20'000, 'x'),
                               .headers = {"Accept: text/plain", "Accept-Language: en"}})
                 .body == "code=9004\nmsg=request too large\n");
}

BOOST_AUTO_TEST_CASE(slashes_and_dots_reach_the_same_place) {
  for (const char* path : {"//users/regist", "//users//regist", "/users/./regist",
                           "/users/../users/./regist", "/users/%72egist"}) {
    BOOST_TEST(send(base_url(), {.path = path, .body = "{}"}).code() == 1001, path);
  }
}

BOOST_AUTO_TEST_CASE(health_and_metrics_are_for_the_sites_own_addresses) {
  for (const char* path : {"/users/health/live", "/users/health/ready", "/users/metrics"}) {
    HttpRequest request{.method = "GET", .path = path, .headers = {}};
    BOOST_TEST(send(base_url(), request).status == 200, path);
    request.source_address = "127.0.0.9";
    const HttpReply refused = send(base_url(), request);
    check(refused, 404, 9002, path);
    BOOST_TEST(refused.body.find("users_") == std::string::npos, path);
  }
}

BOOST_AUTO_TEST_SUITE_END()
