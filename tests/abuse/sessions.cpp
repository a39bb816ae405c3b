// Session fixation, cached replies of other users, and requests from other sites.
#include <atomic>

#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/nginx_site.hpp"
#include "support/person.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

/// The token in the reply's cookie.
std::string token_in_cookie(const HttpReply& reply) {
  const std::string cookie = reply.header("set-cookie");
  constexpr std::string_view kName = "users=";
  return cookie.starts_with(kName) ? cookie.substr(kName.size(), cookie.find(';') - kName.size())
                                   : "";
}

HttpReply login_for_cookie(const Person& who, std::vector<std::string> headers = {}) {
  return post("login", {{"phone", who.phone()}, {"password", who.password()}, {"cookie", true}},
              std::move(headers));
}

/// The reply of a site's protected location to these headers.
HttpReply visit(const Site& site, std::vector<std::string> headers) {
  return send(site.plain(), {.method = "GET", .path = "/private/", .headers = std::move(headers)});
}

struct Fixture {
  const Person victim = registered();
  const Person attacker = registered();
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sessions, Fixture)

BOOST_AUTO_TEST_CASE(a_session_planted_in_the_victims_browser_never_becomes_theirs) {
  const std::string planted = token_in_cookie(login_for_cookie(attacker));
  BOOST_TEST_REQUIRE(is_alive(planted));
  const HttpReply login = login_for_cookie(victim, {"Cookie: users=" + planted});
  const std::string own = token_in_cookie(login);
  BOOST_TEST(own.size() == 43U);
  BOOST_TEST(own != planted);
  const auto phone_of = [](const std::string& token) {
    return call("GET", "me", token).text("phone");
  };
  BOOST_TEST(phone_of(own) == victim.e164());
  BOOST_TEST(phone_of(planted) == attacker.e164());
}

BOOST_AUTO_TEST_CASE(a_token_of_the_clients_choice_stays_nothing_after_a_login) {
  const std::string hex(64, 'a');
  for (const std::string& chosen :
       {std::string(43, 'C'), std::string("1"), hex, std::string(43, '_')}) {
    for (const char* way :
         {"Cookie: users=", "Authorization: Bearer ", "Cookie: __Host-users=", "X-Session: "}) {
      BOOST_TEST(token_in_cookie(login_for_cookie(victim, {way + chosen})) != chosen);
      BOOST_TEST(!is_alive(chosen));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_token_counts_nowhere_but_where_it_belongs) {
  const std::string token = victim.token();
  for (const std::string& path : {"me?token=" + token, "me?access_token=" + token,
                                  "me?users=" + token, "me?Authorization=Bearer%20" + token}) {
    BOOST_TEST(call("GET", path).code() == 1009, path);
  }
  for (const std::string& header :
       {"Authorization: Basic " + token, "Authorization: " + token, "Authorization: Token " + token,
        "Authorization: Bearer: " + token, "Authorization: Bearer  " + token, "X-Token: " + token,
        "X-Authorization: Bearer " + token, "Proxy-Authorization: Bearer " + token,
        "Cookie: token=" + token, "Cookie: Users=" + token, "Cookie: xusers=" + token,
        "Cookie: users =" + token, "Cookie: users=\"" + token + "\"",
        "Cookie: __Host-users=" + token}) {
    BOOST_TEST(call("GET", "me", "", {header}).code() == 1009, header);
  }
  BOOST_TEST(call("POST", "logout", "", {}, body_of({{"token", token}})).code() == 1009);
  BOOST_TEST(is_alive(token));
}

BOOST_AUTO_TEST_CASE(a_foreign_page_can_order_nothing_whatever_the_form) {
  const std::string cookie = "Cookie: users=" + token_in_cookie(login_for_cookie(victim));
  const std::string here = origin().substr(std::string("http://").size());
  // For other origins see stack/cookie, a_foreign_page_changes_nothing.
  const std::vector<std::vector<std::string>> foreign{
      {},
      {"Origin: null"},
      {"Origin: http://evil.invalid@" + here},
      {"Origin: http://" + here + "@evil.invalid"},
      {"Sec-Fetch-Site: cross-site"},
  };
  for (const auto& headers : foreign) {
    for (const char* type :
         {"application/json", "text/plain", "application/x-www-form-urlencoded"}) {
      auto with = headers;
      with.push_back(cookie);
      with.push_back("Content-Type: " + std::string(type));
      const HttpReply reply =
          send(base_url(), {.path = "/users/logout", .body = R"({"all":true})", .headers = with});
      BOOST_TEST(reply.code() == 1009, (headers.empty() ? "no header" : headers.front()));
    }
  }
  BOOST_TEST(call("GET", "me", "", {cookie}).code() == 0);
}

BOOST_AUTO_TEST_CASE(a_reading_method_changes_nothing) {
  const std::string token = victim.token();
  for (const char* path : {"logout", "password", "reset", "regist", "code", "login", "phone"}) {
    for (const char* method : {"GET", "HEAD", "OPTIONS"}) {
      const HttpReply reply = call(method, path, token, {"X-HTTP-Method-Override: POST"});
      BOOST_TEST(reply.status == 405, method << " " << path);
    }
  }
  BOOST_TEST(is_alive(token));
}

BOOST_AUTO_TEST_CASE(no_reply_may_be_kept_by_a_cache) {
  const std::string token = victim.token();
  const auto get = [&](const std::string& path) {
    const HttpReply reply = call("GET", path, token);
    BOOST_TEST(reply.header("cache-control") == "no-store",
               path << ": " << reply.header("cache-control"));
    BOOST_TEST(reply.header("etag").empty(), path);
    return reply;
  };
  for (const std::string& path : reads_of_a_session()) {
    get(path);
    get(path + "?x=.css");
    // Paths that a cache might take for a file contain nobody's data.
    for (const char* file : {"/x.css", "/.css", "%2fx.css", ";x.css", "/x.js"}) {
      BOOST_TEST(!contains(get(path + file).body, victim.phone()), path << file);
    }
  }
  for (const char* path : {"nothing", "logout", "health/live"}) get(path);
  for (const Endpoint& endpoint : endpoints_of(victim.phone())) {
    const HttpReply reply = call(endpoint.method, endpoint.path, "", {}, endpoint.arguments.dump());
    BOOST_TEST(reply.header("cache-control") == "no-store", endpoint.path);
  }
}

BOOST_AUTO_TEST_CASE(no_header_poisons_what_others_are_shown) {
  const auto body_of = [](const std::string& path, std::vector<std::string> headers) {
    return send(base_url(), {.method = "GET", .path = path, .headers = std::move(headers)}).body;
  };
  for (const char* path : {"/users/", "/users/openapi.json", "/users/docs/", "/users/nothing"}) {
    const std::string plain = body_of(path, {});
    for (const char* header :
         {"X-Forwarded-Host: evil.invalid", "X-Forwarded-Scheme: http", "X-Host: evil.invalid",
          "X-Forwarded-Prefix: /evil", "X-Original-URL: /evil", "Host: evil.invalid",
          "Forwarded: host=evil.invalid"}) {
      BOOST_TEST(body_of(path, {header}) == plain, path << " with " << header);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_optional_cache_never_gives_one_session_to_another) {
  const Site cached(run_folder(), true);
  const std::string tokens[] = {victim.token(), attacker.token()};
  std::string ids[2];
  for (int i = 0; i < 2; ++i) {
    const std::string phone = (i == 0 ? victim : attacker).e164();
    ids[i] = "user " + query("SELECT id FROM users WHERE phone = '" + phone + "'");
  }
  std::atomic<int> wrong{0};
  std::atomic<int> in_without{0};
  in_parallel(8, 240, [&](int i) {
    const int who = i % 2;
    std::vector<std::string> headers;
    if (i % 6 < 2) headers = {"Authorization: Bearer " + tokens[who]};
    if (i % 6 == 2 || i % 6 == 3) headers = {"Cookie: users=" + tokens[who]};
    // The cache key joins two headers: text moved from one to the other must give another key.
    if (i % 6 == 4) headers = {"Authorization: Bearer ", "Cookie: x\nusers=" + tokens[0]};
    if (i % 6 == 5) headers = {"Authorization: Bearer " + tokens[0] + "; users=" + tokens[1]};
    const HttpReply reply = visit(cached, headers);
    if (i % 6 < 4 && reply.status == 200 && reply.body != ids[who]) ++wrong;
    if (i % 6 >= 4 && reply.status == 200) ++in_without;
  });
  BOOST_TEST(wrong == 0);
  BOOST_TEST(in_without == 0);
  // A refused token does not block a valid one, nor the reverse.
  BOOST_TEST(visit(cached, {"Authorization: Bearer " + tokens[1]}).body == ids[1]);
}

BOOST_AUTO_TEST_CASE(the_optional_cache_lets_nobody_in_for_long_without_workers) {
  const Site cached(run_folder(), true);
  const std::string bearer = "Authorization: Bearer " + victim.token();
  BOOST_TEST(visit(cached, {bearer}).status == 200);
  run_script("scripts/stop fast");
  struct Restored {
    ~Restored() { run_command("VERIFICATION=issued scripts/start fast >/dev/null 2>&1"); }
  } const restored;
  BOOST_TEST(wait_until(30, [&] { return visit(cached, {bearer}).status == 503; }));
  BOOST_TEST(visit(cached, {bearer}).status == 503);
}

BOOST_AUTO_TEST_CASE(the_optional_cache_keeps_an_ended_session_for_seconds_and_no_longer) {
  const Site cached(run_folder(), true);
  const std::string token = victim.token();
  const auto gets_in = [&] {
    return visit(cached, {"Authorization: Bearer " + token}).status == 200;
  };
  BOOST_TEST(gets_in());
  BOOST_TEST(call("POST", "logout", token).code() == 0);
  BOOST_TEST(wait_until(7, [&] { return !gets_in(); }));
  BOOST_TEST(!gets_in());
}

BOOST_AUTO_TEST_SUITE_END()
