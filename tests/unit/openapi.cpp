// nginx/html/openapi.json matches the tables in the code, and replies that deviate from it are
// detected.
#include <set>

#include <boost/test/unit_test.hpp>

#include "accounts/outcome.hpp"
#include "accounts/password.hpp"
#include "accounts/throttle.hpp"
#include "base/crypto.hpp"
#include "ctl/doctor/nginx.hpp"
#include "factors/second_factor.hpp"
#include "factors/verification.hpp"
#include "sms/outbox.hpp"
#include "support/api_description.hpp"
#include "support/text.hpp"
#include "web/credentials.hpp"
#include "web/result_code.hpp"
#include "web/routes.hpp"

namespace users::test {

using nlohmann::json;

namespace {

ApiDescription& api() {
  return ApiDescription::shipped();
}

const json& schema(const std::string& name) {
  return api().document()["components"]["schemas"].at(name);
}

const json& argument(const std::string& schema_name, const std::string& name) {
  return schema(schema_name)["properties"].at(name);
}

std::vector<throttle::Limit> all_limits() {
  std::vector<throttle::Limit> limits(throttle::kOfPhone.begin(), throttle::kOfPhone.end());
  limits.insert(limits.end(), throttle::kOfAccount.begin(), throttle::kOfAccount.end());
  return limits;
}

/// `code` of a reply's schema, or nullopt.
std::optional<int> code_of(const json& reply_schema) {
  const json::json_pointer place("/properties/data/properties/code/const");
  if (!reply_schema.contains(place)) return std::nullopt;
  return reply_schema[place].get<int>();
}

/// `METHOD path` with `*` for a parameter, as in the route table.
std::set<std::string> described_routes() {
  std::set<std::string> found;
  for (const auto& [path, item] : api().document()["paths"].items()) {
    std::string pattern = path.substr(1);
    if (const auto open = pattern.find('{'); open != std::string::npos) pattern.resize(open);
    if (pattern.ends_with('/')) pattern += '*';
    for (const auto& [method, operation] : item.items()) {
      std::string upper = method;
      std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
      found.insert(upper + " " + pattern);
    }
  }
  return found;
}

/// Calls `visit(operation, status, response)` for every described response.
template <class Visit>
void for_each_response(Visit&& visit) {
  for (const auto& [path, item] : api().document()["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      for (const auto& [status, response] : operation["responses"].items()) {
        visit(operation.value("operationId", ""), std::stoi(status), response);
      }
    }
  }
}

std::vector<int> codes_of(const json& response) {
  const json::json_pointer place("/content/application~1json/schema");
  if (!response.contains(place)) return {};
  const json& body = response[place];
  std::vector<int> codes;
  for (const json& item : body.contains("anyOf") ? body["anyOf"] : json::array({body})) {
    codes.push_back(code_of(item).value_or(-1));
  }
  return codes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(openapi)

BOOST_AUTO_TEST_CASE(every_route_is_described_and_no_other) {
  std::set<std::string> routes;
  for (const web::Route& route : web::routes()) {
    routes.insert(std::string(route.method).append(" ").append(route.path));
  }
  BOOST_TEST(described_routes() == routes, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_code_stands_under_its_status_but_for_two_exceptions) {
  int seen = 0;
  for_each_response([&](const std::string& operation, int status, const json& response) {
    for (const int code : codes_of(response)) {
      BOOST_TEST_CONTEXT(operation << " " << status << " " << code) {
        const bool tutorial = operation == "regist" && status == 200 && code < 9000;
        const bool optional = operation == "me" && status == 200 && code == 1009;
        BOOST_TEST((tutorial || optional ||
                    web::describe(static_cast<ResultCode>(code)).http_status == status));
      }
      ++seen;
    }
  });
  BOOST_TEST(seen > 50);
}

BOOST_AUTO_TEST_CASE(what_a_registration_is_answered_is_the_same_by_either_status) {
  std::set<int> tutorial;
  std::set<int> by_code;
  for_each_response([&](const std::string& operation, int status, const json& response) {
    if (operation != "regist") return;
    for (const int code : codes_of(response)) {
      if (code != 0 && code < 9000) (status == 200 ? tutorial : by_code).insert(code);
    }
  });
  BOOST_TEST(tutorial == by_code, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(operations_that_want_a_session_say_so) {
  for (const auto& [path, item] : api().document()["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      bool wants = false;
      for (const int code : codes_of(operation["responses"].value("401", json()))) {
        wants = wants || code == static_cast<int>(ResultCode::not_logged_in);
      }
      wants = wants || path == "/auth";  // replies without a body
      BOOST_TEST(operation.contains("security") == wants, method << " " << path);
      const json parameters = operation.value("parameters", json::array());
      const bool names_account = std::ranges::any_of(
          parameters, [](const json& each) { return each["name"] == "X-Users-Account"; });
      BOOST_TEST(names_account == wants, method << " " << path);
    }
  }
}

BOOST_AUTO_TEST_CASE(examples_keep_to_their_schemas) {
  int seen = 0;
  for (const auto& [name, item] : api().document()["components"]["schemas"].items()) {
    for (const json& example : item.value("examples", json::array())) {
      BOOST_TEST_INFO(name << " " << example);
      BOOST_TEST(api().judge_value(item, example) == std::vector<std::string>(),
                 boost::test_tools::per_element());
      ++seen;
    }
  }
  BOOST_TEST(seen > 30);
}

BOOST_AUTO_TEST_CASE(lengths_of_arguments_are_those_of_the_code) {
  const Config config = load_config("conf/users.conf.example", nullptr);
  const json& password = argument("RegistArguments", "password");
  BOOST_TEST(password["minLength"] == config.password_min_length);
  BOOST_TEST(password["maxLength"] == kLongestPassword);
  BOOST_TEST(argument("LoginArguments", "password")["maxLength"] == kLongestPassword);
  const json& code = argument("RegistArguments", "code");
  BOOST_TEST(code["minLength"] == kCodeDigits);
  const std::size_t most = code["maxLength"];
  const std::string digits(kCodeDigits, '1');
  BOOST_TEST(parse_code(digits + std::string(most - kCodeDigits, ' ')).has_value());
  BOOST_TEST(!parse_code(digits + std::string(most - kCodeDigits + 1, ' ')).has_value());
  const json& key = api().document()["components"]["parameters"]["Idempotency-Key"]["schema"];
  BOOST_TEST(key["maxLength"] == web::kLongestRetryKey);

  const std::size_t longest = argument("CodeArguments", "phone")["maxLength"];
  const std::string phone = "18866668888";
  const std::string padded = phone + std::string(longest - phone.size(), ' ');
  BOOST_TEST(Phone::parse(padded, "CN").has_value());
  BOOST_TEST(!Phone::parse(padded + " ", "CN").has_value());
}

BOOST_AUTO_TEST_CASE(purposes_and_the_version_are_those_of_the_code) {
  json purposes = json::array();
  for (const PurposeRow& row : kPurposes) {
    purposes.push_back(row.name);
    BOOST_TEST(contains(read_file("scripts/code"), row.name), "scripts/code lacks " << row.name);
  }
  BOOST_TEST(argument("CodeArguments", "purpose")["enum"] == purposes);
  const auto joined = [&](const std::string& separator) {
    std::string list;
    for (const std::string purpose : purposes) list += (list.empty() ? "" : separator) + purpose;
    return list;
  };
  const std::string programs = read_file("conf/send-sms/common.sh");
  BOOST_TEST(contains(programs, "take_member purpose '" + joined("|") + "'"));
  BOOST_TEST(contains(programs, "(_(" + joined("|") + "))?"));
  BOOST_TEST(contains(read_file("conf/send-sms/send-sms.conf.example"), joined(", ")));
  BOOST_TEST(api().document()["info"]["version"] == USERS_FCGI_VERSION);
}

BOOST_AUTO_TEST_CASE(a_worker_reads_what_nginx_passes_and_nginx_passes_what_is_described) {
  const std::string passed = read_file("nginx/users_fastcgi_params");
  const std::string worker = read_file("src/web/fcgi_worker.cpp");
  std::istringstream lines(passed);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string directive;
    std::string name;
    words >> directive >> name;
    if (directive != "fastcgi_param") continue;
    BOOST_TEST(contains(worker, "\"" + name + "\""), "fcgi_worker.cpp does not read " << name);
  }
  for (const auto& [path, item] : api().document()["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      for (const json& parameter : operation.value("parameters", json::array())) {
        if (parameter["in"] != "query") continue;
        const std::string variable = "$arg_" + parameter["name"].get<std::string>();
        BOOST_TEST(contains(passed, variable), "users_fastcgi_params does not pass " << variable);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(no_client_can_forge_a_header_that_tells_who_asks) {
  // The signed one is for backends alone.
  std::set<std::string> described{"X-User-Jwt"};
  const json& answer = api().document()["paths"]["/auth"]["get"]["responses"]["204"];
  for (const auto& [name, header] : answer["headers"].items()) {
    if (name.starts_with("X-User-")) described.insert(name);
  }
  const std::set<std::string> checked(std::begin(ctl::kIdentityHeaders),
                                      std::end(ctl::kIdentityHeaders));
  BOOST_TEST(described == checked, "ctl/doctor/nginx.hpp names other headers than openapi.json");
  const auto lines_of = [](const std::string& file) {
    std::set<std::string> lines;  // the first two words of each
    std::istringstream text(read_file(file));
    for (std::string line; std::getline(text, line);) {
      std::istringstream words(line);
      std::string directive;
      std::string name;
      words >> directive >> name;
      lines.insert(directive + " " + name);
    }
    return lines;
  };
  const auto set = lines_of("nginx/users_identity.conf");
  const auto stripped = lines_of("nginx/users_strip.conf");
  for (const std::string& name : described) {
    std::string parameter = "HTTP_" + name;
    std::ranges::transform(parameter, parameter.begin(), [](unsigned char c) {
      return c == '-' ? '_' : static_cast<char>(std::toupper(c));
    });
    for (const char* directive : {"fastcgi_param", "uwsgi_param", "scgi_param"}) {
      const std::string line = std::string(directive) + " " + parameter;
      BOOST_TEST(set.contains(line), "users_identity.conf lacks " << line);
      BOOST_TEST(stripped.contains(line), "users_strip.conf lacks " << line);
    }
    for (const char* directive : {"proxy_set_header", "grpc_set_header"}) {
      const std::string line = std::string(directive) + " " + name;
      BOOST_TEST(set.contains(line), "users_identity.conf lacks " << line);
      // With both of its dashes as underscores, one of them, or none.
      for (const unsigned dashes : {0U, 1U, 2U, 3U}) {
        std::string spelling = line;
        const auto second = spelling.rfind('-');
        if ((dashes & 1U) != 0) spelling[second] = '_';
        if ((dashes & 2U) != 0) spelling[spelling.rfind('-', second - 1)] = '_';
        BOOST_TEST(stripped.contains(spelling), "users_strip.conf lacks " << spelling);
      }
    }
    for (const char* file : {"README.md", "README.zh.md", "nginx/README.md"}) {
      BOOST_TEST(contains(read_file(file), "`" + name + "`"), file << " does not name " << name);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_token_is_as_described) {
  crypto::start();
  const json& token = schema("LoggedIn")["properties"]["data"]["properties"]["token"];
  const std::string made = crypto::random_token();
  BOOST_TEST(api().judge_value(token, made) == std::vector<std::string>(),
             boost::test_tools::per_element());
  BOOST_TEST(!api().judge_value(token, made + "A").empty());
}

BOOST_AUTO_TEST_CASE(limits_are_those_of_the_code) {
  const Config config = load_config("conf/users.conf.example", nullptr);
  const std::map<std::string, std::uint64_t> expected = {
      {"largest_body", web::kLargestBody},
      {"code_lifetime", kCodeLifetime},
      {"code_tries", kMostTries},
      {"code_cooldown", throttle::kSendCooldown.seconds},
      {"codes_an_hour", throttle::kSendsAnHour.most},
      {"codes_a_day", throttle::kSendsADay.most},
      {"guesses_a_day", throttle::kGuessesADay.most},
      {"password_tries", throttle::kLogins.most},
      {"password_lock", throttle::kLogins.seconds},
      {"second_factor_tries", throttle::kSecondFactors.most},
      {"passkeys_of_an_account", kMostPasskeys},
      {"passkey_challenge", kChallengeSeconds},
      {"enrolment", kEnrolmentSeconds},
      {"session_fresh", config.session_fresh_minutes},
      {"sessions_of_an_account", config.session_per_account},
      {"session_idle", config.session_idle_days},
      {"session_absolute", config.session_absolute_days},
  };
  std::map<std::string, std::uint64_t> described;
  const std::map<std::string_view, std::string> described_as = {
      {"send", "code_cooldown"},  {"send-hour", "codes_an_hour"}, {"send-day", "codes_a_day"},
      {"guess", "guesses_a_day"}, {"login", "password_tries"},    {"factor", "second_factor_tries"},
  };
  for (const auto& limit : all_limits()) {
    const auto name = described_as.find(limit.name);
    BOOST_TEST_REQUIRE((name != described_as.end() && expected.contains(name->second)),
                       limit.name << " is not in x-limits");
  }
  for (const json& limit : api().document()["x-limits"]) described[limit["name"]] = limit["value"];
  for (const auto& [name, value] : expected) BOOST_TEST(described[name] == value, name);
  BOOST_TEST(described.size() == expected.size());
  const json& stored = schema("CodeStored")["properties"]["data"]["properties"]["retry_after"];
  BOOST_TEST(stored["maximum"] == throttle::kSendCooldown.seconds);
}

BOOST_AUTO_TEST_CASE(texts_name_the_limits_of_the_code) {
  const auto number = [](auto value) { return std::to_string(value); };
  const Config config = load_config("conf/users.conf.example", nullptr);
  const std::string shortest = number(config.password_min_length);
  const std::string longest = number(kLongestPassword);
  const std::string lengths = shortest + " to " + longest;
  const std::string body = number(web::kLargestBody / 1024) + "k;";
  const std::string bytes = number(web::kLargestBody / 1000) + "," +
                            number(1000 + web::kLargestBody % 1000).substr(1) + " bytes";
  const std::string sessions = "at most " + number(config.session_per_account) + " sessions";
  const std::string minutes = number(kCodeLifetime / 60) + " minutes";
  const std::string tries = number(throttle::kLogins.most);
  const std::string lock = number(throttle::kLogins.seconds / 60) + " minutes";
  const std::string guesses = number(throttle::kGuessesADay.most);
  const std::pair<const char*, std::string> phrases[] = {
      {"nginx/html/texts.js", "{shortest} 到 " + longest + " 个字符"},
      {"nginx/html/texts.js", "\"{shortest} to " + longest + " characters.\""},
      {"nginx/html/texts.js", "figures = { shortest: " + shortest + " };"},
      {"nginx/html/openapi.json", "a password of " + lengths +
                                      " characters (code points), whatever "
                                      "their bytes; of " +
                                      number(config.password_min_length - 1) + " or " +
                                      number(kLongestPassword + 1)},
      {"nginx/html/openapi.json", "A new password: " + shortest +
                                      " (the service may require up to "
                                      "15) to " +
                                      longest + " code points"},
      {"nginx/html/openapi.json", "\"a body of " + bytes + "; one byte more\""},
      {"nginx/html/openapi.json", "An account has " + sessions},
      {"nginx/html/openapi.json", "only " + number(web::kMostCookies) + " are checked"},
      {"nginx/html/openapi.json", "up to " + number(web::kLongestRetryKey) + " printable"},
      {"nginx/users.conf", "client_max_body_size      " + body},
      {"nginx/users.conf",
       "client_body_buffer_size   " + number(2 * web::kLargestBody / 1024) + "k;"},
      {"nginx/html/openapi.json", "valid for " + minutes},
      {"nginx/html/openapi.json", "wrong passwords in " + lock},
      {"nginx/html/openapi.json", "and after " + tries + " of them the reply is 1007"},
      {"conf/users-ctl.8", "password.min_length to " + longest + " characters"},
      {"conf/users-ctl.8", "wrong passwords in the last " + lock},
      {"conf/users-ctl.8",
       "Refuses passwords for " + lock + " (1008), as after " + tries + " wrong ones"},
      {"SECURITY.md", "guessed at most " + number(kMostTries) + " times, all codes of a phone " +
                          guesses + " times a day, a password " + tries + " times in " + lock},
      {"SECURITY.md", tries + " wrong passwords in " + lock + " and " + guesses + " codes a day"},
      {"SECURITY.md", "passwords of at least " + shortest + " characters"},
      {"SECURITY.md", "the default is " + shortest + "."},
      {"SECURITY.md", "An account has " + sessions},
      {"SECURITY.md", "code of " + number(kCodeDigits) + " digits, CSPRNG, " + minutes},
      {"conf/send-sms/send-sms.conf.example", "use code," + number(kCodeLifetime / 60) + "."},
      {"scripts/code", "after " + number(throttle::kSendCooldown.seconds) + " seconds"},
  };
  for (const auto& [file, phrase] : phrases) {
    BOOST_TEST(contains(read_file(file), phrase), file << " does not say: " << phrase);
  }
}

BOOST_AUTO_TEST_CASE(the_alert_of_refused_requests_names_every_limit) {
  const std::string rules = read_file("conf/prometheus-alerts.yml");
  const auto start = rules.find("alert: UsersThrottling");
  BOOST_TEST_REQUIRE(start != std::string::npos);
  std::set<std::string> named;
  for (std::string word : words(rules.substr(start, rules.find("- alert:", start) - start))) {
    word.resize(word.find_last_not_of(",:.") + 1);
    named.insert(word);
  }
  for (const auto& limit : all_limits()) {
    BOOST_TEST(named.contains(std::string(limit.name)), limit.name << " is not in UsersThrottling");
  }
}

BOOST_AUTO_TEST_SUITE_END()

// Every planted mistake must be found.
BOOST_AUTO_TEST_SUITE(openapi_judges)

namespace {

const HttpRequest kAskMe{.method = "GET", .path = "/users/me", .headers = {}};

HttpReply reply_of(long status, const std::string& body) {
  return {.status = status,
          .headers = {{"content-type", "application/json; charset=utf-8"},
                      {"cache-control", "no-store"},
                      {"x-content-type-options", "nosniff"},
                      {"x-request-id", "0123456789abcdef"},
                      {"date", "today"}},
          .body = body};
}

HttpReply account() {
  return reply_of(200, R"({"data":{"code":0,"msg":"ok","id":1,"phone":"+8618866668888",)"
                       R"("createTime":"2026-04-22T10:00:00Z","level":1,)"
                       R"("authTime":"2026-04-22T10:00:00Z","amr":["pwd"]}})");
}

HttpReply not_logged_in() {
  HttpReply reply = reply_of(401, R"({"data":{"code":1009,"msg":"please log in"}})");
  reply.headers["www-authenticate"] = "Bearer";
  return reply;
}

HttpReply as_text(HttpReply reply, const std::string& body) {
  reply.headers["content-type"] = "text/plain; charset=utf-8";
  reply.body = body;
  return reply;
}

bool passes(const HttpRequest& request, const HttpReply& reply) {
  const auto wrong = api().judge(request, reply);
  for (const std::string& line : wrong) BOOST_TEST_MESSAGE(line);
  return wrong.empty();
}

HttpReply with_body(HttpReply reply, const std::string& from, const std::string& to) {
  const auto at = reply.body.find(from);
  BOOST_TEST_REQUIRE(at != std::string::npos);
  reply.body.replace(at, from.size(), to);
  return reply;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_described_passes) {
  for (const HttpReply& reply :
       {account(), not_logged_in(), as_text(not_logged_in(), "code=1009\nmsg=请先登录\n")}) {
    BOOST_TEST(passes(kAskMe, reply), reply.body);
  }
  BOOST_TEST(passes({.method = "GET", .path = "/users/static/x.css", .headers = {}}, {}));
  BOOST_TEST(passes({.method = "GET", .path = "/private/", .headers = {}}, {}));
}

BOOST_AUTO_TEST_CASE(a_member_a_code_a_text_or_a_status_that_is_not_as_described_is_found) {
  HttpReply of_another_status = not_logged_in();
  of_another_status.status = 403;
  HttpReply untyped = account();
  untyped.headers.erase("content-type");
  untyped.body.clear();
  for (const HttpReply& reply :
       {with_body(account(), R"("id":1)", R"("id":1,"name":"x")"),
        with_body(account(), R"({"data")", R"({"more":1,"data")"),
        with_body(account(), R"("id":1,)", ""), with_body(account(), R"("id":1)", R"("id":"1")"),
        with_body(account(), "+86", "86"), with_body(account(), "T10", " 10"),
        with_body(account(), "}}", "}"), with_body(not_logged_in(), "1009", "1004"),
        with_body(not_logged_in(), "please log in", "log in please"),
        as_text(not_logged_in(), "code=1009\nmsg=请先登录\nmore=1\n"),
        as_text(not_logged_in(), "code=1009\n"),
        as_text(not_logged_in(), "code=1004\nmsg=请先登录\n"), of_another_status,
        with_body(account(), account().body, ""), untyped}) {
    BOOST_TEST(!passes(kAskMe, reply), reply.body);
  }
}

BOOST_AUTO_TEST_CASE(a_path_or_a_method_that_is_not_described_has_no_reply_but_an_error) {
  BOOST_TEST(!passes({.method = "GET", .path = "/users/whoami", .headers = {}}, account()));
  BOOST_TEST(!passes({.method = "PUT", .path = "/users/me", .headers = {}}, account()));
  const HttpReply missing = reply_of(404, R"({"data":{"code":9002,"msg":"no such resource"}})");
  BOOST_TEST(passes({.method = "GET", .path = "/users/whoami", .headers = {}}, missing));
  BOOST_TEST(!passes({.method = "GET", .path = "//users/./%6De?x=1", .headers = {}}, missing));
  BOOST_TEST(passes({.method = "GET", .path = "//users/./%6De?x=1", .headers = {}}, account()));
}

BOOST_AUTO_TEST_CASE(a_header_that_is_missing_or_wrong_or_not_described_is_found) {
  for (const char* name : {"cache-control", "x-request-id", "x-content-type-options"}) {
    HttpReply reply = account();
    reply.headers.erase(name);
    BOOST_TEST(!passes(kAskMe, reply), name);
  }
  for (const auto& [name, value] : {std::pair{"cache-control", "public"},
                                    {"content-type", "text/html"},
                                    {"x-user-id", "1"},
                                    {"x-request-id", "a b"}}) {
    HttpReply reply = account();
    reply.headers[name] = value;
    BOOST_TEST(!passes(kAskMe, reply), name);
  }
  HttpReply unchallenged = not_logged_in();
  unchallenged.headers.erase("www-authenticate");
  BOOST_TEST(!passes(kAskMe, unchallenged));
}

BOOST_AUTO_TEST_CASE(success_with_arguments_that_the_description_forbids_is_found) {
  const auto ask = [](const std::string& code) {
    return HttpRequest{.body = registration("18866668888", "correct horse 42", code)};
  };
  const HttpReply ok = reply_of(200, R"({"data":{"code":0,"msg":"ok"}})");
  BOOST_TEST(passes(ask("123456"), ok));
  BOOST_TEST(!passes(ask("12345"), ok));
}

BOOST_AUTO_TEST_CASE(a_reference_that_leads_nowhere_is_refused) {
  BOOST_CHECK_THROW(ApiDescription(json::parse(R"({"paths":{"/x":{"$ref":"#/nowhere"}}})")),
                    std::exception);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
