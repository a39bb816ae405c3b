// The catalogue of result codes says what the wire promises.
#include "web/result_code.hpp"

#include <fstream>
#include <regex>

#include <boost/test/unit_test.hpp>

namespace users::test {

BOOST_AUTO_TEST_SUITE(result_code)

struct WireCode {
  int code;
  int status;
  std::string_view zh;
  std::string_view en;
};

constexpr WireCode kWire[] = {
    {0, 200, "ok", "ok"},
    {1001, 400, "入参非法", "invalid arguments"},
    {1002, 409, "用户已注册，请直接登录", "already registered, please log in"},
    {1004, 401, "手机号或密码错误", "wrong phone or password"},
    {1005, 403, "验证码错误或已过期", "wrong or expired verification code"},
    {1006, 403, "验证码已失效，请重新获取", "verification code used up, request a new one"},
    {1007, 429, "请求过于频繁，请稍后再试", "too many requests, try again later"},
    {1008, 429, "尝试次数过多，账号暂时锁定", "too many attempts, temporarily locked"},
    {1009, 401, "请先登录", "please log in"},
    {1010, 400, "密码过于简单", "password too weak"},
    {1011, 403, "账号已停用", "account disabled"},
    {1012, 403, "暂不开放注册", "registration is closed"},
    {9000, 500, "服务器内部错误", "internal error"},
    {9001, 503, "服务暂不可用，请稍后再试", "temporarily unavailable"},
    {9002, 404, "接口不存在", "no such resource"},
    {9003, 405, "请求方法不支持", "method not allowed"},
    {9004, 413, "请求体过大", "request too large"},
};

BOOST_AUTO_TEST_CASE(every_code_has_its_status_and_its_texts) {
  for (const WireCode& expected : kWire) {
    const web::ResultCodeRow& row = web::describe(static_cast<ResultCode>(expected.code));
    BOOST_TEST(static_cast<int>(row.code) == expected.code);
    BOOST_TEST_CONTEXT("code " << expected.code) {
      BOOST_TEST(row.http_status == expected.status);
      BOOST_TEST(row.zh == expected.zh);
      BOOST_TEST(row.en == expected.en);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_row_has_the_reserved_code_1003) {
  BOOST_TEST(static_cast<int>(web::describe(static_cast<ResultCode>(1003)).code) != 1003);
}

BOOST_AUTO_TEST_CASE(nginx_answers_its_own_errors_in_the_same_words) {
  std::ifstream file("nginx/users_http.conf");
  const std::regex text(R"re(\s*(\d{4})-(zh|en) "([^"]*)";)re");
  int found = 0;
  std::smatch parts;
  for (std::string line; std::getline(file, line);) {
    if (!std::regex_match(line, parts, text)) continue;
    const web::ResultCodeRow& row = web::describe(static_cast<ResultCode>(std::stoi(parts[1])));
    BOOST_TEST(parts[3].str() == (parts[2] == "zh" ? row.zh : row.en));
    ++found;
  }
  BOOST_TEST(found > 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
