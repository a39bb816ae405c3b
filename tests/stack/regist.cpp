// Registration through nginx, for the tutorial's clients and for others.
#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"

using namespace users::test;

BOOST_AUTO_TEST_SUITE(regist_over_http)

BOOST_AUTO_TEST_CASE(first_ok_then_known) {
  const std::string phone = fresh_phone();
  BOOST_TEST(regist(phone).body == R"({"data":{"code":0,"msg":"ok"}})");
  const HttpReply second = regist(phone);
  BOOST_TEST(second.status == 200);
  BOOST_TEST(second.body == R"({"data":{"code":1002,"msg":"用户已注册，请直接登录"}})");
}

BOOST_AUTO_TEST_CASE(json_is_taken_whatever_its_type_says) {
  for (const char* type :
       {"Content-Type:", "Content-Type;", "Content-Type: text/plain",
        "Content-Type: application/json; charset=\"UTF-8\"",
        "Content-Type: application/x-www-form-urlencoded"}) {  // as curl -d sends it
    BOOST_TEST(
        send(base_url(), {.body = registration(fresh_phone()), .headers = {type}}).code() == 0,
        type);
  }
}

BOOST_AUTO_TEST_CASE(the_row_holds_e164_argon2id_and_utc) {
  const std::string phone = fresh_phone();
  const HttpReply reply = regist(phone);
  const std::string where = " FROM users WHERE phone = '+86" + phone + "'";
  BOOST_TEST(query("SELECT password LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'" + where) == "1");
  BOOST_TEST(query("SELECT ABS(TIMESTAMPDIFF(SECOND, createTime, UTC_TIMESTAMP())) < 60" + where) ==
             "1");
  BOOST_TEST(query("SELECT CONCAT_WS(' ', COUNT(*), event, address, request_id) FROM audit WHERE "
                   "user_id = (SELECT id" +
                   where + ")") == "1 regist 127.0.0.1 " + reply.header("x-request-id"));
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

BOOST_AUTO_TEST_CASE(
    a_weak_password_is_refused_and_leaves_nothing_but_a_known_phone_is_told_first) {
  const std::string phone = fresh_phone();
  const std::string weak[] = {"12345678", "password", phone};
  for (const std::string& password : weak) BOOST_TEST(regist(phone, password).code() == 1010);
  BOOST_TEST(count_users("+86" + phone) == 0);
  BOOST_TEST(regist(phone).code() == 0);
  for (const std::string& password : weak) BOOST_TEST(regist(phone, password).code() == 1002);
}

BOOST_AUTO_TEST_CASE(the_id_of_a_request_is_in_the_log_of_both_sides) {
  const std::string id = regist("x").header("x-request-id");
  BOOST_TEST_REQUIRE(id.size() == 32U);
  for (const char* log : {"nginx-access.log", "users/users.log"}) {
    // nginx writes its line after the reply.
    BOOST_TEST(wait_until(30, [&] {
      return run_command("grep -qF '" + id + "' '" + state_folder() + "/log/" + log + "'").status ==
             0;
    }));
  }
}

BOOST_AUTO_TEST_CASE(at_debug_the_log_names_the_statements_of_a_request) {
  const std::string phone = fresh_phone();
  BOOST_TEST(regist(phone).code() == 0);
  const HttpReply known = regist(phone);
  BOOST_TEST(known.code() == 1002);
  // The worker logs a statement before it replies.
  const std::string found =
      run_command("grep -F '" + known.header("x-request-id") + "' '" + state_folder() +
                  "/log/users/users.log' | grep -oE 'DEBUG .* statement [a-z_]+: [0-9]+ us$' | "
                  "sed 's/.*statement //; s/:.*//'")
          .output;
  BOOST_TEST(found == "find_user_by_phone\n");
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
  for (const std::string& bad :
       {std::string(256, 'k'), std::string("schlüssel"), std::string("7f 9c")}) {
    BOOST_TEST(with_key(bad, "correct horse 42").fields() == "Idempotency-Key", bad);
  }
  BOOST_TEST(count_users("+86" + phone) == 1);
  BOOST_TEST(query("SELECT COUNT(*) FROM audit WHERE user_id = (SELECT id FROM users WHERE phone = "
                   "'+86" +
                   phone + "') AND event = 'regist'") == "1");
}

// Request ids are logged: whoever reads one must not be able to try passwords with it.
BOOST_AUTO_TEST_CASE(a_request_id_is_no_key) {
  const std::string phone = fresh_phone();
  const HttpReply first = regist(phone);
  BOOST_TEST(first.code() == 0);
  const HttpReply again =
      send(base_url(), {.body = registration(phone),
                        .headers = {"Idempotency-Key: " + first.header("x-request-id")}});
  BOOST_TEST(again.code() == 1002);
}

BOOST_AUTO_TEST_CASE(fifty_registrations_of_one_phone_make_one_user) {
  for (int round = 0; round < 3; ++round) BOOST_TEST(make_one_user(50));
}

BOOST_AUTO_TEST_SUITE_END()
