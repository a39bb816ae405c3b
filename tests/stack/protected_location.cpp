// A location protected by nginx's auth_request: who gets in, what the backend learns, what others
// are answered.
#include <atomic>

#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"

using namespace users::test;

namespace {

/// The start of all answers of the sample's backend.
constexpr std::string_view kBackend = "user ";

HttpReply visit(const std::string& path, std::vector<std::string> headers,
                const std::string& method = "GET", const std::string& body = "") {
  return send(base_url(),
              {.method = method, .path = path, .body = body, .headers = std::move(headers)});
}

std::string bearer(const std::string& token) {
  return "Authorization: Bearer " + token;
}

bool gets_in(const std::string& token) {
  return visit("/private/", {bearer(token)}).status == 200;
}

struct Fixture {
  Person person;
  std::string id;

  Fixture() {
    person.regist();
    id = id_of(person);
  }

  /// What the backend shows for this person.
  [[nodiscard]] std::string shown() const {
    return "user " + id + ", phone " + person.e164() + ", header \n";
  }
};

/// Restores the stack after a test that stopped a part.
struct WholeStack : Fixture {
  WholeStack() = default;
  ~WholeStack() {
    run_command("VERIFICATION=issued scripts/start >/dev/null 2>&1");
    BOOST_WARN(wait_until(30, [] { return is_ready(); }));
  }
  WholeStack(const WholeStack&) = delete;
  WholeStack& operator=(const WholeStack&) = delete;

  static bool is_ready() { return visit("/users/health/ready", {}).status == 200; }

  /// Checks that the request fails, without blaming the session.
  static void check_closed(std::vector<std::string> headers) {
    const bool has_token = !headers.empty();
    for (const char* accept : {"Accept: */*", "Accept: text/html"}) {
      headers.emplace_back(accept);
      const HttpReply reply = visit("/private/", headers);
      headers.pop_back();
      BOOST_TEST(reply.body.find(kBackend) == std::string::npos);
      if (!has_token) {
        // Needs no worker.
        BOOST_TEST((reply.status == 401 || reply.status == 302));
        continue;
      }
      BOOST_TEST(reply.status == 503);
      BOOST_TEST(reply.code() == 9001);
      BOOST_TEST(reply.header("retry-after") == "1");
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(protected_location, *boost::unit_test::label("issued"))

BOOST_FIXTURE_TEST_CASE(the_backend_is_told_whose_session_it_is, Fixture) {
  const HttpReply reply = visit("/private/", {bearer(person.token())});
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.body == shown());
  // Other headers pass, which also shows that the sample would show a forged one.
  BOOST_TEST(visit("/private/", {bearer(person.token()), "X-User-Name: me"}).body ==
             "user " + id + ", phone " + person.e164() + ", header me\n");
}

BOOST_FIXTURE_TEST_CASE(each_token_brings_its_own_person, Fixture) {
  Person other;
  other.regist();
  const std::string mine = person.token();
  const std::string theirs = other.token();
  const std::string shown_theirs =
      "user " + id_of(other) + ", phone " + other.e164() + ", header \n";
  std::atomic<int> wrong{0};
  in_parallel(8, 200, [&](int i) {
    const bool first = i % 2 == 0;
    const HttpReply reply = visit("/private/", {bearer(first ? mine : theirs)});
    if (reply.body != (first ? shown() : shown_theirs)) ++wrong;
  });
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(without_a_session_a_client_gets_the_code) {
  const HttpReply json = visit("/private/x?a=b", {});
  BOOST_TEST(json.status == 401);
  BOOST_TEST(json.body == R"({"data":{"code":1009,"msg":"请先登录"}})");
  BOOST_TEST(json.header("content-type") == "application/json; charset=utf-8");
  BOOST_TEST(json.header("cache-control") == "no-store");
  BOOST_TEST(json.header("x-content-type-options") == "nosniff");
  BOOST_TEST(json.header("x-request-id").size() == 32U);
  BOOST_TEST(json.header("location").empty());

  const HttpReply english = visit("/private/", {"Accept-Language: en"});
  BOOST_TEST(english.status == 401);
  BOOST_TEST(english.body == R"({"data":{"code":1009,"msg":"please log in"}})");

  const HttpReply text = visit("/private/", {"Accept: text/plain", "Accept-Language: en"});
  BOOST_TEST(text.status == 401);
  BOOST_TEST(text.body == "code=1009\nmsg=please log in\n");
  BOOST_TEST(text.header("content-type") == "text/plain; charset=utf-8");

  BOOST_TEST(visit("/private/", {}, "POST", "a=b").code() == 1009);
  BOOST_TEST(visit("/private/", {}, "POST", "a=b").status == 401);
  BOOST_TEST(visit("/private/", {}, "DELETE").code() == 1009);
  const HttpReply head = visit("/private/", {}, "HEAD");
  BOOST_TEST(head.status == 401);
  BOOST_TEST(head.body.empty());
}

BOOST_AUTO_TEST_CASE(without_a_session_a_browser_goes_to_the_page) {
  const std::string accept =
      "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
  for (const std::string method : {"GET", "HEAD", "POST"}) {
    BOOST_TEST_CONTEXT(method) {
      const HttpReply reply =
          visit("/private/x?a=b", {accept}, method, method == "POST" ? "c=d" : "");
      BOOST_TEST(reply.status == 302);
      BOOST_TEST(reply.header("location") == "/users/?next=/private/x?a=b");
      BOOST_TEST(reply.header("cache-control") == "no-store");
      BOOST_TEST(reply.body.find(kBackend) == std::string::npos);
    }
  }
  // A script cannot use a redirect.
  const std::vector<std::vector<std::string>> scripts{
      {"Accept: text/html, */*; q=0.01", "X-Requested-With: XMLHttpRequest"},
      {"Accept: text/html", "x-requested-with: xmlhttprequest"},
      {accept, "Sec-Fetch-Mode: cors"},
      {accept, "Sec-Fetch-Mode: no-cors"},
      {accept, "Sec-Fetch-Mode: same-origin"},
      {accept, "Sec-Fetch-Mode: websocket"}};
  for (const auto& headers : scripts) {
    BOOST_TEST_CONTEXT(headers.back()) {
      const HttpReply reply = visit("/private/", headers);
      BOOST_TEST(reply.status == 401);
      BOOST_TEST(reply.code() == 1009);
    }
  }
  // Android's web views name their app in this header, also when they open a page.
  for (const std::vector<std::string>& headers : std::vector<std::vector<std::string>>{
           {accept, "Sec-Fetch-Mode: navigate"},
           {accept, "X-Requested-With: org.example.app"},
           {accept, "Sec-Fetch-Mode: navigate", "X-Requested-With: org.example.app"}}) {
    BOOST_TEST(visit("/private/", headers).status == 302, headers.back());
  }
  // The path stays encoded, so a line break adds no header.
  const HttpReply split = visit("/private/%0d%0aSet-Cookie:%20users=x", {accept});
  BOOST_TEST(split.status == 302);
  BOOST_TEST(split.header("location") == "/users/?next=/private/%0d%0aSet-Cookie:%20users=x");
  BOOST_TEST(split.header("set-cookie").empty());
  // The browser is not sent to a host that the client made up.
  BOOST_TEST(visit("/private/", {accept, "Host: evil.invalid"}).header("location") ==
             "/users/?next=/private/");
}

BOOST_FIXTURE_TEST_CASE(an_ended_session_gets_nobody_in, Fixture) {
  const std::string logged_out = person.token();
  BOOST_TEST(gets_in(logged_out));
  BOOST_TEST(call("POST", "logout", logged_out).code() == 0);
  BOOST_TEST(!gets_in(logged_out));

  const std::string disabled = person.token();
  BOOST_TEST(gets_in(disabled));
  query("UPDATE users SET disableTime = UTC_TIMESTAMP() WHERE id = " + id);
  const HttpReply refused = visit("/private/", {bearer(disabled)});
  BOOST_TEST(refused.status == 401);
  BOOST_TEST(refused.code() == 1009);
  query("UPDATE users SET disableTime = NULL WHERE id = " + id);
  BOOST_TEST(gets_in(disabled));

  BOOST_TEST(delete_account(disabled, "correct horse 42").code() == 0);
  BOOST_TEST(!gets_in(disabled));
}

BOOST_FIXTURE_TEST_CASE(the_internal_locations_are_not_there_for_a_client, Fixture) {
  const std::string token = person.token();
  for (const char* path :
       {"/users/_auth", "/users/_auth/", "/users/_auth?x=1", "//users/_auth", "/users/%5fauth",
        "/users/_err/json/401", "/users/_err/text/503", "/users/_err/check/page/401",
        "/users/_err/check/json/401", "/users/_err/check/text/401", "/users/_err/site/400",
        "/users/_err/", "/users/_err"}) {
    for (const std::string method : {"GET", "POST"}) {
      BOOST_TEST_CONTEXT(method << " " << path) {
        const HttpReply reply = visit(path, {bearer(token)}, method);
        BOOST_TEST(reply.status == 404);
        BOOST_TEST(reply.code() == 9002);
        BOOST_TEST(reply.header("x-user-id").empty());
      }
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_request_with_a_body_is_checked_and_passed_on, Fixture) {
  const std::string in_chunks = "Transfer-Encoding: chunked";
  // If the check waited for the body, a timeout would make it 503.
  for (const std::size_t size : {10, 50'000, 900'000}) {
    const std::string body(size, 'b');
    BOOST_TEST(visit("/private/", {in_chunks, bearer(person.token())}, "POST", body).body ==
               shown());
    BOOST_TEST(visit("/private/", {in_chunks}, "POST", body).code() == 1009);
  }
}

BOOST_FIXTURE_TEST_CASE(without_workers_nobody_gets_in, WholeStack,
                        *boost::unit_test::label("deep")) {
  const std::string token = person.token();
  BOOST_TEST(gets_in(token));
  run_script("scripts/stop fast");
  check_closed({bearer(token)});
  check_closed({});
  run_script("VERIFICATION=issued scripts/start fast");
  BOOST_TEST(visit("/private/", {bearer(token)}).body == shown());
  BOOST_TEST(visit("/private/", {}).code() == 1009);
}

BOOST_FIXTURE_TEST_CASE(without_the_database_nobody_gets_in, WholeStack,
                        *boost::unit_test::label("deep")) {
  const std::string token = person.token();
  BOOST_TEST(gets_in(token));
  run_script("scripts/stop database");
  // Enough to reach workers with a broken connection and workers that find no database.
  for (int i = 0; i < 8; ++i) check_closed({bearer(token)});
  // A direct request gets the reason.
  const HttpReply auth = visit("/users/auth", {bearer(token)});
  BOOST_TEST(auth.status == 503);
  BOOST_TEST(auth.header("retry-after") == "1");
  // Without credentials there is nothing to look up.
  BOOST_TEST(visit("/private/", {}).code() == 1009);
  run_script("VERIFICATION=issued scripts/start database");
  BOOST_TEST(wait_until(30, [&] { return gets_in(token); }));
}

BOOST_AUTO_TEST_SUITE_END()
