// Registration through nginx, as a client of the tutorial's server and as one of ours sees it.
#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

using namespace users::test;

BOOST_AUTO_TEST_SUITE(regist_over_http)

BOOST_AUTO_TEST_CASE(first_ok_then_known_then_incomplete) {
  const std::string phone = fresh_phone();
  const HttpReply first = regist(phone);
  BOOST_TEST(first.status == 200);
  BOOST_TEST(first.body == R"({"data":{"code":0,"msg":"ok"}})");
  const HttpReply second = regist(phone);
  BOOST_TEST(second.status == 200);
  BOOST_TEST(second.body == R"({"data":{"code":1002,"msg":"用户已注册，请直接登录"}})");
  const HttpReply third =
      send(base_url(), {.body = R"({"phone":")" + phone + R"(","password":"correct horse 42"})"});
  BOOST_TEST(third.status == 200);
  BOOST_TEST(third.body == R"({"data":{"code":1001,"fields":["code"],"msg":"入参非法"}})");
}

BOOST_AUTO_TEST_CASE(the_row_holds_e164_argon2id_and_utc) {
  const std::string phone = fresh_phone();
  regist(phone);
  const std::string where = " FROM users WHERE phone = '+86" + phone + "'";
  BOOST_TEST(query("SELECT password LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'" + where) == "1");
  BOOST_TEST(query("SELECT ABS(TIMESTAMPDIFF(SECOND, createTime, UTC_TIMESTAMP())) < 60" + where) ==
             "1");
  BOOST_TEST(
      query("SELECT COUNT(*) FROM audit WHERE event = 'regist' AND address = '127.0.0.1' AND "
            "user_id = (SELECT id" +
            where + ")") == "1");
}

BOOST_AUTO_TEST_CASE(one_number_in_any_spelling_is_one_account) {
  const std::string phone = fresh_phone();
  BOOST_TEST(regist(phone).code() == 0);
  std::string wide;
  for (const char digit : phone)
    wide.append("\xEF\xBC").append(1, static_cast<char>(0x90 + digit - '0'));
  for (const std::string& spelling :
       {"+86" + phone, "+86 " + phone.substr(0, 3) + " " + phone.substr(3), "0086" + phone,
        "86" + phone, phone.substr(0, 3) + "." + phone.substr(3), wide,
        "(" + phone.substr(0, 3) + ") " + phone.substr(3, 4) + "-" + phone.substr(7)}) {
    BOOST_TEST(regist(spelling).code() == 1002, spelling);
  }
  BOOST_TEST(count_users("+86" + phone) == 1);
}

BOOST_AUTO_TEST_CASE(a_form_does_as_well_as_json) {
  const std::string phone = fresh_phone();
  const std::string form = "phone=%2B86" + phone + "&password=correct+horse+42&code=123456";
  const HttpRequest request{.body = form,
                            .headers = {"Content-Type: application/x-www-form-urlencoded"}};
  BOOST_TEST(send(base_url(), request).code() == 0);
  BOOST_TEST(count_users("+86" + phone) == 1);
  // curl -d sends JSON with the form's type.
  BOOST_TEST(send(base_url(), {.body = registration(fresh_phone()),
                               .headers = {"Content-Type: application/x-www-form-urlencoded"}})
                 .code() == 0);
  BOOST_TEST(send(base_url(), {.body = registration(fresh_phone()), .headers = {"Content-Type:"}})
                 .code() == 0);
}

BOOST_AUTO_TEST_CASE(a_password_of_emoji_is_eight_characters) {
  std::string emoji;
  for (const char* one : {"🦊", "🚲", "🌋", "🥨", "🎻", "🐙", "🛶"}) emoji += one;
  BOOST_TEST(regist(fresh_phone(), emoji).fields() == "password");
  BOOST_TEST(regist(fresh_phone(), emoji + "🪁").code() == 0);
}

BOOST_AUTO_TEST_CASE(a_password_is_the_same_in_both_normal_forms) {
  const std::string composed = "caf\u00E9 zw\u00F6lf Jahre";
  const std::string decomposed = "cafe\u0301 zwo\u0308lf Jahre";
  const std::string phone = fresh_phone();
  BOOST_TEST(regist(phone, composed).code() == 0);
  BOOST_TEST(
      send(base_url(), {.path = "/users/login", .body = registration(phone, decomposed)}).code() ==
      0);
  BOOST_TEST(
      send(base_url(), {.path = "/users/login", .body = registration(phone, "cafe zwolf Jahre")})
          .code() == 1004);
}

BOOST_AUTO_TEST_CASE(a_weak_password_is_refused_and_leaves_nothing) {
  const std::string phone = fresh_phone();
  for (const std::string& password : {std::string("12345678"), std::string("password"), phone}) {
    BOOST_TEST(regist(phone, password).code() == 1010);
  }
  BOOST_TEST(count_users("+86" + phone) == 0);
}

BOOST_AUTO_TEST_CASE(shells_get_lines) {
  const HttpReply reply =
      send(base_url(), {.body = "phone=1&password=correct horse 42",
                        .headers = {"Accept: text/plain", "Accept-Language: en",
                                    "Content-Type: application/x-www-form-urlencoded"}});
  BOOST_TEST(reply.body == "code=1001\nmsg=invalid arguments\nfields=code\n");
  BOOST_TEST(reply.header("content-type") == "text/plain; charset=utf-8");
}

BOOST_AUTO_TEST_CASE(every_reply_carries_its_headers_once) {
  const HttpReply reply = regist("x");
  BOOST_TEST(reply.header("content-type") == "application/json; charset=utf-8");
  BOOST_TEST(reply.header("cache-control") == "no-store");
  BOOST_TEST(reply.header("x-content-type-options") == "nosniff");
  BOOST_TEST(reply.header("x-request-id").size() == 32U);
}

BOOST_AUTO_TEST_CASE(the_id_of_a_request_is_in_the_log_of_both_sides) {
  const std::string id = regist("x").header("x-request-id");
  BOOST_TEST_REQUIRE(id.size() == 32U);
  for (const char* log : {"nginx-access.log", "users/users.log"}) {
    // nginx writes its line when the reply has gone.
    BOOST_TEST(wait_until(30, [&] {
      return run_command("grep -qF '" + id + "' '" + state_folder() + "/log/" + log + "'").status ==
             0;
    }));
  }
}

BOOST_AUTO_TEST_CASE(a_retry_with_its_key_is_the_same_registration) {
  const std::string phone = fresh_phone();
  const auto with_key = [&](const std::string& key, const std::string& password) {
    return send(base_url(),
                {.body = registration(phone, password),
                 .headers = {"Idempotency-Key: " + key, "Content-Type: application/json"}});
  };
  BOOST_TEST(with_key("7f9c", "correct horse 42").code() == 0);
  BOOST_TEST(with_key("7f9c", "correct horse 42").code() == 0);
  BOOST_TEST(with_key("7f9d", "correct horse 42").code() == 1002);
  BOOST_TEST(with_key("7f9c", "correct horse 43").code() == 1002);
  BOOST_TEST(with_key(std::string(256, 'k'), "correct horse 42").fields() == "Idempotency-Key");
  BOOST_TEST(with_key("schlüssel", "correct horse 42").fields() == "Idempotency-Key");
  BOOST_TEST(with_key("7f 9c", "correct horse 42").fields() == "Idempotency-Key");
  BOOST_TEST(count_users("+86" + phone) == 1);
}

// Request ids stand in logs, so whoever reads one could try passwords with it.
BOOST_AUTO_TEST_CASE(a_request_id_is_no_key) {
  const std::string phone = fresh_phone();
  const HttpReply first = regist(phone);
  BOOST_TEST(first.code() == 0);
  const HttpReply again =
      send(base_url(), {.body = registration(phone),
                        .headers = {"Idempotency-Key: " + first.header("x-request-id")}});
  BOOST_TEST(again.code() == 1002);
}

BOOST_AUTO_TEST_SUITE_END()
