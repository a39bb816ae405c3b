// The same request at three hosts at once. What must happen once happens once, and each host sees
// at once what another has acknowledged.
#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "cluster/host.hpp"
#include "support/authenticator.hpp"
#include "support/json.hpp"
#include "support/person.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

using Replies = std::array<HttpReply, kHosts>;

/// In each of `rounds`, sends a request to every host at once and passes the replies to `judge`.
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

/// In each round, registers a fresh phone at every host at once. Checks the replies with
/// `is_right`, and that each phone has one account. `with_key`: all three send the same
/// Idempotency-Key.
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

/// Registers, requests a code for login, and returns it.
std::string code_for_login(const Person& person) {
  regist(person.phone());
  post("code", {{"phone", person.phone()}, {"purpose", "login"}});
  BOOST_TEST_REQUIRE(wait_until(30, [&] { return !codes_sent(person.e164(), "login").empty(); }));
  return codes_sent(person.e164(), "login").back();
}

HttpRequest login_by(const Person& person, const std::string& code) {
  return {.path = "/users/login", .body = body_of({{"phone", person.phone()}, {"code", code}})};
}

/// A session that is opened on one host, used and ended on another. Hosts are counted from 1.
class Journey {
 public:
  Journey(const std::string& phone, int opened_on) {
    const std::string login = body_of({{"phone", phone}, {"password", "correct horse 42"}});
    token_ = ask(opened_on, "POST", "login", login).text("token");
  }

  /// Returns false if that host does not know the session.
  [[nodiscard]] bool end(int host) const {
    return auth(host) == 204 && ask(host, "POST", "logout", "{}").code() == 0;
  }

  /// Returns the status.
  [[nodiscard]] long auth(int host) const { return ask(host, "GET", "auth").status; }

 private:
  [[nodiscard]] HttpReply ask(int host, const std::string& method, const std::string& endpoint,
                              const std::string& body = {}) const {
    std::vector<std::string> headers{"Content-Type: application/json"};
    if (!token_.empty()) headers.push_back("Authorization: Bearer " + token_);
    return send(Host(host).url(),
                {.method = method, .path = "/users/" + endpoint, .body = body, .headers = headers});
  }

  std::string token_;
};

/// While it exists, the host's fast pool runs with session_reads = local.
class LocalReads {
 public:
  explicit LocalReads(Host host) : host_(host) {
    restart("USERS_FCGI_DATABASE_SESSION_READS=local");
  }
  ~LocalReads() { restart(""); }
  LocalReads(const LocalReads&) = delete;
  LocalReads& operator=(const LocalReads&) = delete;

 private:
  void restart(const std::string& environment) const {
    host_.stop("fast");
    host_.start("fast", environment);
  }

  Host host_;
};

/// A node that applies nothing of what the others commit, until release().
class Held {
 public:
  explicit Held(const Host& host) : connection_(host.connect()) {
    connection_->run_script("FLUSH TABLES WITH READ LOCK", "test");
  }
  void release() const { connection_->run_script("UNLOCK TABLES", "test"); }

 private:
  std::unique_ptr<users::db::Connection> connection_;
};

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
  const std::string right = code_for_login(person);
  const std::string wrong = right == "000000" ? "000001" : "000000";
  int let_in = 0;
  int failed = 0;
  at_once(
      kRounds, [&](int, int) { return login_by(person, wrong); },
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
  BOOST_TEST(send(base_url(), login_by(person, right)).code() != 0);
}

BOOST_AUTO_TEST_CASE(a_code_that_is_used_on_all_hosts_at_once_opens_one_session) {
  constexpr int kRounds = 20;
  const std::vector<Person> people(kRounds);
  std::vector<std::string> codes;
  for (const Person& person : people) codes.push_back(code_for_login(person));
  int wrong = 0;
  at_once(
      kRounds,
      [&](int round, int) {
        const auto i = static_cast<std::size_t>(round);
        return login_by(people[i], codes[i]);
      },
      [&](int, const Replies& replies) {
        if (count_of(replies, 0) != 1 || count_of(replies, 1006) != kHosts - 1) ++wrong;
      });
  std::cout << "one code on three hosts: " << kRounds << " times, " << wrong << " wrong\n";
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(changes_of_one_account_on_all_hosts_exclude_each_other) {
  constexpr int kRounds = 10;
  constexpr int kCodes = 10;
  const std::vector<Enrolled> people(kRounds);
  const auto renew = [&](int round, int) -> HttpRequest {
    return {.path = "/users/factors/recovery",
            .headers = {"Authorization: Bearer " + people[static_cast<std::size_t>(round)].token}};
  };
  std::string ids = "0";
  for (const Enrolled& one : people) ids += "," + one.id();
  const std::string codes = "FROM recovery_codes WHERE user_id IN (" + ids + ")";
  query("DELETE " + codes);
  int renewed = 0;
  at_once(kRounds, renew,
          [&](int, const Replies& replies) { renewed += count_of(replies, 0) > 0 ? 1 : 0; });
  BOOST_TEST(renewed == kRounds);
  const std::string left = query("SELECT COUNT(*) " + codes);
  int deleted = 0;
  at_once(
      kRounds,
      [&](int round, int host) {
        HttpRequest request = renew(round, host);
        if (host != 0) return request;
        request.method = "DELETE";
        request.path = "/users/me";
        request.body =
            body_of({{"password", people[static_cast<std::size_t>(round)].person.password()}});
        return request;
      },
      [&](int, const Replies& replies) { deleted += replies[0].code() == 0 ? 1 : 0; });
  BOOST_TEST(deleted == kRounds);
  const std::string orphans = query("SELECT COUNT(*) " + codes);
  std::cout << "recovery codes renewed on three hosts: " << kRounds << " times, " << left
            << " codes; of accounts that were deleted meanwhile " << orphans << '\n';
  BOOST_TEST(left == std::to_string(kRounds * kCodes));
  BOOST_TEST(orphans == "0");
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
    const auto all = phones_with_codes("regist");
    return std::ranges::count_if(
        phones, [&](const std::string& phone) { return all.count("+86" + phone) == times; });
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
  std::atomic<int> alive{0};
  std::atomic<int> failed{0};
  in_parallel(4, kTimes, [&](int i) {
    const Journey session(phone, i % kHosts + 1);
    if (!session.end((i + 1) % kHosts + 1)) ++failed;
    if (session.auth((i + 2) % kHosts + 1) != 401) ++alive;
  });
  std::cout << "logout on one host, use on another: " << kTimes << " times, " << alive
            << " alive\n";
  BOOST_TEST(alive == 0);
  BOOST_TEST(failed == 0);
}

BOOST_AUTO_TEST_CASE(with_local_reads_a_session_ends_on_the_others_soon) {
  constexpr int kTimes = 1000;
  constexpr double kSoon = 1;
  const LocalReads local(Host(3));
  const std::string phone = fresh_phone();
  regist(phone);
  std::atomic<int> alive{0};
  std::atomic<int> alive_later{0};
  std::atomic<int> failed{0};
  in_parallel(4, kTimes, [&](int i) {
    const Journey session(phone, i % kHosts + 1);
    if (!session.end(i % 2 + 1)) ++failed;
    if (session.auth(3) == 401) return;
    ++alive;
    if (!wait_until(kSoon, [&] { return session.auth(3) == 401; })) ++alive_later;
  });
  std::cout << "the same with local reads: " << kTimes << " times, " << alive << " alive, "
            << alive_later << " after a second\n";
  BOOST_TEST(alive_later == 0);
  BOOST_TEST(failed == 0);
}

BOOST_AUTO_TEST_CASE(while_a_node_applies_nothing_only_local_reads_accept_an_ended_session) {
  const std::string phone = fresh_phone();
  regist(phone);
  const auto status_while_held = [&](double least) {
    const Journey session(phone, 1);
    BOOST_TEST(wait_until(5, [&] { return session.auth(3) == 204; }));
    const Held node(Host(3));
    BOOST_TEST(session.end(2));
    std::jthread release([&] {
      std::this_thread::sleep_for(std::chrono::seconds(2));
      node.release();
    });
    const auto start = std::chrono::steady_clock::now();
    const long status = session.auth(3);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    BOOST_TEST(seconds.count() > least);
    return status;
  };
  BOOST_TEST(status_while_held(1.5) == 401);
  const LocalReads local(Host(3));
  BOOST_TEST(status_while_held(0) == 204);
}

BOOST_AUTO_TEST_SUITE_END()
