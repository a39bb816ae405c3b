// What production does to a stack: workers killed and replaced, the database gone and back, a log
// that turns its page.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <mutex>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"
#include "support/whole_stack.hpp"

using namespace users::test;
using Clock = std::chrono::steady_clock;

namespace {

/// Every worker must have found the database, not just the first one asked.
bool every_worker_is_ready() {
  std::atomic<int> served{0};
  in_parallel(8, 32, [&](int) {
    if (send(base_url(), {.method = "GET", .path = "/users/health/ready", .headers = {}}).status ==
        200) {
      ++served;
    }
  });
  return served == 32;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(faults, WholeStack)

// A worker is killed after every fifth reply, but none while a registration under way has seen two
// kills: nginx has three tries.
BOOST_AUTO_TEST_CASE(workers_killed_in_mid_request_lose_no_registration,
                     *boost::unit_test::label("deep")) {
  constexpr int kRegistrations = 500;
  const int before = std::stoi(query("SELECT COUNT(*) FROM users"));
  std::mutex mutex;
  std::map<int, int> under_way;  // the kills there had been at its start
  int replies = 0;
  int made = 0;
  int kills = 0;
  in_parallel(8, kRegistrations, [&](int i) {
    {
      const std::lock_guard lock(mutex);
      under_way[i] = kills;
    }
    const int code = regist(fresh_phone()).code();
    const std::lock_guard lock(mutex);
    under_way.erase(i);
    made += code == 0 ? 1 : 0;
    const bool due = ++replies / 5 > kills;
    const auto bears_another = [&](const auto& one) { return kills - one.second < 2; };
    if (!due || !std::ranges::all_of(under_way, bears_another)) return;
    // Ids grow: the first is the one that has served longest.
    const auto pids = worker_pids("hash");
    if (!pids.empty() && ::kill(pids.front(), SIGKILL) == 0) ++kills;
  });
  std::cout << kRegistrations << " registrations, " << kills << " workers killed, " << made
            << " answers 0\n";
  BOOST_TEST(kills > kRegistrations / 10);
  BOOST_TEST(made == kRegistrations);
  BOOST_TEST(std::stoi(query("SELECT COUNT(*) FROM users")) == before + kRegistrations);
}

BOOST_AUTO_TEST_CASE(workers_replaced_one_by_one_fail_no_request,
                     *boost::unit_test::label("deep")) {
  std::atomic<int> failed{0};
  std::atomic<int> sent{0};
  std::atomic<bool> enough{false};
  const auto before = worker_pids();
  const auto load = [&] {
    in_parallel(8, 100'000, [&](int i) {
      if (enough) return;
      ++sent;
      const bool ok = i % 4 == 0 ? regist(fresh_phone()).code() == 0 : regist("x").code() == 1001;
      if (!ok) ++failed;
    });
  };
  std::thread traffic(load);
  run_script("scripts/reload");
  run_script("scripts/reload");
  enough = true;
  traffic.join();
  BOOST_TEST(sent > 100);
  BOOST_TEST(failed == 0);
  for (const int pid : worker_pids()) BOOST_TEST(std::ranges::count(before, pid) == 0);
}

BOOST_AUTO_TEST_CASE(the_database_gone_is_said_and_its_return_is_found) {
  const auto workers = worker_pids();
  const std::string phone = fresh_phone();
  run_script("scripts/stop database");
  for (const int i : {0, 1, 2, 3, 4, 5, 6, 7}) {
    const HttpReply reply = regist(phone);
    BOOST_TEST(reply.status == 503, i);
    BOOST_TEST(reply.code() == 9001, i);
    BOOST_TEST(reply.header("retry-after") == "1");
  }
  // A worker that was asked just before the stop may go on saying so for a second.
  HttpReply ready;
  BOOST_TEST(wait_until(30, [&] {
    ready = send(base_url(), {.method = "GET", .path = "/users/health/ready", .headers = {}});
    return ready.status == 503;
  }));
  BOOST_TEST(ready.header("retry-after") == "1");
  BOOST_TEST(
      send(base_url(), {.method = "GET", .path = "/users/health/live", .headers = {}}).status ==
      200);

  run_script("scripts/start database");
  BOOST_TEST(wait_until(30, every_worker_is_ready));
  BOOST_TEST(regist(phone).code() == 0);
  BOOST_TEST(worker_pids() == workers, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(two_seconds_after_the_database_there_is_service,
                     *boost::unit_test::label("deep")) {
  run_script("scripts/stop database");
  const auto start = Clock::now();
  BOOST_TEST(regist(fresh_phone()).code() == 9001);
  BOOST_TEST((Clock::now() - start < std::chrono::seconds(1)));
  run_script("scripts/start database");
  const auto back = Clock::now();
  BOOST_TEST(wait_until(10, every_worker_is_ready));
  BOOST_TEST((Clock::now() - back < std::chrono::seconds(2)));
}

BOOST_AUTO_TEST_CASE(a_worker_killed_while_idle_is_replaced) {
  const auto before = worker_pids();
  BOOST_TEST_REQUIRE(::kill(before.front(), SIGKILL) == 0);
  BOOST_TEST(wait_until(30, [&] {
    const auto now = worker_pids();
    return now.size() == before.size() && std::ranges::count(now, before.front()) == 0;
  }));
  for (std::size_t i = 0; i < before.size(); ++i) BOOST_TEST(regist(fresh_phone()).code() == 0);
}

BOOST_AUTO_TEST_CASE(the_database_restarted_in_traffic_loses_nothing_that_was_said,
                     *boost::unit_test::label("deep")) {
  std::atomic<bool> enough{false};
  std::atomic<int> wrong{0};
  std::atomic<int> made{0};
  std::atomic<int> away{0};
  std::thread traffic([&] {
    in_parallel(6, 100'000, [&](int) {
      if (enough) return;
      const std::string phone = fresh_phone();
      const HttpReply reply = regist(phone);
      if (reply.code() == 0) {
        ++made;
        return;
      }
      // Unknown or refused: the retry with the same phone must end at one row, whichever it was.
      if (reply.code() != 9001 || reply.header("retry-after") != "1") ++wrong;
      ++away;
      if (!wait_until(20, [&] {
            const int code = regist(phone).code();
            return code == 0 || code == 1002;
          })) {
        ++wrong;
      }
      ++made;
    });
  });
  const int before = std::stoi(query("SELECT COUNT(*) FROM users"));
  BOOST_TEST(wait_until(30, [&] { return made > 20; }));
  run_script("scripts/stop database");
  BOOST_TEST(wait_until(30, [&] { return away > 0; }));
  run_script("scripts/start database");
  const int seen = made;
  BOOST_TEST(wait_until(30, [&] { return made > seen + 20; }));
  enough = true;
  traffic.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(away > 0);
  BOOST_TEST(query("SELECT COUNT(*) FROM users") ==
             query("SELECT COUNT(DISTINCT phone) FROM users"));
  BOOST_TEST(std::stoi(query("SELECT COUNT(*) FROM users")) >= before);
}

BOOST_AUTO_TEST_CASE(the_pool_gone_is_said_in_json) {
  run_script("scripts/stop pool");
  const HttpReply reply = regist(fresh_phone());
  BOOST_TEST(reply.status == 503);
  BOOST_TEST(reply.code() == 9001);
  BOOST_TEST(reply.header("retry-after") == "1");
  BOOST_TEST(reply.body.find(R"("retry_after":1)") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
