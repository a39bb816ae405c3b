// Production's worst minutes at full load; `make kill`, `race`, `hang`, `restart`, `away` and
// `storm` run one case each and print its figures.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "accounts/session.hpp"
#include "accounts/user.hpp"
#include "base/config.hpp"
#include "base/crypto.hpp"
#include "db/database.hpp"
#include "factors/second_factor.hpp"
#include "factors/totp.hpp"
#include "stack/requests.hpp"
#include "support/whole_stack.hpp"

using namespace users;
using namespace users::test;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int rows() {
  return std::stoi(query("SELECT COUNT(*) FROM users"));
}

/// An account with the session and code that a change needs.
struct Subject {
  Person person{};
  std::string token{};
  std::string other_session{};  ///< the id of another session
  std::string code{};
  std::string secret{};  ///< of a TOTP that is offered or enrolled
  std::string factor{};  ///< its id, once it is enrolled

  /// The app's code. No earlier one was used.
  [[nodiscard]] std::string app_code() const {
    const auto step = static_cast<std::uint64_t>(std::time(nullptr)) / 30;
    return totp::code_of(Secret(std::string_view(secret)), step);
  }
};

enum class Totp { none, offered, enrolled };

/// A request that changes something, and the rows it leaves.
struct ChangeRequest {
  const char* name;
  const char* pool;
  const char* event;    ///< in its audit row; null: it leaves a message instead
  const char* purpose;  ///< of the code it needs, or null
  HttpReply (*request)(const Subject&);
  /// How often it may run twice, because that only adds a session or renews recovery codes.
  int most_twice = 0;
  Totp totp = Totp::none;
};

std::ostream& operator<<(std::ostream& out, const ChangeRequest& change) {
  return out << change.name;
}

Person new_phone_of(const Subject& who) {
  return Person("15" + who.person.phone().substr(2));
}

std::string hex_of(const crypto::Digest& digest) {
  std::ostringstream text;
  for (const unsigned byte : digest) text << std::hex << std::setw(2) << std::setfill('0') << byte;
  return text.str();
}

const ChangeRequest kChanges[] = {
    {"a registration", "hash", "regist", nullptr,
     [](const Subject& who) { return regist(who.person.phone()); }},
    {"a request for a code", "fast", nullptr, nullptr,
     [](const Subject& who) {
       return post("code", {{"phone", who.person.phone()}});
     }},
    {"a login", "hash", "login", nullptr, [](const Subject& who) { return who.person.login(); },
     500},
    {"a login by code", "hash", "login by code", "login",
     [](const Subject& who) { return login_by(who.person, who.code); }, 500},
    {"a logout", "fast", "logout", nullptr,
     [](const Subject& who) { return call("POST", "logout", who.token); }},
    {"a logout everywhere", "fast", "logout everywhere", nullptr,
     [](const Subject& who) { return call("POST", "logout", who.token, {}, R"({"all": true})"); }},
    {"the end of another session", "fast", "session ended", nullptr,
     [](const Subject& who) { return call("DELETE", "sessions/" + who.other_session, who.token); }},
    {"a change of the password", "hash", "password changed", nullptr,
     [](const Subject& who) { return change_password(who.token, who.person.password()); }},
    {"a reset", "hash", "password reset", "reset",
     [](const Subject& who) { return reset_by(who.person, who.code); }},
    {"a change of the phone", "hash", "phone changed", "phone",
     [](const Subject& who) {
       return change_phone(who.token, new_phone_of(who), who.code, who.person.password());
     }},
    {"a login with an app", "hash", "login", nullptr,
     [](const Subject& who) {
       return post("login", {{"phone", who.person.phone()},
                             {"password", who.person.password()},
                             {"totp", who.app_code()}});
     },
     500, Totp::enrolled},
    {"a confirmation", "hash", "confirmed", nullptr,
     [](const Subject& who) {
       return call("POST", "confirm", who.token, {},
                   body_of({{"password", who.person.password()}, {"totp", who.app_code()}}));
     },
     0, Totp::enrolled},
    {"an enrolment", "fast", "totp added", nullptr,
     [](const Subject& who) {
       return call("POST", "factors/totp/confirm", who.token, {},
                   body_of({{"totp", who.app_code()}}));
     },
     0, Totp::offered},
    {"new recovery codes", "fast", "recovery codes renewed", nullptr,
     [](const Subject& who) { return call("POST", "factors/recovery", who.token); }, 500,
     Totp::enrolled},
    {"the end of a factor", "fast", "totp removed", nullptr,
     [](const Subject& who) { return call("DELETE", "factors/" + who.factor, who.token); }, 0,
     Totp::enrolled},
    {"the end of an account", "hash", "deleted", nullptr,
     [](const Subject& who) { return delete_account(who.token, who.person.password()); }},
};

/// Creates subjects in the database: the service would take minutes to hash their passwords.
class Subjects {
 public:
  Subjects(const ChangeRequest& change, int count) : change_(change) {
    const Config config = load_config(state_folder() + "/users.conf", nullptr);
    const Secret password = read_secret_file(config.database_password_file);
    const Secret key = read_key(config);
    users::Metrics metrics;
    db::Database database(config, password, metrics);
    const std::string hash = crypto::hash_password(Secret(Person().password()), {19456, 2});
    const Sessions sessions(config, key);
    const Passkeys passkeys(config, key, metrics);
    for (int i = 0; i < count; ++i) {
      Subject& who = subjects_.emplace_back();
      if (change.event == nullptr || std::string_view(change.event) == "regist") continue;
      database.once(db::new_operation(), [&](db::Transaction& transaction) {
        db::Connection& connection = transaction.connection();
        insert_user.one(connection, who.person.e164(), hash, std::string(32, 'k'));
        const User user = find_user_by_phone.one(connection, who.person.e164()).value();
        who.token = sessions.open(connection, user, {}, {kTwoFactors, "pwd"}).token;
        sessions.open(connection, user, {}, {kTwoFactors, "pwd"});
        const Session own = sessions.find(connection, who.token).value();
        for (const SessionRow& row : sessions.list(connection, user.id, &own)) {
          if (!row.is_own) who.other_session = std::to_string(row.id);
        }
        return true;
      });
      if (change.totp != Totp::none) give_totp(who, database, SecondFactor(key, metrics, passkeys));
      if (change.purpose == nullptr) continue;
      who.code = "123456";
      const std::string to =
          (std::string_view(change.purpose) == "phone" ? new_phone_of(who) : who.person).e164();
      // Same as in Verification.
      const auto hash_of_code =
          crypto::keyed_hash(key, "code", to + " " + change.purpose + " " + who.code);
      query(
          "INSERT INTO verification_codes (phone, purpose, codeHash, requestKey, createTime, "
          "expireTime) VALUES ('" +
          to + "', '" + change.purpose + "', X'" + hex_of(hash_of_code) +
          "', REPEAT('k', 32), UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL 1 HOUR)");
    }
    last_before_ = std::stoull(query("SELECT IFNULL(MAX(id), 0) FROM " + table()));
  }

  [[nodiscard]] const Subject& at(int i) const { return subjects_.at(static_cast<std::size_t>(i)); }
  [[nodiscard]] int count_done() const {
    return change_.event == nullptr ? count("COUNT(*) FROM verification_codes WHERE message_id")
                                    : count("COUNT(DISTINCT user_id) FROM audit WHERE event = '" +
                                            std::string(change_.event) + "' AND id");
  }
  [[nodiscard]] int count_done_twice() const {
    const std::string event(change_.event == nullptr ? "" : change_.event);
    return count("COUNT(*) FROM " + table() +
                 (event.empty() ? " WHERE id" : " WHERE event = '" + event + "' AND id")) -
           count_done();
  }

 private:
  void give_totp(Subject& who, db::Database& database, const SecondFactor& factor) const {
    const auto id = std::stoull(id_of(who.person));
    who.secret = factor.begin_totp(database, id).reveal();
    if (change_.totp != Totp::enrolled) return;
    database.replay([&](db::Connection& connection) {
      const std::string sealed =
          query("SELECT HEX(secret) FROM totp_enrolments WHERE user_id = " + std::to_string(id));
      query("INSERT INTO factors (user_id, kind, secret, createTime) VALUES (" +
            std::to_string(id) + ", 'totp', X'" + sealed + "', UTC_TIMESTAMP())");
      set_level(connection, kTwoFactors, id);
    });
    who.factor = query("SELECT id FROM factors WHERE user_id = " + std::to_string(id));
  }

  [[nodiscard]] std::string table() const { return change_.event == nullptr ? "outbox" : "audit"; }
  [[nodiscard]] int count(const std::string& what) const {
    return std::stoi(query("SELECT " + what + " > " + std::to_string(last_before_)));
  }
  const ChangeRequest& change_;
  std::vector<Subject> subjects_;
  std::uint64_t last_before_ = 0;
};

/// Registers from `clients` threads until destroyed; repeats each registration until the code is 0.
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

  /// Starts no new registration; waits for those in progress.
  void end() {
    enough_ = true;
    if (thread_.joinable()) thread_.join();
  }
  /// Number of answers with `code`.
  [[nodiscard]] int count(int code) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(
        std::ranges::count_if(answers_, [&](const Answer& one) { return one.code == code; }));
  }
  /// Waits until `code` has come `more` times from now on; false after 30 seconds.
  [[nodiscard]] bool await(int code, int more) {
    const int before = count(code);
    return wait_until(30, [&] { return count(code) >= before + more; });
  }
  /// Call end() first.
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

/// Shortens the workers' wait for the database from ten seconds.
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

/// How many log lines each request id has about the answer to a registration.
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

// Kills a worker after every fifth reply, unless a current request has seen two kills: nginx has
// three tries. Each request must be answered normally and done once.
BOOST_DATA_TEST_CASE(kill, boost::unit_test::data::make(kChanges), change) {
  constexpr int kRequests = 500;
  const Subjects subjects(change, kRequests);
  std::mutex mutex;
  std::map<int, int> under_way;  // number of kills at its start
  int replies = 0;
  int good = 0;
  int kills = 0;
  in_parallel(8, kRequests, [&](int i) {
    {
      const std::lock_guard lock(mutex);
      under_way[i] = kills;
    }
    const HttpReply reply = change.request(subjects.at(i));
    const std::lock_guard lock(mutex);
    under_way.erase(i);
    if (reply.code() == 0) {
      ++good;
    } else {
      std::cout << "kill: " << change.name << " was answered " << reply.status << " " << reply.body
                << "\n";
    }
    const bool due = ++replies / 5 > kills;
    const auto bears_another = [&](const auto& one) { return kills - one.second < 2; };
    if (!due || !std::ranges::all_of(under_way, bears_another)) return;
    // Ids grow, so the first worker is the oldest.
    const auto pids = worker_pids(change.pool);
    if (pids.empty() || ::kill(pids.front(), SIGKILL) != 0) return;
    ++kills;
    // While it dies it may still accept a request, which must not be a new one.
    wait_until(30, [&] { return ::kill(pids.front(), 0) != 0; });
  });
  const int done = subjects.count_done();
  const int twice = subjects.count_done_twice();
  std::cout << "kill: " << kRequests << " times " << change.name << ", " << kills
            << " workers killed, " << good << " answers 0, " << done << " done, " << twice
            << " twice\n";
  BOOST_TEST(kills > kRequests / 10);
  BOOST_TEST(good == kRequests);
  BOOST_TEST(done == kRequests);
  BOOST_TEST(twice <= change.most_twice);
}

BOOST_AUTO_TEST_CASE(race) {
  constexpr int kRounds = 50;
  constexpr int kClients = 50;
  int right = 0;
  for (int round = 0; round < kRounds; ++round) right += make_one_user(kClients) ? 1 : 0;
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

BOOST_AUTO_TEST_CASE(hang) {
  constexpr int kClients = 8;
  constexpr int kReadTimeout = 3;
  const ReadTimeout timeout(kReadTimeout);
  int server = 0;
  std::ifstream(run_folder() + "/database.pid") >> server;
  const int before = rows();
  Traffic traffic(kClients);
  BOOST_TEST(traffic.await(0, 50));
  BOOST_TEST_REQUIRE(::kill(server, SIGSTOP) == 0);
  // Those in a request, and as many that found the database frozen.
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

BOOST_AUTO_TEST_CASE(restart) {
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

BOOST_AUTO_TEST_CASE(away) {
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

// Checks sessions while more clients register than the workers and their queue can take.
BOOST_AUTO_TEST_CASE(storm) {
  const Person person;
  regist(person.phone());
  const std::string token = person.token();
  int refused = 0;
  // Milliseconds of each check while `more` holds, sorted.
  const auto checks = [&](const std::function<bool(std::size_t)>& more) {
    std::vector<double> times;
    while (more(times.size())) {
      const HttpReply reply = call("GET", "auth", token);
      times.push_back(reply.milliseconds);
      if (reply.status != 204) ++refused;
    }
    std::ranges::sort(times);
    return times;
  };
  const auto p99 = [](const std::vector<double>& times) { return times[times.size() * 99 / 100]; };

  // More than the workers and their queue take; refused clients retry after a moment.
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
