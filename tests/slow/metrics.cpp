// Metrics and health of a stack, as a monitoring server sees them.
#include <atomic>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "support/metrics_text.hpp"
#include "support/person.hpp"

using namespace users::test;

namespace {

/// Creates a sample of everything.
void provoke_everything() {
  const std::string phone = fresh_phone();
  in_parallel(8, 8, [&](int) { regist(phone); });  // one wins, others get a duplicate key
  (void)Person(phone).token();
  for (int i = 0; i < 2; ++i) {
    post("code", {{"phone", phone}});
  }
}

/// Counts the answers that clients got, by the counter's label.
class Tally {
 public:
  void add(const std::string& route, int code) {
    const std::scoped_lock lock(mutex_);
    ++replies_[requests(route, code)];
    ++total_;
  }
  [[nodiscard]] std::map<std::string, int> replies() {
    const std::scoped_lock lock(mutex_);
    return replies_;
  }
  [[nodiscard]] int total() const { return total_; }

 private:
  std::mutex mutex_;
  std::map<std::string, int> replies_;
  std::atomic<int> total_{0};
};

/// Sends eight kinds of requests in turn. Needs existing users.
class Traffic {
 public:
  explicit Traffic(int count) : count_(count) {
    for (int i = 0; i < kKnown; ++i) {
      known_.push_back(fresh_phone());
      BOOST_TEST_REQUIRE(regist(known_.back()).code() == 0);
    }
    token_ = Person(known_[0]).token();
  }

  void run(Tally& tally) {
    in_parallel(48, count_, [&](int i) { ask(i, tally); });
  }

 private:
  static constexpr int kKnown = 200;  // too few wrong passwords per phone to lock it

  void ask(int i, Tally& tally) {
    const std::string& known = known_[static_cast<std::size_t>(i / 8 % kKnown)];
    switch (i % 8) {
      case 0:
      case 1:
        return tally.add("POST regist", regist(fresh_phone()).code());
      case 2:
        return tally.add("POST regist", send(base_url(), {.body = "{}"}).code());
      case 3:
        return tally.add("POST regist", regist(known).code());
      case 4:
        return tally.add("POST login", Person(known).login().code());
      case 5:
        return tally.add("POST login",
                         post("login", {{"phone", known}, {"password", "wrong"}}).code());
      case 6:
        return tally.add("GET auth", call("GET", "auth", token_).status == 204 ? 0 : 1009);
      default:
        return tally.add("other", call("GET", "nothing").code());
    }
  }

  int count_;
  std::vector<std::string> known_;
  std::string token_;
};

/// Blocks all statements on users while it lives.
class LockedUsers {
 public:
  LockedUsers() : connection_(administrator("users")) {
    connection_->run_script("LOCK TABLES users WRITE", "lock");
  }
  /// How many workers of the hash pool wait for it; the other pool only looks up the user of a
  /// token.
  [[nodiscard]] static int waiting_for_hash_pool() {
    return std::stoi(
        query("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'users_service' "
              "AND state = 'Waiting for table metadata lock' AND info NOT LIKE '%WHERE s.tokenHash "
              "= %'"));
  }

 private:
  std::unique_ptr<users::db::Connection> connection_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(any_worker_tells_of_both_pools_and_of_the_database) {
  provoke_everything();
  const Samples samples = scrape();
  BOOST_TEST(samples.at("users_workers") == 12);
  BOOST_TEST(samples.at("users_workers_busy") >= 1);
  BOOST_TEST(samples.at("users_database_up") == 1);
  BOOST_TEST(value_of(samples, requests("POST regist", 0)) >= 1);
  BOOST_TEST(value_of(samples, requests("GET health/ready", 0)) >= 1);
  BOOST_TEST(samples.count("users_imported_hashes") == 1U);
  for (const char* state : {"pending", "sent", "failed", "unsent"}) {
    BOOST_TEST(samples.count("users_outbox_messages{state=\"" + std::string(state) + "\"}") == 1U);
  }
}

BOOST_AUTO_TEST_CASE(the_outbox_is_told_as_the_database_has_it) {
  run_script("scripts/stop courier");
  query(
      "INSERT INTO outbox (sealed, state, createTime, nextTime, expireTime) VALUES (NULL, "
      "'pending', UTC_TIMESTAMP() - INTERVAL 1000 SECOND, UTC_TIMESTAMP() + INTERVAL 1 DAY, "
      "UTC_TIMESTAMP())");
  const Samples samples = scrape();
  for (const std::string state : {"pending", "sent", "failed", "unsent"}) {
    BOOST_TEST(samples.at("users_outbox_messages{state=\"" + state + "\"}") ==
               std::stod(query("SELECT COUNT(*) FROM outbox WHERE state = '" + state + "'")));
  }
  BOOST_TEST(samples.at("users_outbox_oldest_seconds") >= 1000);
  BOOST_TEST(samples.at("users_outbox_oldest_seconds") < 1060);
  query("DELETE FROM outbox WHERE nextTime > UTC_TIMESTAMP() + INTERVAL 1 HOUR");
  run_script("scripts/start courier");
}

BOOST_AUTO_TEST_CASE(without_the_database_they_still_come) {
  run_script("scripts/stop database");
  // Every worker has to notice for itself.
  for (int i = 0; i < 8; ++i) {
    const Samples samples = scrape();
    BOOST_TEST(samples.at("users_database_up") == 0);
    BOOST_TEST(samples.count("users_outbox_oldest_seconds") == 0U);
    BOOST_TEST(samples.at("users_workers") == 12);
  }
  run_script("scripts/start database");
  BOOST_TEST(wait_until(30, [] { return scrape().at("users_database_up") == 1; }));
}

BOOST_AUTO_TEST_CASE(a_storm_of_probes_asks_the_database_once_a_second) {
  const auto selects = [] {
    return std::stol(
        query("SELECT VARIABLE_VALUE FROM information_schema.global_status WHERE VARIABLE_NAME = "
              "'Com_select'"));
  };
  constexpr int kProbes = 600;
  constexpr int kWorkers = 4;
  const auto storm = [] {
    std::atomic<int> ready{0};
    in_parallel(8, kProbes, [&](int) {
      if (call("GET", "health/ready").status == 200) ++ready;
    });
    return ready.load();
  };
  // A worker that found the database away waits for up to 5 s before it tries again.
  BOOST_TEST(wait_until(30, [&] { return storm() == kProbes; }));
  const auto start = std::chrono::steady_clock::now();
  const long before = selects();
  BOOST_TEST(storm() == kProbes);
  const long asked = selects() - before;
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start);
  // Besides the probes, the courier looks for messages and this test asks for the number.
  constexpr long kOfOthers = 8;
  BOOST_TEST(asked <= (seconds.count() + 2) * (kWorkers + kOfOthers));
  BOOST_TEST(asked < kProbes / 4);
}

BOOST_AUTO_TEST_CASE(the_counters_equal_what_clients_were_answered_though_workers_are_killed) {
  Traffic traffic(1600);
  Tally tally;
  const Samples before = scrape();
  const auto workers = worker_pids("hash");
  BOOST_TEST_REQUIRE(workers.size() == 8U);
  {
    const std::jthread clients([&] { traffic.run(tally); });
    BOOST_TEST(wait_until(30, [&] { return tally.total() >= 200; }));
    // All eight are in a request that they have not counted yet. If one is killed, the worker that
    // nginx tries next counts it.
    const LockedUsers locked;
    BOOST_TEST_REQUIRE(wait_until(30, [] { return LockedUsers::waiting_for_hash_pool() == 8; }));
    ::kill(workers[2], SIGKILL);
    ::kill(workers[5], SIGKILL);
  }
  const Samples after = scrape();

  auto answered = tally.replies();
  // nginx does not repeat a login: if its worker was killed, nginx reports the failure.
  const int of_nginx = answered[requests("POST login", 9001)];
  answered.erase(requests("POST login", 9001));
  BOOST_TEST(of_nginx <= 2);
  BOOST_TEST(value_of(after, requests("POST login", 9001)) ==
             value_of(before, requests("POST login", 9001)));
  BOOST_TEST(answered.size() == 7U);
  for (const auto& [sample, count] : answered) {
    BOOST_TEST_INFO(sample);
    BOOST_TEST(grown(before, after, sample) == count);
  }
  // Nothing else was counted.
  answered[requests("GET metrics", 0)] = 1;
  for (const auto& [sample, value] : after) {
    if (sample.starts_with("users_requests_total") && grown(before, after, sample) != 0) {
      BOOST_TEST(answered.count(sample) == 1U, sample);
    }
  }
  BOOST_TEST(grown(before, after, "users_registrations_total") ==
             answered[requests("POST regist", 0)]);
  BOOST_TEST(answered[requests("POST regist", 0)] == 400);
  BOOST_TEST(grown(before, after, "users_logins_total{by=\"password\"}") ==
             answered[requests("POST login", 0)]);
  BOOST_TEST(grown(before, after, "users_request_seconds_count{route=\"POST regist\"}") == 800);
  BOOST_TEST(grown(before, after, "users_throttled_total{limit=\"login\"}") == 0);
  BOOST_TEST(grown(before, after, "users_workers_ended_total") == 0);
  BOOST_TEST(wait_until(30, [] { return scrape().at("users_workers") == 12; }));
}

BOOST_AUTO_TEST_CASE(promtool_dashboard_and_alerts_agree_with_a_scrape) {
  provoke_everything();
  const std::string file = state_folder() + "/metrics.txt";
  // What only a node of a cluster has.
  std::ofstream(file) << call("GET", "metrics").body << "users_cluster_nodes 3\n"
                      << "users_cluster_paused_seconds 0\nusers_database_hosts 3\n";
  const Command command = run_command("tests/monitoring '" + file + "' 2>&1");
  BOOST_TEST(command.status == 0, command.output);
}

BOOST_AUTO_TEST_SUITE_END()
