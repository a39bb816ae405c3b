// SQL in every text field of every endpoint: it is taken as text, or refused.
#include <algorithm>
#include <chrono>

#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/api_description.hpp"
#include "support/person.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

const std::vector<std::string> kPayloads{"'",
                                         "\"",
                                         "\\",
                                         "\\'",
                                         "' OR '1'='1",
                                         "' OR 1=1 -- ",
                                         R"(" OR ""=")",
                                         "1 OR 1=1",
                                         "'; DROP TABLE users; -- ",
                                         "'; UPDATE users SET disableTime = NOW(); -- ",
                                         "' UNION SELECT password FROM users -- ",
                                         "' AND SLEEP(20) -- ",
                                         "1 AND SLEEP(20)",
                                         "' AND (SELECT 1 FROM (SELECT SLEEP(20))x) -- ",
                                         "'/**/OR/**/1=1#",
                                         "\xBF' OR 1=1 -- ",
                                         "\xE5\x5C' OR 1=1 -- ",
                                         "' INTO OUTFILE '/tmp/users-evil",
                                         "' AND LOAD_FILE('/etc/passwd') -- ",
                                         "%' OR phone LIKE '%",
                                         "_",
                                         "%",
                                         "\xEF\xBC\x87 OR 1=1",
                                         "'||(SELECT key FROM x)||'",
                                         "${1+1}",
                                         "{{7*7}}"};

/// Everything that injected SQL could change, without rows that the requests may add.
std::string tables() {
  return query(
      "SELECT CONCAT_WS(' ', (SELECT COUNT(*) FROM users), (SELECT COUNT(disableTime) FROM users), "
      "(SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'users'), "
      "(SELECT GROUP_CONCAT(MD5(CONCAT(phone, password))) FROM users WHERE id + 20 > (SELECT "
      "MAX(id) FROM users)))");
}

struct Fixture {
  const Person victim = registered();
  const Person attacker = registered();
  const std::string token = attacker.token();
  const std::string before = tables();
  const double errors = internal_errors();

  void check_unharmed() const {
    BOOST_TEST(tables() == before);
    BOOST_TEST(internal_errors() == errors);
    BOOST_TEST(victim.login().code() == 0);
    BOOST_TEST(is_alive(token));
  }

  static void check_refused(const HttpReply& reply, const std::string& what) {
    BOOST_TEST(reply.status >= 200, what);
    BOOST_TEST(reply.code() >= 1001, what << ": " << reply.body);
    BOOST_TEST(reply.code() < 9000, what << ": " << reply.body);
    BOOST_TEST(!contains(reply.body, "SQL"), what << ": " << reply.body);
    BOOST_TEST(!contains(reply.body, "MariaDB"), what << ": " << reply.body);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sql, Fixture)

BOOST_AUTO_TEST_CASE(every_described_argument_is_attacked) {
  const auto endpoints = endpoints_of(victim.phone());
  for (const auto& [path, item] : ApiDescription::shipped().document()["paths"].items()) {
    if (path == "/logout") continue;  // tokens are attacked below
    for (const auto& [method, operation] : item.items()) {
      const nlohmann::json::json_pointer arguments(
          "/requestBody/content/application~1json/schema/properties");
      if (!operation.contains(arguments)) continue;
      for (const auto& [name, schema] : operation[arguments].items()) {
        BOOST_TEST(std::ranges::any_of(endpoints,
                                       [&](const Endpoint& endpoint) {
                                         return "/" + endpoint.path == path &&
                                                endpoint.arguments.contains(name);
                                       }),
                   "endpoints_of() lacks " << name << " of " << path);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_field_of_every_endpoint_is_text) {
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::pair<Endpoint, nlohmann::json>> attempts;
  for (const Endpoint& endpoint : endpoints_of(victim.phone())) {
    for (const auto& [field, value] : endpoint.arguments.items()) {
      for (const std::string& payload : kPayloads) {
        nlohmann::json arguments = endpoint.arguments;
        // After valid text, to pass checks of the beginning.
        const std::string good = value.is_string() ? value.get<std::string>() : "";
        arguments[field] = good + payload;
        // Sending a code to a well-formed phone is harmless.
        if (endpoint.path == "code" && field == "purpose") arguments["phone"] = "x";
        attempts.emplace_back(endpoint, std::move(arguments));
      }
    }
  }
  for (const auto& [endpoint, arguments] : attempts) {
    const std::string body =
        arguments.dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore);
    check_refused(call(endpoint.method, endpoint.path, token, {}, body),
                  endpoint.path + " " + body);
    query("DELETE FROM throttle");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  // A single SLEEP(20) would show; hundreds of hashes do not.
  BOOST_TEST(attempts.size() > 300U);
  BOOST_TEST(took.count() < 0.2 * static_cast<double>(attempts.size()));
  check_unharmed();
}

BOOST_AUTO_TEST_CASE(tokens_cookies_paths_and_keys_are_text) {
  for (const std::string& payload : kPayloads) {
    const std::string bearer = "Authorization: Bearer " + payload;
    BOOST_TEST(call("GET", "auth", "", {bearer}).status == 401, payload);
    BOOST_TEST(call("GET", "auth", "", {bearer + token}).status == 401, payload);
    BOOST_TEST(call("GET", "auth", "", {"Cookie: users=" + payload}).status == 401, payload);
    BOOST_TEST(call("DELETE", "sessions/1" + percent_encoded(payload), token).status == 404,
               payload);
    post("login", {{"phone", attacker.phone()}, {"password", attacker.password()}},
         {"User-Agent: " + payload, "Accept-Language: " + payload, "X-Request-Id: " + payload,
          "Idempotency-Key: " + payload});
    query("DELETE FROM throttle");
  }
  check_unharmed();
  // It was stored as text.
  BOOST_TEST(
      query("SELECT COUNT(DISTINCT agent) FROM sessions WHERE agent LIKE '%DROP TABLE users%'") ==
      "1");
}

BOOST_AUTO_TEST_SUITE_END()
