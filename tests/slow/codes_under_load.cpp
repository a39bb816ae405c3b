// Codes and messages at full load; `make guess`, `flood` and `couriers` run one case each and print
// its figures.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/budget.hpp"
#include "support/metrics_text.hpp"
#include "support/nginx_site.hpp"

using namespace users::test;

namespace {

/// Sets columns of all waiting messages. Retries after a deadlock with a courier, as the service
/// does.
void change_outbox(const std::string& columns) {
  constexpr int kMost = 100;
  for (int i = 1;; ++i) {
    try {
      query("UPDATE outbox SET " + columns + " WHERE state = 'pending'");
      return;
    } catch (const users::db::Deadlock&) {
      if (i == kMost) throw;
    }
  }
}

/// Counts in the database how often a code of this phone was compared.
class Comparisons {
 public:
  explicit Comparisons(const std::string& e164) {
    query("CREATE TABLE comparisons (n INT NOT NULL); INSERT INTO comparisons VALUES (0)");
    query(
        "CREATE TRIGGER count_comparisons AFTER UPDATE ON verification_codes FOR EACH ROW UPDATE "
        "comparisons SET n = n + (NEW.tries > OLD.tries AND NEW.phone = '" +
        e164 + "')");
  }
  ~Comparisons() { query("DROP TRIGGER count_comparisons; DROP TABLE comparisons"); }
  Comparisons(const Comparisons&) = delete;
  Comparisons& operator=(const Comparisons&) = delete;

  [[nodiscard]] static int count() { return std::stoi(query("SELECT n FROM comparisons")); }
};

/// The lines written by the tests' gateway.
std::vector<std::string> spool() {
  std::ifstream file(state_folder() + "/spool/sms.log");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

double at(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size()))];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codes_under_load, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(guess) {
  constexpr int kGuesses = 500;
  constexpr int kAllowed = 20;
  Person victim;
  victim.regist();
  const Comparisons comparisons(victim.e164());
  std::atomic<int> codes{0};
  std::atomic<int> refused{0};
  std::atomic<int> in{0};
  const auto try_one = [&](int i) {
    if (i % 25 == 0) {
      query("DELETE FROM throttle WHERE bucket LIKE 'send%:" + victim.e164() + "'");
      if (post("code", {{"phone", victim.phone()}, {"purpose", "login"}}).code() == 0) ++codes;
    }
    const HttpReply reply = login_by(victim, std::to_string(100'000 + i));
    if (reply.code() == 1007) ++refused;
    if (reply.code() == 0) ++in;
  };
  try_one(0);
  over_all_workers("guess:" + victim.e164(), kGuesses - 1, [&](int i) { try_one(i + 1); });
  const int compared = Comparisons::count();
  std::cout << "guess: " << kGuesses << " guesses in parallel over " << worker_pids("hash").size()
            << " workers and " << codes << " codes sent, " << compared << " compared of "
            << kAllowed << " allowed, " << refused << " refused with 1007, " << in << " got in"
            << std::endl;
  BOOST_TEST(codes > 10);
  BOOST_TEST(compared > 0);
  BOOST_TEST(compared <= kAllowed);
  BOOST_TEST(refused == kGuesses - kAllowed);
  BOOST_TEST(in == 0);
}

BOOST_AUTO_TEST_CASE(flood) {
  const Site site(run_folder());
  Person person;
  person.regist();
  const std::string session = "Authorization: Bearer " + person.token();
  int failed = 0;
  int asked = 0;
  // Milliseconds of each check, sorted; each from another address, so that no limit is met.
  const auto checks = [&](const std::function<bool(std::size_t)>& more) {
    std::vector<double> times;
    while (more(times.size())) {
      ++asked;
      const HttpReply reply =
          send(site.plain(), {.method = "GET",
                              .path = "/users/auth",
                              .headers = {session},
                              .source_address = "10.0." + std::to_string(asked / 250 % 250) + "." +
                                                std::to_string(asked % 250)});
      times.push_back(reply.milliseconds);
      if (reply.status != 204) ++failed;
    }
    std::ranges::sort(times);
    return times;
  };
  constexpr std::size_t kChecks = 2000;
  const auto quiet = checks([](std::size_t done) { return done < kChecks; });
  const Samples before = scrape();
  constexpr int kClients = 64;
  constexpr std::chrono::milliseconds kPause{50};
  std::atomic<bool> enough{false};
  std::atomic<int> sent{0};
  std::atomic<int> refused{0};
  std::jthread clients([&] {
    in_parallel(kClients, kClients, [&](int client) {
      const std::string address = "10.1.0." + std::to_string(client);
      while (!enough) {
        // An attacker has another machine: clients that never pause would measure themselves.
        std::this_thread::sleep_for(kPause);
        const HttpReply reply =
            send(site.plain(), {.path = "/users/code",
                                .body = R"({"phone":")" + fresh_phone() + R"("})",
                                .source_address = address});
        ++(reply.code() == 0 ? sent : refused);
      }
    });
  });
  std::jthread hours([&] {
    while (!enough) {
      query(kWholeBudget);
      std::this_thread::sleep_for(2 * kPause);
    }
  });
  BOOST_TEST(wait_until(30, [&] { return refused > kClients; }));
  const auto busy = checks([](std::size_t done) { return done < kChecks; });
  enough = true;
  clients.join();
  // All were refused by nginx, none by the service's own budget.
  BOOST_TEST(grown(before, scrape(), R"(users_throttled_total{limit="sms-hour"})") == 0);
  std::cout << "flood: POST code by " << kClients << " clients, 20 a second each, " << sent
            << " sent, " << refused << " refused; GET auth p50 " << at(quiet, 0.5) << " ms and p99 "
            << at(quiet, 0.99) << " ms before, " << at(busy, 0.5) << " ms and " << at(busy, 0.99)
            << " ms meanwhile" << std::endl;
  BOOST_TEST(failed == 0);
  // Only the release build has the speed.
  if (program("users-fcgi").find("/release/") != std::string::npos) BOOST_TEST(at(busy, 0.99) < 10);
}

BOOST_AUTO_TEST_CASE(couriers) {
  constexpr std::size_t kMessages = 200;
  constexpr std::size_t kEvery = 9;
  query(kWholeBudget);
  // Discards messages that other cases have left.
  change_outbox("state = 'unsent', sealed = NULL");
  const std::size_t before = spool().size();
  const Samples samples = scrape();
  std::vector<std::string> phones(kMessages);
  std::ranges::generate(phones, fresh_phone);
  std::atomic<std::size_t> stored{0};
  in_parallel(8, kMessages, [&](int i) {
    const HttpReply reply = post("code", {{"phone", phones[static_cast<std::size_t>(i)]}});
    if (reply.code() == 0) ++stored;
  });
  BOOST_TEST(stored == kMessages);
  // The rest is sent while couriers are killed one after another.
  std::size_t next = spool().size() + kEvery;
  int killed = 0;
  const bool done = wait_until(60, [&] {
    if (spool().size() >= next) {
      for (const int pid : worker_pids("courier")) killed += ::kill(pid, SIGKILL) == 0 ? 1 : 0;
      next += kEvery;
    }
    // As if the lease of a dead courier's message had run out.
    change_outbox("nextTime = UTC_TIMESTAMP()");
    return query("SELECT COUNT(*) FROM outbox WHERE state = 'pending'") == "0";
  });
  BOOST_TEST(done);
  std::map<std::string, int> times;
  const auto lines = spool();
  for (std::size_t i = before; i < lines.size(); ++i) {
    ++times[members_of(lines[i])["phone"]];
  }
  int once = 0;
  int twice = 0;
  for (const std::string& phone : phones) {
    once += times["+86" + phone] == 1 ? 1 : 0;
    twice += times["+86" + phone] == 2 ? 1 : 0;
  }
  const int unknown =
      static_cast<int>(grown(samples, scrape(), R"(users_sms_total{result="unknown"})"));
  std::cout << "couriers: " << kMessages << " messages, " << killed << " couriers killed, " << once
            << " sent once, " << twice << " twice; " << unknown << " counted as unknown"
            << std::endl;
  BOOST_TEST(killed > 5);
  BOOST_TEST(once + twice == static_cast<int>(kMessages));
  BOOST_TEST(twice <= unknown);
  BOOST_TEST(unknown <= killed);
}

BOOST_AUTO_TEST_SUITE_END()
