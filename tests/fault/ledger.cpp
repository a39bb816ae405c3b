#include "fault/ledger.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

#include <boost/test/unit_test.hpp>

#include "base/crypto.hpp"
#include "support/person.hpp"
#include "support/stack.hpp"
#include "support/text.hpp"

namespace users::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kClients = 8;
/// One in so many of the registrations without retries logs in; all of the others do.
constexpr std::size_t kSampledLogins = 5;
constexpr std::chrono::milliseconds kComeAgain{50};
constexpr double kBackAgainSeconds = 5;
/// Allowed growth of a worker's resident memory, and of its descriptors, over the largest before.
constexpr long kMemoryMarginKib = 8192;
constexpr long kDescriptorMargin = 2;

/// The largest figures of any worker; 0 without root, which is needed to see them.
std::map<std::string, long> most_of_workers() {
  std::map<std::string, long> most{{"descriptors", 0}, {"resident", 0}};
  for (const char* pool : {"hash", "fast"}) {
    for (const int pid : worker_pids(pool)) {
      const std::string folder = "/proc/" + std::to_string(pid);
      std::error_code ignored;
      long descriptors = 0;
      for (auto entry = std::filesystem::directory_iterator(folder + "/fd", ignored);
           entry != std::filesystem::directory_iterator(); entry.increment(ignored)) {
        ++descriptors;
      }
      most["descriptors"] = std::max(most["descriptors"], descriptors);
      std::ifstream statm(folder + "/statm");
      long pages = 0;
      long resident = 0;
      statm >> pages >> resident;
      most["resident"] = std::max(most["resident"], resident * 4);
    }
  }
  return most;
}

std::string bearer(const std::string& token) {
  return "Authorization: Bearer " + token;
}

}  // namespace

Ledger::Ledger()
    : password_("planted " + crypto::random_hex(8)),
      file_(state_folder() + "/ledger", std::ios::app),
      workers_(most_of_workers()) {
  if (!file_) throw std::runtime_error("cannot write the ledger");
}

Tally Ledger::tally() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

Ledger::Outcome Ledger::call(const std::string& what, const HttpRequest& request, int expected,
                             HttpReply* reply) {
  {
    const std::lock_guard lock(mutex_);
    file_ << "asked " << what << std::endl;
  }
  const HttpReply told = send(base_url(), request);
  if (reply != nullptr) *reply = told;
  const std::lock_guard lock(mutex_);
  tally_.longest = std::max(tally_.longest, told.milliseconds / 1000);
  file_ << "told " << what << ": " << told.status << ' ' << told.code() << std::endl;
  ++tally_.requests;
  const bool is_status = expected >= 200 && expected < 600;
  if ((is_status ? told.status : told.code()) == expected) return Outcome::ok;
  if (told.status == 0 || told.status == 503) {
    ++tally_.unknown;
    return Outcome::unknown;
  }
  ++tally_.unexpected;
  (void)std::printf("  %s was answered %ld %s\n", what.c_str(), told.status, told.body.c_str());
  return Outcome::unexpected;
}

Ledger::Outcome Ledger::regist(const std::string& phone, const std::string& key) {
  return call("regist " + key + " " + phone,
              {.body = registration(phone, password_),
               .headers = {"Content-Type: application/json", "Idempotency-Key: " + key}},
              0);
}

Ledger::Outcome Ledger::login(const std::string& phone, HttpReply* reply) {
  return call(
      "login " + phone,
      {.path = "/users/login", .body = body_of({{"phone", phone}, {"password", password_}})}, 0,
      reply);
}

Ledger::Outcome Ledger::auth(const std::string& token, int status) {
  return call("auth", {.method = "GET", .path = "/users/auth", .headers = {bearer(token)}}, status);
}

void Ledger::log_in_and_out(const std::string& phone) {
  HttpReply reply;
  if (login(phone, &reply) != Outcome::ok) return;
  const std::string token = reply.text("token");
  auth(token, 204);
  const bool ended = call("logout " + phone, {.path = "/users/logout", .headers = {bearer(token)}},
                          0) == Outcome::ok;
  if (ended) auth(token, 401);
  const std::lock_guard lock(mutex_);
  sessions_.push_back({token, ended});
}

void Ledger::visit() {
  const std::string phone = fresh_phone();
  const std::string key = "key-" + phone;
  const Outcome outcome = regist(phone, key);
  bool log_in = false;
  bool ask = false;
  {
    const std::lock_guard lock(mutex_);
    registrations_.push_back({phone, key, outcome});
    log_in = outcome == Outcome::ok && registrations_.size() % 4 == 0;
    ask = outcome == Outcome::ok && registrations_.size() % 16 == 1;
  }
  if (log_in) log_in_and_out(phone);
  if (ask) ask_for_code(phone);
  if (outcome == Outcome::unknown) std::this_thread::sleep_for(kComeAgain);
}

void Ledger::ask_for_code(const std::string& phone) {
  const HttpRequest request{.path = "/users/code",
                            .body = body_of({{"phone", phone}, {"purpose", "login"}})};
  if (call("code " + phone, request, 0) == Outcome::ok) {
    call("another code " + phone, request, 1007);
  }
  const std::lock_guard lock(mutex_);
  asked_for_code_.push_back(phone);
}

void Ledger::recover() {
  const auto over = Clock::now();
  BOOST_TEST(wait_until(kBackAgainSeconds,
                        [&] {
                          return users::test::call("GET", "health/ready").status == 200 &&
                                 ::users::test::regist(fresh_phone(), password_).code() == 0;
                        }),
             "the service is not back");
  back_ = std::chrono::duration<double>(Clock::now() - over).count();
}

void Ledger::settle(const std::string& fault) {
  const Tally told = tally();
  BOOST_TEST(told.unexpected == 0,
             fault << ": " << told.unexpected << " replies that nothing excuses");
  settle_registrations();
  check_rows();
  check_logins();
  check_sessions();
  check_messages();
  check_logs();
  check_workers();
  (void)std::printf(
      "%s: %d requests, %d unanswered or 9001, longest %.1f s; back after %.2f s; %zu "
      "registrations, lost %d, done twice %d\n",
      fault.c_str(), told.requests, told.unknown, told.longest, back_, registrations_.size(), lost_,
      twice_);
  (void)std::fflush(stdout);
}

void Ledger::settle_registrations() {
  for (Registration& one : registrations_) {
    if (one.outcome != Outcome::unknown) continue;
    BOOST_TEST(count_users("+86" + one.phone) <= 1);
    // Like a client: the same key until there is an answer.
    BOOST_TEST(wait_until(kBackAgainSeconds, [&] {
      one.outcome = regist(one.phone, one.key);
      return one.outcome != Outcome::unknown;
    }));
    one.settled_by_retry = true;
    BOOST_TEST((one.outcome == Outcome::ok), "the retry of " << one.phone << " was refused");
  }
}

void Ledger::check_rows() {
  const auto list = words(run_script("echo 'SELECT phone FROM users' | scripts/mysql"));
  const std::multiset<std::string> rows(list.begin(), list.end());
  for (const Registration& one : registrations_) {
    const auto count = rows.count("+86" + one.phone);
    lost_ += count == 0 ? 1 : 0;
    twice_ += count > 1 ? 1 : 0;
    BOOST_TEST(count == 1U, one.phone);
  }
}

void Ledger::check_logins() {
  std::vector<std::string> phones;
  for (std::size_t i = 0; i < registrations_.size(); ++i) {
    if (registrations_[i].settled_by_retry || i % kSampledLogins == 0)
      phones.push_back(registrations_[i].phone);
  }
  std::atomic<int> refused{0};
  in_parallel(kClients, static_cast<int>(phones.size()), [&](int i) {
    if (login(phones[static_cast<std::size_t>(i)]) != Outcome::ok) ++refused;
  });
  BOOST_TEST(refused == 0);
}

void Ledger::check_sessions() {
  for (const Session& session : sessions_) {
    const bool is_dead = !session.ended || auth(session.token, 401) == Outcome::ok;
    BOOST_TEST(is_dead, "an ended session gets in");
  }
}

void Ledger::check_messages() const {
  const auto phones = phones_with_codes("login");
  for (const std::string& phone : asked_for_code_) BOOST_TEST(phones.count("+86" + phone) <= 1U);
}

void Ledger::check_logs() const {
  // Not as an argument, which anybody could read.
  const std::string patterns = state_folder() + "/planted";
  std::ofstream file(patterns);
  file << password_ << '\n';
  for (const Session& session : sessions_) file << session.token << '\n';
  file.close();
  BOOST_TEST(run_command("grep -rlF -f '" + patterns + "' '" + state_folder() + "/log'").output ==
             "");
}

void Ledger::check_workers() const {
  const auto now = most_of_workers();
  BOOST_TEST(now.at("descriptors") <= workers_.at("descriptors") + kDescriptorMargin);
  // A worker keeps the memory of its last hash for a while.
  BOOST_TEST(wait_until(kBackAgainSeconds, [&] {
    return most_of_workers().at("resident") <= workers_.at("resident") + kMemoryMarginKib;
  }));
}

Traffic::Traffic(Ledger& ledger, std::chrono::milliseconds pause) : ledger_(ledger) {
  for (int i = 0; i < kClients; ++i) {
    clients_.emplace_back([this, pause] {
      while (!enough_) {
        ledger_.visit();
        std::this_thread::sleep_for(pause);
      }
    });
  }
}

Traffic::~Traffic() {
  enough_ = true;
}

void Traffic::flow(int requests) const {
  const int seen = ledger_.tally().requests;
  BOOST_TEST(wait_until(60, [&] { return ledger_.tally().requests >= seen + requests; }),
             "the traffic has come to a halt");
}

Tally survive(const std::string& name, const std::function<void(Traffic&)>& fault,
              std::chrono::milliseconds pause) {
  Ledger ledger;
  {
    Traffic traffic(ledger, pause);
    traffic.flow(200);
    fault(traffic);
    ledger.recover();
    traffic.flow(200);
  }
  const Tally told = ledger.tally();
  ledger.settle(name);
  return told;
}

void expect_alert(const std::string& text) {
  std::ofstream(state_folder() + "/expected-alerts", std::ios::app) << text << '\n';
}

}  // namespace users::test
