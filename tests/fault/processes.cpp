// Processes killed and frozen during traffic. Couriers: slow/gateway.cpp.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <random>

#include <boost/test/unit_test.hpp>

#include "fault/ledger.hpp"
#include "support/person.hpp"
#include "support/whole_stack.hpp"

using namespace users::test;

namespace {

/// The stack of all tests of this kind: cheap hashes for much traffic, and a short limit for stuck
/// workers.
struct Settings {
  Settings() {
    ::setenv("USERS_FCGI_PASSWORD_ARGON2_MEMORY", "64", 1);
    ::setenv("USERS_FCGI_PASSWORD_ARGON2_PASSES", "1", 1);
    ::setenv("USERS_FCGI_WORKER_REQUEST_LIMIT", "2", 1);
    ::setenv("USERS_FCGI_DATABASE_READ_TIMEOUT", "8", 1);
    ::setenv("USERS_FCGI_SMS_PER_HOUR", "1000000", 1);
    run_script("scripts/stop pool courier");
    run_script("scripts/start");
  }
};

/// The process that leads a part of the stack.
int leader_of(const std::string& part) {
  int pid = 0;
  std::ifstream(run_folder() + "/" + part + ".pid") >> pid;
  BOOST_TEST_REQUIRE(pid > 0);
  return pid;
}

int random_of(const std::vector<int>& pids) {
  static std::minstd_rand random{std::random_device{}()};
  BOOST_TEST_REQUIRE(!pids.empty());
  return pids[random() % pids.size()];
}

bool runs(int pid, const char* pool) {
  const auto pids = worker_pids(pool);
  return std::ranges::count(pids, pid) != 0;
}

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(Settings);

BOOST_FIXTURE_TEST_SUITE(processes, WholeStack)

BOOST_AUTO_TEST_CASE(workers_killed_eight_times_a_second) {
  survive("workers killed", [](Traffic& traffic) {
    for (int killed = 0; killed < 24;) {
      for (const char* pool : {"hash", "fast"}) {
        if (::kill(random_of(worker_pids(pool)), SIGKILL) == 0) ++killed;
      }
      traffic.flow(20);
    }
  });
}

BOOST_AUTO_TEST_CASE(workers_frozen_in_requests_are_ended_by_others) {
  constexpr int kInRequests = 3;
  survive("workers frozen in requests", [](Traffic& traffic) {
    // Ensures that they are in requests.
    const auto locker = administrator("users");
    locker->run_script("LOCK TABLES users WRITE", "lock");
    BOOST_TEST(wait_until(10, [] {
      return std::stoi(query("SELECT COUNT(*) FROM information_schema.processlist WHERE user = "
                             "'users_service' AND state LIKE 'Waiting%'")) >= kInRequests;
    }));
    const std::vector<int> frozen = worker_pids("hash");
    for (const int pid : frozen) ::kill(pid, SIGSTOP);
    locker->run_script("UNLOCK TABLES", "unlock");
    // Those without a request block nobody and are left alone.
    BOOST_TEST(wait_until(10, [&] {
      return std::ranges::any_of(frozen, [](int pid) { return !runs(pid, "hash"); });
    }));
    traffic.flow(200);
    for (const int pid : frozen) ::kill(pid, SIGCONT);
  });
}

BOOST_AUTO_TEST_CASE(an_nginx_worker_killed) {
  expect_alert("exited on signal 9");
  survive("an nginx worker killed", [](Traffic& traffic) {
    for (int round = 0; round < 3; ++round) {
      ::kill(random_of(worker_pids("nginx")), SIGKILL);
      traffic.flow(100);
    }
  });
}

BOOST_AUTO_TEST_CASE(an_nginx_worker_frozen_for_a_second) {
  survive("an nginx worker frozen", [](Traffic&) {
    const int pid = random_of(worker_pids("nginx"));
    ::kill(pid, SIGSTOP);
    std::this_thread::sleep_for(std::chrono::seconds(1));  // the fault's length
    ::kill(pid, SIGCONT);
  });
}

BOOST_AUTO_TEST_CASE(multiwatch_frozen_replaces_a_dead_worker_later) {
  const int leader = leader_of("hash");
  const std::size_t whole = worker_pids("hash").size();
  survive("multiwatch frozen while a worker dies", [&](Traffic& traffic) {
    ::kill(leader, SIGSTOP);
    const int dead = random_of(worker_pids("hash"));
    ::kill(dead, SIGKILL);
    traffic.flow(200);
    // Not reaped yet.
    BOOST_TEST(runs(dead, "hash"));
    ::kill(leader, SIGCONT);
    BOOST_TEST(
        wait_until(5, [&] { return !runs(dead, "hash") && worker_pids("hash").size() == whole; }));
  });
}

BOOST_AUTO_TEST_CASE(a_courier_frozen_and_killed_sends_what_was_asked_for) {
  constexpr int kMessages = 5;
  std::vector<Person> people(kMessages);
  survive("the courier frozen, then killed", [&](Traffic& traffic) {
    const std::vector<int> couriers = worker_pids("courier");
    BOOST_TEST_REQUIRE(!couriers.empty());
    for (const int pid : couriers) ::kill(pid, SIGSTOP);
    for (const Person& person : people) {
      BOOST_TEST(post("code", {{"phone", person.phone()}, {"purpose", "regist"}}).code() == 0);
    }
    traffic.flow(100);
    for (const Person& person : people) BOOST_TEST(codes_sent(person.e164(), "regist").empty());
    for (const int pid : couriers) ::kill(pid, SIGKILL);
    for (const Person& person : people) {
      BOOST_TEST(wait_until(40, [&] { return !codes_sent(person.e164(), "regist").empty(); }));
    }
  });
  for (const Person& person : people) BOOST_TEST(codes_sent(person.e164(), "regist").size() == 1U);
}

BOOST_AUTO_TEST_CASE(workers_outlive_their_leader_and_a_start_makes_the_pool_whole) {
  // While the socket is created again.
  expect_alert("run/hash.sock failed");
  survive("multiwatch killed, the pool started anew", [](Traffic& traffic) {
    BOOST_TEST_REQUIRE(::kill(leader_of("hash"), SIGKILL) == 0);
    traffic.flow(200);
    BOOST_TEST(traffic.unanswered() == 0);
    // The pool must not inherit this program's descriptors.
    run_script(
        "bash -c 'for file in /proc/$$/fd/*; do n=${file##*/}; ((n < 3)) || eval \"exec $n>&-\"; "
        "done; scripts/start'");
  });
}

BOOST_AUTO_TEST_CASE(nginx_reloaded_and_workers_replaced_fail_no_request) {
  const Tally met = survive("nginx reloaded three times, workers replaced", [](Traffic& traffic) {
    for (int round = 0; round < 3; ++round) {
      ::kill(leader_of("nginx"), SIGHUP);
      traffic.flow(100);
    }
    run_script("scripts/reload");
  });
  BOOST_TEST(met.unknown == 0);
}

BOOST_AUTO_TEST_SUITE_END()
