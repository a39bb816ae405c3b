// Production's worst minutes at full load, one case each; `make kill`, `race`, `hang`, `restart`,
// `away` and `storm` run one and show its figures.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <latch>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "support/stack.hpp"
#include "support/whole_stack.hpp"

using namespace users::test;
using Clock = std::chrono::steady_clock;

namespace {

const auto kDeep = boost::unit_test::label("deep");

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int rows() {
  return std::stoi(query("SELECT COUNT(*) FROM users"));
}

/// A registration whose retry by the same call is the same registration.
HttpReply regist_with_key(const std::string& phone) {
  return send(base_url(),
              {.body = registration(phone),
               .headers = {"Content-Type: application/json", "Idempotency-Key: " + phone}});
}

/// Registrations by `clients` at a time until it is destroyed; each is asked again until it is 0.
class Traffic {
 public:
  struct Answer {
    int code;
    std::string request_id;
    double seconds;
    Clock::time_point at;
  };

  explicit Traffic(int clients) : thread_([this, clients] { run(clients); }) {}
  ~Traffic() { end(); }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  /// No new registration begins; waits for those under way.
  void end() {
    enough_ = true;
    if (thread_.joinable()) thread_.join();
  }
  /// Answers so far with `code`.
  [[nodiscard]] int count(int code) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(
        std::ranges::count_if(answers_, [&](const Answer& one) { return one.code == code; }));
  }
  /// True when `code` has come `more` times from now on; false after 30 seconds.
  [[nodiscard]] bool await(int code, int more) {
    const int before = count(code);
    return wait_until(30, [&] { return count(code) >= before + more; });
  }
  /// Only after end().
  [[nodiscard]] const std::vector<Answer>& answers() const { return answers_; }
  [[nodiscard]] int registered() const { return registered_; }

 private:
  void run(int clients) {
    in_parallel(clients, 1'000'000, [this](int) {
      if (enough_) return;
      const std::string phone = fresh_phone();
      const auto done = [&] { return ask(phone) == 0; };
      registered_ += wait_until(60, done) ? 1 : 0;
    });
  }

  int ask(const std::string& phone) {
    const auto start = Clock::now();
    const HttpReply reply = regist_with_key(phone);
    const int code = reply.code();
    const std::lock_guard lock(mutex_);
    answers_.push_back({code, reply.header("x-request-id"), seconds_since(start), Clock::now()});
    return code;
  }

  std::mutex mutex_;
  std::vector<Answer> answers_;
  std::atomic<bool> enough_{false};
  std::atomic<int> registered_{0};
  std::jthread thread_;
};

/// The workers wait this long for the database, so that a test need not wait for ten seconds.
class ReadTimeout {
 public:
  explicit ReadTimeout(int seconds) {
    ::setenv(kName, std::to_string(seconds).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    restart();
  }
  ~ReadTimeout() {
    ::unsetenv(kName);  // NOLINT(concurrency-mt-unsafe): no other thread is there yet or any more
    restart();
  }
  ReadTimeout(const ReadTimeout&) = delete;
  ReadTimeout& operator=(const ReadTimeout&) = delete;

 private:
  static void restart() { run_command("scripts/stop pool && scripts/start"); }
  static constexpr const char* kName = "USERS_FCGI_DATABASE_READ_TIMEOUT";
};

/// How often each request id stands in a line that tells how a registration was answered.
std::map<std::string, int> answers_in_the_log() {
  std::map<std::string, int> counts;
  std::ifstream log(state_folder() + "/log/users/users.log");
  for (std::string line; std::getline(log, line);) {
    if (line.find("POST /users/regist: code") == std::string::npos) continue;
    const auto id = line.find(" [") + 2;
    ++counts[line.substr(id, line.find(']', id) - id)];
  }
  return counts;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(under_load, WholeStack)

// A worker is killed after every fifth reply, but none while a registration under way has seen two
// kills: nginx has three tries.
BOOST_AUTO_TEST_CASE(kill, *kDeep) {
  constexpr int kRegistrations = 500;
  const int before = rows();
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
    const HttpReply reply = regist(fresh_phone());
    const std::lock_guard lock(mutex);
    under_way.erase(i);
    if (reply.code() == 0) {
      ++made;
    } else {
      std::cout << "kill: answered " << reply.status << " " << reply.body << "\n";
    }
    const bool due = ++replies / 5 > kills;
    const auto bears_another = [&](const auto& one) { return kills - one.second < 2; };
    if (!due || !std::ranges::all_of(under_way, bears_another)) return;
    // Ids grow: the first is the one that has served longest.
    const auto pids = worker_pids("hash");
    if (pids.empty() || ::kill(pids.front(), SIGKILL) != 0) return;
    ++kills;
    // While it dies it may still take a request, which shall not be one that begins after the kill.
    wait_until(30, [&] { return ::kill(pids.front(), 0) != 0; });
  });
  const int added = rows() - before;
  std::cout << "kill: " << kRegistrations << " registrations, " << kills << " workers killed, "
            << made << " answers 0, " << added << " rows\n";
  BOOST_TEST(kills > kRegistrations / 10);
  BOOST_TEST(made == kRegistrations);
  BOOST_TEST(added == kRegistrations);
}

BOOST_AUTO_TEST_CASE(race, *kDeep) {
  constexpr int kRounds = 50;
  constexpr int kClients = 50;
  int right = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string phone = fresh_phone();
    std::atomic<int> made{0};
    std::atomic<int> known{0};
    std::latch start(kClients);
    in_parallel(kClients, kClients, [&](int) {
      start.arrive_and_wait();
      const int code = regist(phone).code();
      made += code == 0 ? 1 : 0;
      known += code == 1002 ? 1 : 0;
    });
    right += made == 1 && known == kClients - 1 && count_users("+86" + phone) == 1 ? 1 : 0;
  }
  BOOST_TEST(right == kRounds);

  constexpr int kPhones = 1000;
  const int before = rows();
  const auto start = Clock::now();
  std::atomic<int> made{0};
  in_parallel(16, kPhones, [&](int) { made += regist(fresh_phone()).code() == 0 ? 1 : 0; });
  const double took = seconds_since(start);
  const int added = rows() - before;
  BOOST_TEST(made == kPhones);
  BOOST_TEST(added == kPhones);
  std::cout << "race: " << right << " of " << kRounds << " rounds of " << kClients
            << " on one phone made one user and told the others 1002; " << made << " of " << kPhones
            << " phones at 16 at a time, " << added << " rows, " << static_cast<int>(kPhones / took)
            << " a second\n";
}

BOOST_AUTO_TEST_CASE(hang, *kDeep) {
  constexpr int kClients = 8;
  constexpr int kReadTimeout = 3;
  const ReadTimeout timeout(kReadTimeout);
  int server = 0;
  std::ifstream(run_folder() + "/database.pid") >> server;
  const int before = rows();
  Traffic traffic(kClients);
  BOOST_TEST(traffic.await(0, 50));
  BOOST_TEST_REQUIRE(::kill(server, SIGSTOP) == 0);
  // Those in their requests, and as many that came to a database which was frozen already.
  const bool all_told = traffic.await(9001, 2 * kClients);
  const auto goes_on = Clock::now();
  BOOST_TEST_REQUIRE(::kill(server, SIGCONT) == 0);
  BOOST_TEST(all_told);
  BOOST_TEST(traffic.await(0, 50));
  traffic.end();

  double longest = 0;
  double back = 1000;
  int refused = 0;
  int held_twice = 0;
  const auto logged = answers_in_the_log();
  for (const Traffic::Answer& answer : traffic.answers()) {
    longest = std::max(longest, answer.seconds);
    const double after = std::chrono::duration<double>(answer.at - goes_on).count();
    if (answer.code == 0 && after > 0) back = std::min(back, after);
    if (answer.code == 9001) ++refused;
    const auto found = logged.find(answer.request_id);
    if (found == logged.end() || found->second != 1) ++held_twice;
    BOOST_TEST((answer.code == 0 || answer.code == 9001), answer.code);
  }
  std::cout << "hang: " << refused << " answers 9001 within " << longest
            << " s at a read timeout of " << kReadTimeout << " s, " << held_twice
            << " requests seen by two workers, service " << back
            << " s after the database went on, " << traffic.registered() << " registrations\n";
  BOOST_TEST(longest < kReadTimeout + 1);
  BOOST_TEST(held_twice == 0);
  BOOST_TEST(back < 1);
  BOOST_TEST(rows() - before == traffic.registered());
}

BOOST_AUTO_TEST_CASE(restart, *kDeep) {
  const auto before = worker_pids();
  Traffic traffic(8);
  BOOST_TEST(traffic.await(0, 50));
  run_script("scripts/reload");
  run_script("scripts/reload");
  BOOST_TEST(traffic.await(0, 50));
  traffic.end();
  const auto sent = traffic.answers().size();
  const auto failed = std::ranges::count_if(
      traffic.answers(), [](const Traffic::Answer& answer) { return answer.code != 0; });
  std::cout << "restart: every worker replaced twice during " << sent << " registrations, "
            << failed << " failed\n";
  BOOST_TEST(failed == 0);
  for (const int pid : worker_pids()) BOOST_TEST(std::ranges::count(before, pid) == 0);
}

BOOST_AUTO_TEST_CASE(away, *kDeep) {
  const auto workers = worker_pids();
  const int before = rows();
  Traffic traffic(6);
  BOOST_TEST(traffic.await(0, 50));
  run_script("scripts/stop database");
  BOOST_TEST(traffic.await(9001, 50));
  run_script("scripts/start database");
  const auto start = Clock::now();
  BOOST_TEST(wait_until(10, every_worker_is_ready));
  const double back = seconds_since(start);
  BOOST_TEST(traffic.await(0, 50));
  traffic.end();
  int refused = 0;
  for (const Traffic::Answer& answer : traffic.answers()) {
    refused += answer.code == 9001 ? 1 : 0;
    BOOST_TEST((answer.code == 0 || answer.code == 9001), answer.code);
  }
  const int added = rows() - before;
  std::cout << "away: " << traffic.registered() << " registrations, " << refused
            << " answers 9001 and no other error, every worker ready " << back
            << " s after the database, " << added << " rows\n";
  BOOST_TEST(back < 2);
  BOOST_TEST(added == traffic.registered());
  BOOST_TEST(worker_pids() == workers, boost::test_tools::per_element());
}

// Sessions are checked while more clients register than the workers and their queue take.
BOOST_AUTO_TEST_CASE(storm, *kDeep) {
  const std::string phone = fresh_phone();
  regist(phone);
  const HttpReply login = send(base_url(), {.path = "/users/login", .body = registration(phone)});
  const std::string token = nlohmann::json::parse(login.body)["data"].value("token", "");
  BOOST_TEST_REQUIRE(!token.empty());
  int refused = 0;
  // Milliseconds of each check, sorted, as long as `more` holds.
  const auto checks = [&](const std::function<bool(std::size_t)>& more) {
    std::vector<double> times;
    while (more(times.size())) {
      const HttpReply reply = send(
          base_url(),
          {.method = "GET", .path = "/users/auth", .headers = {"Authorization: Bearer " + token}});
      times.push_back(reply.milliseconds);
      if (reply.status != 204) ++refused;
    }
    std::ranges::sort(times);
    return times;
  };
  const auto p99 = [](const std::vector<double>& times) { return times[times.size() * 99 / 100]; };

  // More than the workers and their queue take; who is refused comes back after a moment.
  constexpr int kClients = 200;
  constexpr std::chrono::milliseconds kPause{100};
  constexpr int kRegistrations = 800;
  constexpr std::size_t kQuiet = 2000;
  const auto quiet = checks([](std::size_t done) { return done < kQuiet; });
  std::atomic<int> registered{0};
  std::atomic<int> turned_away{0};
  std::jthread clients([&] {
    in_parallel(kClients, kRegistrations, [&](int) {
      const std::string another = fresh_phone();
      for (int code = 9001; code == 9001;) {
        code = regist(another).code();
        if (code == 0) ++registered;
        if (code != 9001) continue;
        ++turned_away;
        std::this_thread::sleep_for(kPause);
      }
    });
  });
  BOOST_TEST(wait_until(30, [&] { return turned_away > 0; }));
  const auto busy =
      checks([&](std::size_t done) { return registered < kRegistrations && done < 20 * kQuiet; });
  clients.join();
  std::cout << "storm: " << registered << " registrations by " << kClients << " clients, "
            << turned_away << " times 503; GET auth p50 " << quiet[quiet.size() / 2]
            << " ms and p99 " << p99(quiet) << " ms before, " << busy[busy.size() / 2] << " ms and "
            << p99(busy) << " ms meanwhile (" << busy.size() << " checks)" << std::endl;
  BOOST_TEST(refused == 0);
  BOOST_TEST(registered == kRegistrations);
  BOOST_TEST(busy.size() > 100U);
  BOOST_TEST(p99(busy) < 500);
}

BOOST_AUTO_TEST_SUITE_END()
