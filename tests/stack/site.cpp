// The nginx of a production site with the shipped includes: limits and error pages.
#include <atomic>
#include <mutex>

#include <boost/test/unit_test.hpp>

#include "support/nginx_site.hpp"
#include "support/person.hpp"

using namespace users::test;

namespace {

struct Fixture {
  Site site{run_folder()};

  /// How many of `count` requests, each from its own address, are refused.
  template <typename Address>
  int refusals(const std::string& endpoint, int count, const Address& address) {
    std::atomic<int> refused{0};
    in_parallel(count, count, [&](int) {
      const HttpReply reply =
          send(site.plain(),
               {.path = "/users/" + endpoint, .body = "{}", .source_address = address(sent_++)});
      if (reply.status == 429) ++refused;
    });
    return refused;
  }
  /// Whether requests meet a limit. The number needed depends on the machine: the slower it is, the
  /// more the limit recovers meanwhile.
  template <typename Address>
  bool meets_limit(const std::string& endpoint, const Address& address, int burst = 20) {
    return wait_until(60, [&] { return refusals(endpoint, burst + 16, address) > 0; });
  }

 private:
  std::atomic<int> sent_{0};
};

/// One address for every request.
auto one(std::string address) {
  return [address = std::move(address)](int) { return address; };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(site, Fixture)

BOOST_AUTO_TEST_CASE(a_flood_from_one_address_is_429_and_another_address_is_served,
                     *boost::unit_test::label("deep")) {
  std::atomic<int> limited{0};
  std::atomic<int> served{0};
  HttpReply refused;
  std::mutex mutex;
  int sent = 0;
  BOOST_TEST(wait_until(60, [&] {
    in_parallel(60, 120, [&](int) {
      const HttpReply reply = send(site.plain(), {.body = "{}"});
      if (reply.code() == 1001) ++served;
      if (reply.status != 429) return;
      ++limited;
      const std::scoped_lock lock(mutex);
      refused = reply;
    });
    sent += 120;
    return limited > 0;
  }));
  BOOST_TEST(served > 0);
  BOOST_TEST(served + limited == sent);
  BOOST_TEST(refused.body ==
             R"({"data":{"code":1007,"msg":"请求过于频繁，请稍后再试","retry_after":1}})");
  BOOST_TEST(refused.header("retry-after") == "1");
  BOOST_TEST(refused.header("cache-control") == "no-store");
  BOOST_TEST(send(site.plain(), {.body = "{}", .source_address = "127.0.0.7"}).code() == 1001);
}

BOOST_AUTO_TEST_CASE(addresses_are_counted_by_whose_they_are, *boost::unit_test::label("deep")) {
  // IPv4 clients with IPv6 addresses: by a dual-stack socket, or from behind NAT64.
  for (const std::string network : {"::ffff:192.0.2.", "64:ff9b::192.0.3."}) {
    BOOST_TEST(meets_limit("regist", one(network + "1")), network);
    BOOST_TEST(refusals("regist", 1, one(network + "2")) == 0, network);
  }
  // The same client as by IPv4.
  BOOST_TEST(meets_limit("regist", one("192.0.2.9")));
  BOOST_TEST(refusals("regist", 16, one("::ffff:192.0.2.9")) > 0);
  // A /64 network is one client.
  BOOST_TEST(meets_limit("regist", [](int i) { return "2001:db8:1:1::" + std::to_string(i + 1); }));
  BOOST_TEST(refusals("regist", 1, one("2001:db8:1:2::1")) == 0);
  // A client that cycles through the /64 networks of a /48 meets the limit of the /48; others do
  // not.
  BOOST_TEST(meets_limit(
      "regist", [](int i) { return "2001:db8:2:" + std::to_string(i % 9999 + 1) + "::1"; }, 100));
  BOOST_TEST(refusals("regist", 1, one("2001:db8:3:1::1")) == 0);
}

BOOST_AUTO_TEST_CASE(requests_for_codes_have_a_limit_of_their_own,
                     *boost::unit_test::label("deep")) {
  BOOST_TEST(refusals("code", 11, one("192.0.2.11")) == 0);
  BOOST_TEST(refusals("code", 9, one("192.0.2.11")) > 0);
  BOOST_TEST(refusals("code", 1, one("192.0.2.12")) == 0);
  const Command rate = run_command(
      "sed -n 's/.*zone=users_messages:.*rate=\\([0-9]*\\)r.m;/\\1/p' "
      "nginx/users_limits.conf");
  const HttpReply refused =
      send(site.plain(), {.path = "/users/code", .body = "{}", .source_address = "192.0.2.11"});
  BOOST_TEST(refused.status == 429);
  const int a_minute = std::stoi(rate.output);
  BOOST_TEST(refused.number("retry_after") == (60 + a_minute - 1) / a_minute);
}

BOOST_AUTO_TEST_CASE(a_request_has_the_id_that_a_listed_balancer_set) {
  const std::string id = "4f1c0de5-a000-4b1d-9e00-0123456789ab";
  const auto given = [](const std::string& base, const std::string& sent,
                        const std::string& method = "GET") {
    const std::string reply =
        send_raw(base, method + " /users/auth HTTP/1.0\r\nHost: site.test\r\n" +
                           "X-Request-Id: " + sent + "\r\n\r\n");
    const auto start = reply.find("X-Request-Id: ");
    BOOST_TEST_REQUIRE(start != std::string::npos, reply);
    return reply.substr(start + 14, reply.find('\r', start) - start - 14);
  };
  BOOST_TEST(given(site.plain(), id) == id);
  // A reply of nginx's own has it, too.
  BOOST_TEST(given(site.plain(), id, "POST") == id);
  for (const std::string& bad : {std::string(15, 'a'), std::string(65, 'a'), id + " x",
                                 id + ", " + id, id + "\x7F", "../" + id, std::string()}) {
    BOOST_TEST(given(site.plain(), bad).size() == 32U);
  }
  // The stack lists nobody.
  BOOST_TEST(given(base_url(), id).size() == 32U);
}

BOOST_AUTO_TEST_CASE(connections_of_one_address_are_bounded, *boost::unit_test::label("deep")) {
  // Headers without their bodies: held by nginx, not by a worker.
  constexpr int kOpen = 40;
  const std::string head =
      "POST /users/regist HTTP/1.1\r\nHost: x\r\nX-Test-Address: 127.0.0.1\r\n"
      "Content-Length: 10\r\nConnection: close\r\n\r\n";
  std::atomic<int> refused{0};
  in_parallel(kOpen, kOpen, [&](int) {
    if (send_raw(site.plain(), head).starts_with("HTTP/1.1 429")) ++refused;
  });
  BOOST_TEST(refused >= kOpen - 32);
}

BOOST_AUTO_TEST_CASE(a_cached_answer_lets_no_foreign_page_in, *boost::unit_test::label("deep")) {
  const Site cached(run_folder(), true);
  const Person person;
  regist(person.phone());
  const std::string cookie = "Cookie: users=" + person.token();
  const auto ask = [&](const std::string& method, std::vector<std::string> headers) {
    headers.push_back(cookie);
    return send(cached.plain(),
                {.method = method, .path = "/private/", .headers = std::move(headers)})
        .status;
  };
  BOOST_TEST(ask("GET", {}) == 200);
  BOOST_TEST(ask("GET", {"Origin: https://evil.example"}) == 200);
  BOOST_TEST(ask("POST", {}) == 200);
  for (const char* from : {"Origin: https://evil.example", "Sec-Fetch-Site: same-site"}) {
    BOOST_TEST(ask("POST", {from}) == 401);
    BOOST_TEST(ask("GET", {from, "Upgrade: websocket"}) == 401);
  }
}

BOOST_AUTO_TEST_CASE(a_cached_answer_outlives_its_session_by_seconds_and_keeps_no_token,
                     *boost::unit_test::label("deep")) {
  const Site cached(run_folder(), true);
  const Person person;
  regist(person.phone());
  const HttpReply login = person.login();
  const std::string token = login.text("token");
  const auto visit = [&](const std::string& url, const std::string& with) {
    return send(
        url, {.method = "GET", .path = "/private/", .headers = {"Authorization: Bearer " + with}});
  };
  BOOST_TEST(visit(cached.plain(), token).body == "user " + login.text("id"));
  BOOST_TEST(visit(cached.plain(), std::string(43, 'A')).status == 401);

  BOOST_TEST(call("POST", "logout", token).code() == 0);
  BOOST_TEST(visit(site.plain(), token).status == 401);
  BOOST_TEST(visit(cached.plain(), token).status == 200);
  BOOST_TEST(wait_until(30, [&] { return visit(cached.plain(), token).status == 401; }));

  const std::string files = "'" + cached.folder() + "/auth'";
  BOOST_TEST(run_command("ls " + files).output != "");
  BOOST_TEST(run_command("grep -ralE '" + token + "|Bearer' " + files).output == "");
}

BOOST_AUTO_TEST_SUITE_END()
