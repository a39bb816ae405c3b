// What a worker does before and after a handler: it finds the route, checks the origin of the
// request (tokens and cookies: stack/cookie) and renders the reply.
#include <boost/test/unit_test.hpp>

#include "web/credentials.hpp"
#include "web/http.hpp"
#include "web/routes.hpp"

namespace users::test {

using web::Reply;
using web::Request;
using web::Result;

std::optional<bool> told(const std::string& sec_fetch_site, const std::string& origin,
                         bool secure_cookie, const std::string& host = "example.org") {
  Request request;
  request.sec_fetch_site = sec_fetch_site;
  request.origin = origin;
  request.host = host;
  return web::is_same_origin(request, secure_cookie);
}

Reply rendered(const Result& result, const std::string& form = "", bool always_200 = false) {
  Request request;
  request.language = "en";
  request.form = form;
  return web::render(web::Result(result), request, always_200);
}

std::string retry_after(const Reply& reply) {
  std::string found;
  for (const auto& [key, value] : reply.headers) {
    if (key == "Retry-After") found += value;
  }
  return found;
}

BOOST_AUTO_TEST_SUITE(dispatch)

BOOST_AUTO_TEST_CASE(what_the_browser_says_of_the_site_goes_before_the_origin_which_is_of_https) {
  BOOST_TEST((told("", "https://example.org", true) == true));
  BOOST_TEST((told("", "http://example.org", true) == false));
  BOOST_TEST((told("", "http://example.org", false) == true));
  // TLS may end in front of nginx.
  BOOST_TEST((told("", "https://example.org", false) == true));
  for (const char* origin : {"ftp://example.org", "://example.org", "example.org", "null",
                             "HTTPS://example.org", "https://example.org:8443"}) {
    BOOST_TEST((told("", origin, true) == false), origin);
    BOOST_TEST((told("", origin, false) == false), origin);
  }
  BOOST_TEST((told("same-origin", "http://evil.invalid", true) == true));
  BOOST_TEST((told("cross-site", "https://example.org", true) == false));
  BOOST_TEST((told("same-site", "", true) == false));
  BOOST_TEST((told("", "", true) == std::nullopt));
  BOOST_TEST((told("", "https://", true, "") == false));
}

BOOST_AUTO_TEST_CASE(every_row_is_found_under_the_base_path_and_no_two_are_the_same) {
  BOOST_TEST(!web::routes().empty());
  for (const web::Route& route : web::routes()) {
    const std::string path = std::string(web::kBasePath).append(route.path);
    BOOST_TEST((web::find_route(route.method, path) == &route));
    BOOST_TEST(web::allowed_methods(path).find(route.method) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(any_other_path_has_no_route_and_no_methods) {
  for (const auto* path :
       {"", "/", "regist", "/regist", "/users", "/users/", "/users/regist/", "/users//regist",
        "/users/registration", "/users/regis", "/Users/regist", "/users/REGIST", "/users/health",
        "/users/health/live/x", "/other/users/regist", "users/regist", "/users/regist?a=b"}) {
    BOOST_TEST_CONTEXT(path) {
      BOOST_TEST((web::find_route("POST", path) == nullptr));
      BOOST_TEST((web::find_route("GET", path) == nullptr));
      BOOST_TEST(web::allowed_methods(path) == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(another_method_has_no_route_but_is_told_which_have_and_head_is_as_get) {
  for (const auto* method : {"", "GET", "PUT", "post", "POST ", "OPTIONS"}) {
    BOOST_TEST((web::find_route(method, "/users/regist") == nullptr));
  }
  BOOST_TEST(web::allowed_methods("/users/regist") == "POST");
  BOOST_TEST(web::allowed_methods("/users/health/live") == "GET, HEAD");
  BOOST_TEST(web::allowed_methods("/users/factors/17") == "DELETE");
  BOOST_TEST(web::allowed_methods("/users/factors/totp") == "POST");
  BOOST_TEST((web::find_route("DELETE", "/users/factors/totp") == nullptr));
  BOOST_TEST((web::find_route("HEAD", "/users/me") == web::find_route("GET", "/users/me")));
  BOOST_TEST((web::find_route("HEAD", "/users/regist") == nullptr));
}

BOOST_AUTO_TEST_CASE(fields_are_there_only_with_invalid_arguments) {
  BOOST_TEST(rendered({.code = ResultCode::invalid_arguments}).body ==
             R"({"data":{"code":1001,"fields":[],"msg":"invalid arguments"}})");
  BOOST_TEST(rendered({.code = ResultCode::weak_password, .fields = {"password"}}).body ==
             R"({"data":{"code":1010,"msg":"password too weak"}})");
}

BOOST_AUTO_TEST_CASE(a_field_name_of_the_client_breaks_no_reply) {
  const Result result{.code = ResultCode::invalid_arguments,
                      .fields = {"\"\\\n", "\xFF", "密码", "a\ncode=0"}};
  BOOST_TEST(rendered(result).body ==
             "{\"data\":{\"code\":1001,\"fields\":[\"\\\"\\\\\\n\",\"\uFFFD\",\"密码\","
             "\"a\\ncode=0\"],\"msg\":\"invalid arguments\"}}");
  const std::string text = rendered(result, "text").body;
  BOOST_TEST(text.starts_with("code=1001\n"));
  BOOST_TEST(text.find("\ncode=0") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_wait_is_told_in_the_body_and_in_the_header) {
  const Result result{.code = ResultCode::unavailable, .retry_after = 7};
  BOOST_TEST(rendered(result).body ==
             R"({"data":{"code":9001,"msg":"temporarily unavailable","retry_after":7}})");
  BOOST_TEST(rendered(result, "text").body ==
             "code=9001\nmsg=temporarily unavailable\nretry_after=7\n");
  BOOST_TEST(retry_after(rendered(result)) == "7");
  const Reply without = rendered({.code = ResultCode::unavailable});
  BOOST_TEST(retry_after(without) == "");
  BOOST_TEST(without.body.find("retry_after") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(clients_of_the_tutorial_get_200_for_what_is_not_the_fault_of_the_server) {
  struct Row {
    ResultCode code;
    int own;
    int for_the_tutorial;
  };
  for (const Row& row : {Row{ResultCode::ok, 200, 200},
                         {ResultCode::invalid_arguments, 400, 200},
                         {ResultCode::already_registered, 409, 200},
                         {ResultCode::wrong_code, 403, 200},
                         {ResultCode::too_many_requests, 429, 200},
                         {ResultCode::weak_password, 400, 200},
                         {ResultCode::internal_error, 500, 500},
                         {ResultCode::unavailable, 503, 503},
                         {ResultCode::no_such_resource, 404, 404},
                         {ResultCode::method_not_allowed, 405, 405},
                         {ResultCode::request_too_large, 413, 413}}) {
    BOOST_TEST_CONTEXT("code " << static_cast<int>(row.code)) {
      BOOST_TEST(rendered({.code = row.code}, "", false).status == row.own);
      BOOST_TEST(rendered({.code = row.code}, "", true).status == row.for_the_tutorial);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
