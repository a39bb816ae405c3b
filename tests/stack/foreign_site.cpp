// The shipped includes in a server block with other settings, in clear and with TLS and HTTP/2:
// neither side affects the other.
#include "support/foreign_site.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/nginx_site.hpp"

using namespace users::test;
namespace data = boost::unit_test::data;

namespace {

struct Fixture {
  NginxSite site{kForeignSite};

  [[nodiscard]] std::string base(bool secure) const {
    return secure ? site.secure() : site.plain();
  }
  [[nodiscard]] HttpReply get(bool secure, const std::string& path,
                              std::vector<std::string> headers = {}) const {
    return send(base(secure), {.method = "GET", .path = path, .headers = std::move(headers)});
  }
  /// The Authorization header of a new account.
  [[nodiscard]] std::string session(bool secure, const std::string& phone) const {
    BOOST_TEST(send(base(secure), {.body = registration(phone)}).code() == 0);
    const HttpReply login =
        send(base(secure), {.path = "/users/login", .body = registration(phone)});
    return "Authorization: Bearer " + login.text("token");
  }
};

const auto kBoth = data::make({false, true});

/// Checks for the worker's own headers and none of the site's.
void check_headers(const HttpReply& reply) {
  BOOST_TEST(reply.header("cache-control") == "no-store");
  BOOST_TEST(reply.header("x-content-type-options") == "nosniff");
  for (const char* name : {"expires", "x-site", "content-encoding", "x-users-fcgi"}) {
    BOOST_TEST(reply.header(name) == "", name);
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(foreign_site, Fixture)

BOOST_DATA_TEST_CASE(a_registration_is_answered_as_anywhere_and_its_body_not_kept_or_copied, kBoth,
                     secure) {
  const std::string phone = fresh_phone();
  const HttpReply reply =
      send(base(secure), {.body = registration(phone),
                          .headers = {"Content-Type: application/json", "Accept-Encoding: gzip"},
                          .source_address = "127.0.0.8"});
  BOOST_TEST(reply.body == R"({"data":{"code":0,"msg":"ok"}})");
  check_headers(reply);
  BOOST_TEST(query("SELECT address FROM audit JOIN users ON users.id = audit.user_id WHERE phone = "
                   "'+86" +
                   phone + "'") == "127.0.0.8");
  BOOST_TEST(std::filesystem::is_empty(site.folder() + "/body"));
  std::ifstream mirrored(site.folder() + "/mirror.log");
  BOOST_TEST((mirrored.peek() == std::ifstream::traits_type::eof()));
}

BOOST_DATA_TEST_CASE(errors_are_in_the_form_of_the_service, kBoth, secure) {
  const auto check = [](const HttpReply& reply, long status, int code) {
    BOOST_TEST(reply.status == status);
    BOOST_TEST(reply.code() == code, reply.body);
    check_headers(reply);
  };
  check(get(secure, "/users/nothing"), 404, 9002);
  check(get(secure, "/users/regist"), 405, 9003);
  BOOST_TEST(get(secure, "/users/regist").header("allow") == "POST");
  check(send(base(secure), {.body = std::string(100'000, 'x')}), 413, 9004);
  check(get(secure, "/users/me"), 401, 1009);
  // The worker's own 429, which has a Retry-After.
  const std::string phone = R"({"phone":")" + fresh_phone() + R"("})";
  send(base(secure), {.path = "/users/code", .body = phone});
  const HttpReply soon = send(base(secure), {.path = "/users/code", .body = phone});
  BOOST_TEST(soon.code() == 1007);
  BOOST_TEST(soon.header("retry-after").size() == 2U);
  // Above the limit of 1 KiB of the rest of the site.
  BOOST_TEST(send(base(secure), {.body = std::string(10'000, 'x')}).fields() == "body");
}

BOOST_DATA_TEST_CASE(nothing_of_one_account_is_kept_for_another, kBoth, secure) {
  const std::string phones[] = {fresh_phone(), fresh_phone()};
  for (const std::string& phone : phones) {
    const HttpReply me = get(secure, "/users/me", {session(secure, phone)});
    BOOST_TEST(me.body.find(phone) != std::string::npos);
    check_headers(me);
  }
  BOOST_TEST(std::filesystem::is_empty(site.folder() + "/cache"));
}

BOOST_DATA_TEST_CASE(an_upload_is_let_in_while_its_session_lives, kBoth, secure) {
  const std::string phone = fresh_phone();
  const std::string with = session(secure, phone);
  const auto upload = [&](const std::vector<std::string>& headers) {
    return send(base(secure),
                {.path = "/upload/x", .body = std::string(2'000'000, 'x'), .headers = headers});
  };
  BOOST_TEST(upload({with}).body == "user " + id_of(Person(phone)));
  BOOST_TEST(upload({}).status == 401);
  BOOST_TEST(send(base(secure), {.path = "/users/logout", .headers = {with}}).code() == 0);
  BOOST_TEST(upload({with}).status == 401);
  BOOST_TEST(upload({with}).code() == 1009);
}

BOOST_TEST_DECORATOR(*boost::unit_test::label("deep"))
BOOST_DATA_TEST_CASE(a_flood_is_429_whatever_the_site_calls_it, kBoth, secure) {
  std::atomic<int> limited{0};
  std::atomic<int> other{0};
  in_parallel(64, 64, [&](int) {
    const HttpReply reply =
        send(base(secure), {.body = "{}", .source_address = secure ? "127.0.0.10" : "127.0.0.11"});
    if (reply.status == 429 && reply.code() == 1007) ++limited;
    if (reply.status != 429 && reply.code() != 1001) ++other;
  });
  BOOST_TEST(limited > 0);
  BOOST_TEST(other == 0);
}

BOOST_DATA_TEST_CASE(the_site_keeps_its_pages_and_headers_and_has_ours, kBoth, secure) {
  BOOST_TEST(get(secure, "/").body == "the site");
  BOOST_TEST(get(secure, "/").header("x-site") == "yes");
  BOOST_TEST(get(secure, "/nothing").body == "the site's own page");
  const HttpReply refused =
      send(base(secure), {.method = "TRACE", .path = "/nothing", .headers = {}});
  BOOST_TEST(refused.status == 405);
  BOOST_TEST(refused.header("content-type") == "text/html");
  BOOST_TEST(refused.header("x-site") == "yes");
  BOOST_TEST(get(secure, "/data.json").body == "the site's own page");
  BOOST_TEST(get(secure, "/users/").header("content-type") == "text/html; charset=utf-8");
  BOOST_TEST(get(secure, "/users/openapi.json").header("content-type") == "application/json");
}

BOOST_AUTO_TEST_SUITE_END()
