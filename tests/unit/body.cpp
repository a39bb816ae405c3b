// Parses arguments: JSON, forms, and everything that is neither.
#include "web/body.hpp"

#include <boost/test/unit_test.hpp>

namespace users::test {

using namespace std::string_view_literals;
using web::Arguments;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kJson = "application/json";

Arguments parse(std::string_view body, std::string_view content_type = kForm) {
  web::Request request;
  request.content_type = content_type;
  request.body = body;
  return web::parse_body(request);
}

/// The fields that `refused` names, joined by commas.
std::string blamed(const web::InvalidArguments& refused) {
  std::string text;
  for (const std::string& field : refused.fields()) {
    text.append(text.empty() ? "" : ",").append(field);
  }
  return text;
}

/// The value of `name`, or `!` and the invalid fields.
std::string value_of(std::string_view name, std::string_view body,
                     std::string_view content_type = kForm) {
  try {
    return std::string(parse(body, content_type).texts({name}).front());
  } catch (const web::InvalidArguments& refused) {
    return "!" + blamed(refused);
  }
}

/// The missing fields of a registration, joined by commas.
std::string missing(std::string_view body, std::string_view content_type = kForm) {
  try {
    static_cast<void>(parse(body, content_type).texts({"phone", "password", "code"}));
  } catch (const web::InvalidArguments& refused) {
    return blamed(refused);
  }
  return "";
}

std::string nested(std::size_t levels, std::string_view open, std::string_view close) {
  std::string text = R"({"a":"found","x":)";
  for (std::size_t i = 1; i < levels; ++i) text += open;
  text += "1";
  for (std::size_t i = 1; i < levels; ++i) text += close;
  return text + "}";
}

struct Case {
  std::string_view body;
  std::string_view result;
};

/// Checks argument `a`.
void check_a(std::initializer_list<Case> cases) {
  for (const Case& row : cases) {
    BOOST_TEST_INFO(row.body);
    BOOST_TEST(value_of("a", row.body) == row.result);
  }
}

BOOST_AUTO_TEST_SUITE(body)

BOOST_AUTO_TEST_CASE(texts_come_in_the_order_they_are_asked_for) {
  for (const auto* both :
       {R"({"phone":"1","password":"2","code":"3"})", "code=3&phone=1&password=2"}) {
    const Arguments arguments = parse(both);
    const auto texts = arguments.texts({"code", "phone", "password"});
    const std::vector<std::string_view> expected = {"3", "1", "2"};
    BOOST_TEST(texts == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_body_that_begins_with_a_brace_is_json_whatever_its_type_says) {
  for (const auto type : {kForm, kJson, ""sv, "text/plain"sv, "multipart/form-data"sv}) {
    for (const auto* body : {R"({"a":"b"})", " \t\r\n{\"a\":\"b\"}\r\n"}) {
      BOOST_TEST(value_of("a", body, type) == "b");
    }
  }
}

BOOST_AUTO_TEST_CASE(any_other_body_is_a_form_unless_its_type_says_json) {
  for (const auto type : {kForm, ""sv, "text/plain"sv, "text/json"sv}) {
    BOOST_TEST(value_of("a", "a=b", type) == "b");
  }
  for (const auto type : {kJson, "Application/JSON"sv, "application/json; charset=utf-8"sv}) {
    BOOST_TEST(value_of("a", "a=b", type) == "!body");
  }
}

BOOST_AUTO_TEST_CASE(no_body_has_no_arguments) {
  for (const auto type : {kForm, kJson, ""sv}) {
    for (const auto* body : {"", " ", "\r\n\t "}) {
      BOOST_TEST(missing(body, type) == "phone,password,code");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_body_that_is_damaged_or_packed_is_not_looked_at) {
  web::Request request;
  request.body = R"({"a":"b"})";
  request.content_encoding = "identity";
  BOOST_CHECK_NO_THROW(static_cast<void>(web::parse_body(request)));
  const auto blames_body = [](const auto& refused) { return blamed(refused) == "body"; };
  request.content_encoding = "gzip";
  BOOST_CHECK_EXCEPTION(web::parse_body(request), web::InvalidArguments, blames_body);
  request.content_encoding = "";
  request.body_state = web::BodyState::damaged;
  BOOST_CHECK_EXCEPTION(web::parse_body(request), web::InvalidArguments, blames_body);
}

BOOST_AUTO_TEST_CASE(all_that_is_missing_or_no_text_is_blamed_together) {
  constexpr Case kCases[] = {
      {R"({"phone":"1","password":"2","code":"3"})", ""},
      {R"({})", "phone,password,code"},
      {R"({"phone":"1"})", "password,code"},
      {R"({"phone":18866668888,"password":"2","code":123456})", "phone,code"},
      {R"({"phone":1.5,"password":true,"code":null})", "phone,password,code"},
      {R"({"phone":["1"],"password":{"a":"2"},"code":"3"})", "phone,password"},
      {R"({"phone":false,"password":"2","code":-1})", "phone,code"},
      {R"({"Phone":"1","password":"2","code":"3"})", "phone"},
      {R"({"data":{"phone":"1","password":"2","code":"3"}})", "phone,password,code"},
      {R"({"phone":"","password":"","code":""})", ""},
      {"phone=1&code=3", "password"},
  };
  for (const Case& row : kCases) {
    BOOST_TEST_INFO(row.body);
    BOOST_TEST(missing(row.body) == row.result);
  }
}

BOOST_AUTO_TEST_CASE(json_text_keeps_its_characters) {
  check_a({{R"({"a":"密码"})", "密码"},
           {R"({"a":"\u5bc6\u7801"})", "密码"},
           {R"({"a":"\ud83d\ude00"})", "😀"},
           {R"({"a":"\"\\\/\b\f\n\r\t"})", "\"\\/\b\f\n\r\t"},
           {R"({"\u0061":"escaped key"})", "escaped key"},
           {R"({"a":"+%41&b=c"})", "+%41&b=c"}});
}

constexpr std::string_view kNoJsonObjects[] = {
    // stack/bad_input has more of them.
    R"([])",
    R"([{"a":"b"}])",
    R"(true)",
    R"(not json)",
    R"({)",
    R"({"a")",
    R"({"a":)",
    R"({"a":"b",})",
    R"({"a":"b"}})",
    R"({"a":"b"}{"a":"b"})",
    R"({"a":"b"}, )",
    R"({a:"b"})",
    R"({'a':'b'})",
    R"({"a":'b'})",
    R"({"a":"b" "c":"d"})",
    R"({"a":01})",
    R"({"a":NaN})",
    R"({"a":"b"/*comment*/})",
    R"({"a":"\x41"})",
    "{\"a\":\"line\nbreak\"}",
    "{\"a\":\"b\"\0}"sv,
    "{\"a\":\"surrogate \xED\xA0\x80\"}",
    "{\"a\":\"b\",\"unknown\":\"\xFF\"}",
    "{\"\xFF\":\"b\"}",
    R"({"a":"\ude00"})",
    R"({"a":"\ud83d\u0041"})"};

BOOST_AUTO_TEST_CASE(what_is_no_json_object_is_blamed_on_the_body) {
  for (const auto body : kNoJsonObjects) {
    BOOST_TEST(value_of("a", body, kJson) == "!body", body);
    // A body that begins with a brace is not taken for a form either.
    BOOST_TEST(value_of("a", body) == (body.starts_with('{') ? "!body" : "!a"), body);
  }
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_is_ignored_before_json) {
  for (const std::string_view type : {kJson, kForm, ""sv}) {
    BOOST_TEST(value_of("a", "\xEF\xBB\xBF{\"a\":\"b\"}", type) == "b", type);
    BOOST_TEST(value_of("a", "\xEF\xBB\xBF\r\n {\"a\":\"b\"}", type) == "b", type);
  }
}

BOOST_AUTO_TEST_CASE(a_key_that_is_there_twice_is_blamed) {
  check_a({{R"({"a":"b","a":"b"})", "!a"},
           {R"({"a":"b","x":1,"x":2})", "!x"},
           {R"({"a":"b","\u0061":"c"})", "!a"},
           {R"({"a":"b","x":{"inner":1,"inner":2}})", "!inner"},
           {R"({"a":"b","x":[{"inner":1},{"inner":2}]})", "b"},
           {R"({"a":"b","x":{"a":"c"}})", "b"},
           {"a=b&a=b", "!a"},
           {"a=b&x=1&x=2", "!x"},
           {"a=b&%61=c", "!a"}});
}

BOOST_AUTO_TEST_CASE(eight_levels_are_read_and_more_refused) {
  for (const std::size_t levels : {8, 9, 100'000}) {
    for (const auto& [open, close] : {std::pair{"[", "]"}, {R"({"x":)", "}"}}) {
      BOOST_TEST(value_of("a", nested(levels, open, close)) == (levels == 8 ? "found" : "!body"));
    }
  }
  BOOST_TEST(value_of("a", "{\"a\":" + std::string(100'000, '[')) == "!body");
}

BOOST_AUTO_TEST_CASE(a_nul_does_not_end_the_body_and_an_escaped_one_is_blamed_on_its_member) {
  check_a({{R"({"a":"b\u0000"})", "!a"},
           {R"({"a":"\u0000"})", "!a"},
           {R"({"a":"b","password":"12345678\u0000"})", "!password"},
           {R"({"a":"b","x":["\u0000"]})", "!body"}});
  check_a({{"{\"a\":\"b\"}\0"sv, "!body"}, {"{\"a\":\"b\"}\0 and more"sv, "!body"}});
  BOOST_TEST(value_of("a", "\0{\"a\":\"b\"}"sv, kJson) == "!body");
}

BOOST_AUTO_TEST_CASE(a_form_is_decoded) {
  check_a({{"a=b", "b"},
           {"a=", ""},
           {"a", ""},
           {"a=b=c", "b=c"},
           {"a=%3D%26%2B%25", "=&+%"},
           {"a=one+two%20three", "one two three"},
           {"a=%2b86", "+86"},
           {"a=%2B86", "+86"},
           {"%61=b", "b"},
           {"a=%E5%AF%86%e7%a0%81", "密码"},
           {"a=密码", "密码"},
           {"a=%F0%9F%98%80", "😀"},
           {"&&a=b&", "b"},
           {"=nobody&a=b", "b"},
           {" a=b", "!a"},
           {"a=b\r\n", "b\r\n"},
           {"a=b;c=d", "b;c=d"}});
}

BOOST_AUTO_TEST_CASE(a_form_that_cannot_be_decoded_is_blamed_on_the_body) {
  for (const auto body :
       {"a=%"sv, "a=%4"sv, "a=%zz"sv, "a=%4z"sv, "a=%%41"sv, "a=%u5bc6"sv, "%=b"sv, "a=%00"sv,
        "a=b%00c"sv, "a=b\0c"sv, "a%00=b"sv, "a=%FF"sv, "a=%C0%AF"sv, "a=%ED%A0%80"sv, "a=%E5%AF"sv,
        "a=\xFF"sv, "a=b&x=%FF"sv, "\xFF"sv}) {
    BOOST_TEST_INFO(body);
    BOOST_TEST(value_of("a", body) == "!body");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
