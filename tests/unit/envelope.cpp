// The form of every reply: language, JSON or lines of text, status and headers.
#include "web/envelope.hpp"

#include <boost/test/unit_test.hpp>

namespace users::test {

using web::Reply;
using web::Request;
using web::Result;

Reply rendered(const Result& result, const Request& request = {}, bool always_200 = false) {
  return web::render(result, request, always_200);
}

/// The value of a header; `none` where it is missing, `twice` where it is there more than once.
std::string header(const Reply& reply, std::string_view name) {
  std::string found = "none";
  for (const auto& [key, value] : reply.headers) {
    if (key == name) found = found == "none" ? value : "twice";
  }
  return found;
}

Request in_english() {
  Request request;
  request.language = "en";
  return request;
}

Request in_text() {
  Request request;
  request.form = "text";
  return request;
}

BOOST_AUTO_TEST_SUITE(envelope)

BOOST_AUTO_TEST_CASE(a_json_reply_is_one_object_data) {
  BOOST_TEST(rendered({}).body == R"({"data":{"code":0,"msg":"ok"}})");
  BOOST_TEST(rendered({.code = ResultCode::already_registered}).body ==
             R"({"data":{"code":1002,"msg":"用户已注册，请直接登录"}})");
  BOOST_TEST(rendered({.code = ResultCode::already_registered}, in_english()).body ==
             R"({"data":{"code":1002,"msg":"already registered, please log in"}})");
}

BOOST_AUTO_TEST_CASE(invalid_arguments_are_named) {
  const Result result{.code = ResultCode::invalid_arguments, .fields = {"phone", "code"}};
  BOOST_TEST(rendered(result, in_english()).body ==
             R"({"data":{"code":1001,"fields":["phone","code"],"msg":"invalid arguments"}})");
  BOOST_TEST(rendered(result, in_text()).body == "code=1001\nmsg=入参非法\nfields=phone,code\n");
}

BOOST_AUTO_TEST_CASE(fields_are_there_only_with_invalid_arguments) {
  BOOST_TEST(rendered({.code = ResultCode::invalid_arguments}, in_english()).body ==
             R"({"data":{"code":1001,"fields":[],"msg":"invalid arguments"}})");
  BOOST_TEST(
      rendered({.code = ResultCode::weak_password, .fields = {"password"}}, in_english()).body ==
      R"({"data":{"code":1010,"msg":"password too weak"}})");
}

BOOST_AUTO_TEST_CASE(a_field_name_of_the_client_breaks_no_reply) {
  const Result result{.code = ResultCode::invalid_arguments,
                      .fields = {"\"\\\n", "\xFF", "密码", "a\ncode=0"}};
  BOOST_TEST(rendered(result, in_english()).body ==
             "{\"data\":{\"code\":1001,\"fields\":[\"\\\"\\\\\\n\",\"\uFFFD\",\"密码\","
             "\"a\\ncode=0\"],\"msg\":\"invalid arguments\"}}");
  const std::string text = rendered(result, in_text()).body;
  BOOST_TEST(text.starts_with("code=1001\n"));
  BOOST_TEST(text.find("\ncode=0") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_wait_is_told_in_the_body_and_in_the_header) {
  const Result result{.code = ResultCode::unavailable, .retry_after = 7};
  const Reply reply = rendered(result, in_english());
  BOOST_TEST(reply.body ==
             R"({"data":{"code":9001,"msg":"temporarily unavailable","retry_after":7}})");
  BOOST_TEST(header(reply, "Retry-After") == "7");
  BOOST_TEST(rendered(result, in_text()).body ==
             "code=9001\nmsg=服务暂不可用，请稍后再试\nretry_after=7\n");
}

BOOST_AUTO_TEST_CASE(without_a_wait_nothing_is_said_of_it) {
  const Reply reply = rendered({.code = ResultCode::unavailable});
  BOOST_TEST(header(reply, "Retry-After") == "none");
  BOOST_TEST(reply.body.find("retry_after") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_shell_gets_lines_of_text) {
  const Reply reply = rendered({}, in_text());
  BOOST_TEST(reply.body == "code=0\nmsg=ok\n");
  BOOST_TEST(header(reply, "Content-Type") == "text/plain; charset=utf-8");
}

BOOST_AUTO_TEST_CASE(every_reply_has_the_headers) {
  for (const auto code : {ResultCode::ok, ResultCode::invalid_arguments, ResultCode::internal_error,
                          ResultCode::no_such_resource}) {
    Request request;
    request.request_id = "4f2a";
    const Reply reply = rendered({.code = code}, request);
    BOOST_TEST(header(reply, "Content-Type") == "application/json; charset=utf-8");
    BOOST_TEST(header(reply, "Cache-Control") == "no-store");
    BOOST_TEST(header(reply, "X-Content-Type-Options") == "nosniff");
    BOOST_TEST(header(reply, "X-Request-Id") == "4f2a");
    BOOST_TEST(header(reply, "Allow") == "none");
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_method_is_told_the_right_ones) {
  const Reply reply =
      rendered({.code = ResultCode::method_not_allowed, .headers = {{"Allow", "GET, POST"}}});
  BOOST_TEST(reply.status == 405);
  BOOST_TEST(header(reply, "Allow") == "GET, POST");
}

struct Status {
  ResultCode code;
  int own;
  int for_the_tutorial;
};

BOOST_AUTO_TEST_CASE(clients_of_the_tutorial_get_200_for_what_is_not_the_fault_of_the_server) {
  constexpr Status kTable[] = {
      {ResultCode::ok, 200, 200},
      {ResultCode::invalid_arguments, 400, 200},
      {ResultCode::already_registered, 409, 200},
      {ResultCode::wrong_code, 403, 200},
      {ResultCode::too_many_requests, 429, 200},
      {ResultCode::weak_password, 400, 200},
      {ResultCode::internal_error, 500, 500},
      {ResultCode::unavailable, 503, 503},
      {ResultCode::no_such_resource, 404, 404},
      {ResultCode::method_not_allowed, 405, 405},
      {ResultCode::request_too_large, 413, 413},
  };
  for (const Status& row : kTable) {
    BOOST_TEST_CONTEXT("code " << static_cast<int>(row.code)) {
      BOOST_TEST(rendered({.code = row.code}, {}, false).status == row.own);
      BOOST_TEST(rendered({.code = row.code}, {}, true).status == row.for_the_tutorial);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
