// The same thing on three hosts at once: what must happen once does, and every host knows at once
// what another acknowledged.
#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <functional>
#include <iostream>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "cluster/host.hpp"
#include "support/json.hpp"
#include "support/person.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

using Replies = std::array<HttpReply, kHosts>;

/// Sends `request(round)` to every host at once, in each of `rounds`, and hands the replies to
/// `judge`.
void at_once(int rounds, const std::function<HttpRequest(int round, int host)>& request,
             const std::function<void(int round, const Replies& replies)>& judge) {
  Replies replies;
  int round = 0;
  std::barrier start(kHosts);
  std::barrier end(kHosts, [&]() noexcept {
    judge(round, replies);
    ++round;
  });
  std::vector<std::jthread> clients;
  for (int host = 0; host < kHosts; ++host) {
    clients.emplace_back([&, host] {
      for (int i = 0; i < rounds; ++i) {
        const HttpRequest one = request(i, host);
        start.arrive_and_wait();
        replies[static_cast<std::size_t>(host)] = send(Host(host + 1).url(), one);
        end.arrive_and_wait();
      }
    });
  }
}

int count_of(const Replies& replies, int code) {
  return static_cast<int>(
      std::ranges::count_if(replies, [&](const HttpReply& reply) { return reply.code() == code; }));
}

/// A phone a round on every host, with or without one Idempotency-Key; what `is_right` says of the
/// replies, and that there is one account.
void register_at_once(const std::string& what, int rounds, bool with_key,
                      const std::function<bool(const Replies&)>& is_right) {
  std::vector<std::string> phones;
  for (int i = 0; i < rounds; ++i) phones.push_back(fresh_phone());
  int wrong = 0;
  at_once(
      rounds,
      [&](int round, int) {
        const std::string& phone = phones[static_cast<std::size_t>(round)];
        HttpRequest request{.body = registration(phone)};
        if (with_key) request.headers.push_back("Idempotency-Key: key-" + phone);
        return request;
      },
      [&](int, const Replies& replies) {
        if (!is_right(replies)) ++wrong;
      });
  int rows = 0;
  for (const std::string& phone : phones) rows += count_users("+86" + phone);
  std::cout << what << ": " << rounds << " times, " << wrong << " wrong, done twice "
            << rows - rounds << '\n';
  BOOST_TEST(wrong == 0);
  BOOST_TEST(rows == rounds);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hosts_at_once)

BOOST_AUTO_TEST_CASE(of_registrations_of_one_phone_one_is_done) {
  register_at_once("one phone on three hosts", 300, false, [](const Replies& replies) {
    return count_of(replies, 0) == 1 && count_of(replies, 1002) == kHosts - 1;
  });
}

BOOST_AUTO_TEST_CASE(of_one_registration_sent_to_all_hosts_all_are_told_that_it_is_done) {
  register_at_once("one registration on three hosts", 100, true,
                   [](const Replies& replies) { return count_of(replies, 0) == kHosts; });
}

BOOST_AUTO_TEST_CASE(of_guesses_at_one_code_over_all_hosts_five_are_compared) {
  constexpr int kRounds = 20;
  const Person person;
  regist(person.phone());
  post("code", {{"phone", person.phone()}, {"purpose", "login"}});
  BOOST_TEST_REQUIRE(wait_until(30, [&] { return !codes_sent(person.e164(), "login").empty(); }));
  const std::string right = codes_sent(person.e164(), "login").back();
  const std::string wrong = right == "000000" ? "000001" : "000000";
  const auto login = [&](const std::string& code) {
    return HttpRequest{.path = "/users/login",
                       .body = body_of({{"phone", person.phone()}, {"code", code}})};
  };
  int let_in = 0;
  int failed = 0;
  at_once(
      kRounds, [&](int, int) { return login(wrong); },
      [&](int, const Replies& replies) {
        let_in += count_of(replies, 0);
        failed +=
            kHosts - count_of(replies, 1005) - count_of(replies, 1006) - count_of(replies, 1007);
      });
  const std::string tries =
      query("SELECT tries FROM verification_codes WHERE phone = '" + person.e164() + "'");
  std::cout << "guesses over three hosts: " << kRounds * kHosts << ", compared " << tries << '\n';
  BOOST_TEST(let_in == 0);
  BOOST_TEST(failed == 0);
  BOOST_TEST(tries == "5");
  BOOST_TEST(send(base_url(), login(right)).code() != 0);
}

BOOST_AUTO_TEST_CASE(each_message_is_sent_once_by_the_couriers_of_all_hosts) {
  constexpr int kMessages = 90;
  std::vector<std::string> phones;
  for (int i = 0; i < kMessages; ++i) phones.push_back(fresh_phone());
  std::atomic<int> refused{0};
  in_parallel(kHosts * 2, kMessages, [&](int i) {
    const std::string& phone = phones[static_cast<std::size_t>(i)];
    const HttpReply reply = send(Host(i % kHosts + 1).url(),
                                 {.path = "/users/code", .body = body_of({{"phone", phone}})});
    if (reply.code() != 0) ++refused;
  });
  BOOST_TEST(refused == 0);
  const auto sent = [&](std::size_t times) {
    return std::ranges::count_if(phones, [&](const std::string& phone) {
      return codes_sent("+86" + phone, "regist").size() == times;
    });
  };
  BOOST_TEST(wait_until(60, [&] { return sent(0) == 0; }));
  std::cout << "couriers of three hosts: " << kMessages << " messages, " << kMessages - sent(1)
            << " not sent once\n";
  BOOST_TEST(sent(1) == kMessages);
}

BOOST_AUTO_TEST_CASE(a_session_that_has_ended_on_one_host_is_unknown_on_the_others) {
  constexpr int kTimes = 1000;
  const std::string phone = fresh_phone();
  regist(phone);
  const std::string login = body_of({{"phone", phone}, {"password", "correct horse 42"}});
  std::atomic<int> alive{0};
  std::atomic<int> failed{0};
  in_parallel(4, kTimes, [&](int i) {
    const auto ask = [&](int host, const std::string& method, const std::string& path,
                         const std::string& token, const std::string& body = {}) {
      std::vector<std::string> headers{"Content-Type: application/json"};
      if (!token.empty()) headers.push_back("Authorization: Bearer " + token);
      return send(Host(host % kHosts + 1).url(),
                  {.method = method, .path = path, .body = body, .headers = headers});
    };
    const std::string token = ask(i, "POST", "/users/login", "", login).text("token");
    if (ask(i + 1, "GET", "/users/auth", token).status != 204) ++failed;
    if (ask(i + 1, "POST", "/users/logout", token, "{}").code() != 0) ++failed;
    if (ask(i + 2, "GET", "/users/auth", token).status != 401) ++alive;
  });
  std::cout << "logout on one host, use on another: " << kTimes << " times, " << alive << " alive, "
            << failed << " failed\n";
  BOOST_TEST(alive == 0);
  BOOST_TEST(failed == 0);
}

BOOST_AUTO_TEST_SUITE_END()
