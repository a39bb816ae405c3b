// Bad input gets a clear reply and changes no table.
#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

using namespace users::test;

namespace {

struct Case {
  const char* name;
  std::string body;
  const char* fields;
};

const std::string kNul(1, '\0');
const std::string kRest = R"(,"password":"correct horse 42","code":"123456"})";

std::string with_phone(const std::string& json_text) {
  return R"({"phone":")" + json_text + '"' + kRest;
}

std::string with_password(const std::string& json_text) {
  return R"({"phone":"13800000001","code":"123456","password":")" + json_text + R"("})";
}

// Invalid phones and codes: spellings.cpp.
const Case kCases[] = {
    {"no body", "", "phone,password,code"},
    {"blank", "  \r\n ", "phone,password,code"},
    {"not JSON", "{phone", "body"},
    {"cut JSON", R"({"phone":"13800000001")", "body"},
    {"JSON with a tail", registration("13800000001") + "x", "body"},
    {"array", R"(["13800000001"])", "body"},
    {"null", "null", "body"},
    {"number", "42", "body"},
    {"text", R"("13800000001")", "body"},
    {"empty object", "{}", "phone,password,code"},
    {"phone only", R"({"phone":"13800000001"})", "password,code"},
    {"a number for text", R"({"phone":13800000001)" + kRest, "phone"},
    {"null for text", R"({"phone":null)" + kRest, "phone"},
    {"an object for text", R"({"phone":{"a":"b"})" + kRest, "phone"},
    {"duplicate key", R"({"phone":"13800000001","phone":"13800000002")" + kRest, "phone"},
    {"duplicate key within", R"({"phone":"13800000001","x":{"a":1,"a":2})" + kRest, "a"},
    {"nesting", R"({"x":[[[[[[[[[]]]]]]]]],"phone":"13800000001")" + kRest, "body"},
    {"2,000 levels", R"({"x":)" + std::string(2000, '[') + std::string(2000, ']') + "}", "body"},
    {"deep nesting", std::string(16000, '['), "body"},
    {"deep nesting in a member", R"({"x":)" + std::string(16000, '['), "body"},
    {"invalid UTF-8", with_phone("138\xff"), "body"},
    {"overlong UTF-8", with_phone("138\xc0\xb1"), "body"},
    {"NUL byte", with_phone("13800000001" + kNul), "body"},
    {"NUL escape", with_phone("13800000001\\u0000"), "phone"},
    {"NUL escape in the password", with_password("correct\\u0000horse 42"), "password"},
    {"lone surrogate", with_phone("\\ud83d"), "body"},
    {"swapped surrogates", with_password("correct horse \\ude00\\ud83d"), "body"},
    {"header injection", with_phone("13800000001\\r\\nX-Evil: 1"), "phone"},
    {"too short a phone", with_phone("1380000000"), "phone"},
    {"too long a phone", with_phone("138000000011"), "phone"},
    {"7 characters", with_password("a9$kL2m"), "password"},
    {"7 emoji", with_password("🦊🚲🌋🥨🎻🐙🛶"), "password"},
    {"129 characters", with_password(std::string(129, 'x')), "password"},
    {"a long password", with_password(std::string(15000, 'x')), "password"},
    {"all bad", registration("x", "y", "z"), "phone,password,code"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(bad_input)

BOOST_AUTO_TEST_CASE(json_that_is_refused_names_its_fields_and_leaves_no_row) {
  const std::string before = query("SELECT COUNT(*) FROM users");
  const auto workers = worker_pids();
  for (const Case& bad : kCases) {
    const HttpReply reply = send(base_url(), {.body = bad.body});
    BOOST_TEST(reply.status == 200, bad.name << ": status " << reply.status);
    BOOST_TEST(reply.code() == 1001, bad.name << ": " << reply.body);
    BOOST_TEST(reply.fields() == bad.fields, bad.name << ": " << reply.fields());
  }
  BOOST_TEST(query("SELECT COUNT(*) FROM users") == before);
  BOOST_TEST(worker_pids() == workers, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(forms_that_are_refused_name_their_fields) {
  const Case cases[] = {
      {"bad escape", "phone=%zz&password=correct+horse+42&code=123456", "body"},
      {"cut escape", "phone=13800000001&password=correct+horse+42&code=12345%3", "body"},
      {"NUL", "phone=13800000001%00&password=correct+horse+42&code=123456", "body"},
      {"invalid UTF-8", "phone=13800000001&password=correct+horse+%ff%fe&code=123456", "body"},
      {"twice", "phone=13800000001&phone=13800000001&password=correct+horse+42&code=123456",
       "phone"},
      {"missing", "phone=13800000001", "password,code"},
  };
  for (const Case& bad : cases) {
    const HttpReply reply =
        send(base_url(),
             {.body = bad.body, .headers = {"Content-Type: application/x-www-form-urlencoded"}});
    BOOST_TEST(reply.code() == 1001, bad.name << ": " << reply.body);
    BOOST_TEST(reply.fields() == bad.fields, bad.name << ": " << reply.fields());
  }
  BOOST_TEST(count_users("+8613800000001") == 0);
}

BOOST_AUTO_TEST_CASE(unknown_members_are_ignored) {
  const std::string phone = fresh_phone();
  const std::string body =
      R"({"nick":"x","age":7,"deep":{"a":[1,2,{"b":null}]},)" + registration(phone).substr(1);
  BOOST_TEST(send(base_url(), {.body = body}).code() == 0);
}

BOOST_AUTO_TEST_CASE(sql_in_the_password_is_only_text) {
  const std::string phone = fresh_phone();
  const std::string before = query("SELECT COUNT(*) FROM users");
  BOOST_TEST(regist(phone, "'); DROP TABLE users; --").code() == 0);
  BOOST_TEST(query("SELECT COUNT(*) FROM users") == std::to_string(std::stoi(before) + 1));
}

BOOST_AUTO_TEST_CASE(identity_headers_and_a_clients_address_are_not_believed) {
  const std::string phone = fresh_phone();
  BOOST_TEST(send(base_url(), {.body = registration(phone),
                               .headers = {"X-Forwarded-For: 203.0.113.9", "X-Real-IP: 203.0.113.9",
                                           "X-User-Id: 1", "Proxy: http://203.0.113.9",
                                           "X-Request-Id: mine-0123456789abcdef",
                                           "Content-Type: application/json"}})
                 .code() == 0);
  BOOST_TEST(query("SELECT address FROM audit ORDER BY id DESC LIMIT 1") == "127.0.0.1");
  BOOST_TEST(query("SELECT request_id FROM audit ORDER BY id DESC LIMIT 1").size() == 32U);
}

BOOST_AUTO_TEST_CASE(no_secret_of_a_request_is_in_any_log) {
  const std::string secret = "Pl4nted-s3cret-horse";
  regist(fresh_phone(), secret);
  regist("x" + fresh_phone(), secret);
  send(base_url(), {.body = registration("13800000001", secret, "918273645546372819")});
  const Command found = run_command("grep -rlE 'Pl4nted|918273645546372819' '" + state_folder() +
                                    "/log' '" + state_folder() + "/mariadb/users'");
  BOOST_TEST(found.output == "");
  const Command phones =
      run_command("grep -hE '\\+861[0-9]{10}' '" + state_folder() + "'/log/users/users.log");
  BOOST_TEST(phones.output == "");
}

BOOST_AUTO_TEST_SUITE_END()
