// Line ends and control characters in all input: they create no header in a reply and no line in a
// log.
#include <algorithm>
#include <cctype>
#include <functional>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/person.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

/// Would become headers or a line of its own if a line end passed.
const std::string kEvil = "\r\nX-Evil: 1\r\nSet-Cookie: users=evil\r\n\r\n<script>evil</script>";

void check_untouched(const HttpReply& reply, const std::string& what) {
  BOOST_TEST(reply.status != 0, what);
  BOOST_TEST(!reply.headers.contains("x-evil"), what);
  BOOST_TEST(reply.header("set-cookie").find("evil") == std::string::npos, what);
  BOOST_TEST(!contains(reply.body, "<script>"), what << ": " << reply.body);
  for (const auto& [name, value] : reply.headers) {
    // Redirects keep the escapes.
    if (name != "location") BOOST_TEST(!contains(value, "evil"), what << ": " << name);
    BOOST_TEST(value.find_first_of("\r\n") == std::string::npos, what << ": " << name);
  }
}

/// Every line of a log starts like an event and has no control characters.
void check_lines(const std::string& file, const std::function<bool(const std::string&)>& begins) {
  std::istringstream lines(run_script("cat '" + state_folder() + "/log/" + file + "'"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    BOOST_TEST(begins(line), file << ": " << line);
    BOOST_TEST(std::ranges::none_of(line, [](unsigned char c) { return c < ' ' || c == 0x7F; }),
               file << ": " << line);
    // C1 controls in UTF-8 act on a terminal like ESC sequences.
    for (auto at = line.find('\xC2'); at != std::string::npos; at = line.find('\xC2', at + 1)) {
      BOOST_TEST((at + 1 == line.size() || static_cast<unsigned char>(line[at + 1]) >= 0xA0), line);
    }
  }
  BOOST_TEST(count > 0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(splitting)

BOOST_AUTO_TEST_CASE(no_field_of_a_body_gets_into_a_header) {
  Person person = registered();
  const std::string token = person.token();
  for (const Endpoint& endpoint : endpoints_of(person.phone())) {
    for (const auto& [field, value] : endpoint.arguments.items()) {
      nlohmann::json arguments = endpoint.arguments;
      arguments[field] = (value.is_string() ? value.get<std::string>() : "") + kEvil;
      const HttpReply reply = call(endpoint.method, endpoint.path, token, {}, arguments.dump());
      check_untouched(reply, endpoint.path + " " + field);
      let_time_pass_for(person.e164());
    }
    nlohmann::json arguments = endpoint.arguments;
    arguments[kEvil] = {{kEvil, kEvil}};
    check_untouched(call(endpoint.method, endpoint.path, token, {}, arguments.dump()), "a name");
    let_time_pass_for(person.e164());
  }
}

BOOST_AUTO_TEST_CASE(no_address_gets_into_a_header) {
  const std::string evil = percent_encoded(kEvil);
  for (const std::string& path :
       {"/users/" + evil, "/users/regist?" + evil, "/users/regist" + evil, "/users/?next=/" + evil,
        "/users/?next=" + evil, "/users/sessions/" + evil, "/users/docs" + evil,
        "/users/docs?" + evil, "/users/static/" + evil, "/private/" + evil, "/private/?x=" + evil,
        std::string("/private/%E5%98%8A%E5%98%8DX-Evil:1")}) {
    for (const char* accept : {"Accept: */*", "Accept: text/html", "Accept: text/plain"}) {
      check_untouched(send(base_url(), {.method = "GET", .path = path, .headers = {accept}}), path);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_header_of_a_request_comes_back) {
  Person person = registered();
  for (const char* name : {"X-Request-Id", "Idempotency-Key", "Origin", "Referer", "Host", "Accept",
                           "Accept-Language", "User-Agent", "Cookie", "X-Forwarded-Host",
                           "X-Forwarded-Proto", "Access-Control-Request-Headers", "Range"}) {
    const std::string header = std::string(name) + ": evil%0d%0aX-Evil: 1\x0bX-Evil: 1";
    check_untouched(person.login({header}), name);
    check_untouched(call("GET", "me", person.token(), {header}), name);
    check_untouched(
        send(base_url(),
             {.method = "GET", .path = "/private/", .headers = {header, "Accept: text/html"}}),
        name);
  }
}

BOOST_AUTO_TEST_CASE(one_event_is_one_line_of_every_log) {
  Person person = registered();
  const std::string token = person.token();
  const std::string forged =
      "\n2026-01-01 00:00:00,000 users_views.py[line:1] INFO [-] "
      "forged\r\x1b[2J\x1b]0;t\x07\x7f\xC2\x9B"
      "31m\xE2\x80\xA8\xE2\x80" +
      std::string(1, '\xAE');
  for (const Endpoint& endpoint : endpoints_of(person.phone())) {
    for (const auto& [field, value] : endpoint.arguments.items()) {
      nlohmann::json arguments = endpoint.arguments;
      arguments[field] = forged;
      call(endpoint.method, endpoint.path, token, {}, arguments.dump());
      let_time_pass_for(person.e164());
    }
  }
  const std::string in_header =
      "\x1b[2J\x1b]0;t\x07\x7f\xC2\x9B"
      "31m\xff\t\x08";
  for (const char* name : {"User-Agent", "Idempotency-Key", "Accept-Language", "Accept", "Origin",
                           "Cookie", "Referer", "X-Request-Id"}) {
    person.login({std::string(name) + ": " + in_header});
  }
  for (const std::string path : {"/users/", "/users/sessions/", "/users/static/", "/private/"}) {
    send(base_url(), {.method = "DELETE",
                      .path = path + percent_encoded(forged),
                      .headers = {"Authorization: Bearer " + token}});
    send(base_url(), {.method = "GET", .path = path + percent_encoded(forged), .headers = {}});
  }
  check_lines("users/users.log", [](const std::string& line) {
    return line.size() > 24 && std::isdigit(static_cast<unsigned char>(line[0])) != 0 &&
           line[4] == '-' && line.find("[line:") != std::string::npos &&
           line.find("users_views.py[line:1] INFO [-] forged") != 24;
  });
  check_lines("nginx-access.log",
              [](const std::string& line) { return line.starts_with("127.0."); });
  check_lines("nginx-error.log", [](const std::string& line) {
    return line.starts_with("20") &&
           (line.find('#') != std::string::npos || line.find("users-fcgi: ") != std::string::npos);
  });
  BOOST_TEST(!contains(all_logs(), "\n2026-01-01 00:00:00,000 users_views"));
}

BOOST_AUTO_TEST_CASE(an_operators_terminal_obeys_no_client) {
  Person person = registered();
  person.login(
      {"User-Agent: \x1b[2J\x1b]0;t\x07\xC2\x9B"
       "31m"});
  for (const char* command : {"user sessions ", "audit "}) {
    const std::string shown = as_operator(command + person.e164());
    BOOST_TEST(contains(shown, "127.0.0.1"), shown);
    BOOST_TEST(shown.find_first_of("\x1b\x07\x7f") == std::string::npos, shown);
    BOOST_TEST(!contains(shown, "\xC2\x9B"), shown);
  }
}

BOOST_AUTO_TEST_SUITE_END()
