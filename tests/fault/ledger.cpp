#include "fault/ledger.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "base/crypto.hpp"
#include "support/person.hpp"
#include "support/stack.hpp"

namespace users::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kClients = 8;
/// Of those that needed no retry, every so many logs in; of those that did, all.
constexpr std::size_t kSampledLogins = 5;
constexpr std::chrono::milliseconds kComeAgain{50};
constexpr double kBackAgainSeconds = 5;
/// Of a worker's resident memory and descriptors, above what the largest had before.
constexpr long kMemoryMarginKib = 8192;
constexpr long kDescriptorMargin = 2;

bool is_ready() {
  return send(base_url(), {.method = "GET", .path = "/users/health/ready", .headers = {}}).status ==
         200;
}

std::vector<int> all_workers() {
  std::vector<int> pids = worker_pids("hash");
  for (const int pid : worker_pids("fast")) pids.push_back(pid);
  return pids;
}

/// The most that one of the workers has. Without root nobody may look into a worker: 0.
std::map<std::string, long> most_of_workers() {
  std::map<std::string, long> most{{"descriptors", 0}, {"resident", 0}};
  for (const int pid : all_workers()) {
    const std::string folder = "/proc/" + std::to_string(pid);
    std::error_code ignored;
    long descriptors = 0;
    for (auto entry = std::filesystem::directory_iterator(folder + "/fd", ignored);
         entry != std::filesystem::directory_iterator(); entry.increment(ignored)) {
      ++descriptors;
    }
    std::ifstream statm(folder + "/statm");
    long pages = 0;
    long resident = 0;
    statm >> pages >> resident;
    most["descriptors"] = std::max(most["descriptors"], descriptors);
    most["resident"] = std::max(most["resident"], resident * 4);
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

HttpReply Ledger::call(const std::string& what, const HttpRequest& request, int expected,
                       Outcome& outcome) {
  {
    const std::lock_guard lock(mutex_);
    file_ << "asked " << what << std::endl;
  }
  const auto begin = Clock::now();
  HttpReply reply = send(base_url(), request);
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  const std::lock_guard lock(mutex_);
  tally_.longest = std::max(tally_.longest, took);
  file_ << "told " << what << ": " << reply.status << ' ' << reply.code() << std::endl;
  ++tally_.requests;
  const bool is_status = expected >= 200 && expected < 600;
  if ((is_status ? reply.status : reply.code()) == expected) {
    outcome = Outcome::ok;
  } else if (reply.status == 0 || reply.status == 503) {
    outcome = Outcome::unknown;
    ++tally_.unknown;
  } else {
    outcome = Outcome::unexpected;
    ++tally_.unexpected;
    (void)std::printf("  %s was answered %ld %s\n", what.c_str(), reply.status, reply.body.c_str());
  }
  return reply;
}

Ledger::Outcome Ledger::regist(const std::string& phone, const std::string& key) {
  Outcome outcome{};
  call("regist " + key + " " + phone,
       {.body = registration(phone, password_),
        .headers = {"Content-Type: application/json", "Idempotency-Key: " + key}},
       0, outcome);
  return outcome;
}

HttpReply Ledger::login(const std::string& phone, Outcome& outcome) {
  return call("login " + phone,
              {.path = "/users/login",
               .body = nlohmann::json{{"phone", phone}, {"password", password_}}.dump()},
              0, outcome);
}

Ledger::Outcome Ledger::auth(const std::string& token, long status) {
  Outcome outcome{};
  call("auth", {.method = "GET", .path = "/users/auth", .headers = {bearer(token)}},
       static_cast<int>(status), outcome);
  return outcome;
}

void Ledger::log_in_and_out(const std::string& phone) {
  Outcome outcome{};
  const HttpReply reply = login(phone, outcome);
  if (outcome != Outcome::ok) return;
  Session session{phone, nlohmann::json::parse(reply.body).at("data").at("token")};
  auth(session.token, 204);
  call("logout " + phone, {.path = "/users/logout", .headers = {bearer(session.token)}}, 0,
       outcome);
  session.ended = outcome == Outcome::ok;
  session.unknown = !session.ended;
  if (session.ended) auth(session.token, 401);
  const std::lock_guard lock(mutex_);
  sessions_.push_back(session);
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
                            .body = nlohmann::json{{"phone", phone}, {"purpose", "login"}}.dump()};
  Outcome outcome{};
  call("code " + phone, request, 0, outcome);
  if (outcome == Outcome::ok) call("another code " + phone, request, 1007, outcome);
  const std::lock_guard lock(mutex_);
  asked_for_code_.push_back(phone);
}

void Ledger::recover() {
  const auto over = Clock::now();
  BOOST_TEST(wait_until(kBackAgainSeconds,
                        [&] {
                          return is_ready() &&
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
      "registrations\n",
      fault.c_str(), told.requests, told.unknown, told.longest, back_, registrations_.size());
}

void Ledger::settle_registrations() {
  for (Registration& one : registrations_) {
    if (one.outcome != Outcome::unknown) continue;
    BOOST_TEST(count_users("+86" + one.phone) <= 1);
    // As a client does: the same key until there is an answer.
    BOOST_TEST(wait_until(kBackAgainSeconds, [&] {
      one.outcome = regist(one.phone, one.key);
      return one.outcome != Outcome::unknown;
    }));
    one.settled_by_retry = true;
    BOOST_TEST((one.outcome == Outcome::ok), "the retry of " << one.phone << " was refused");
  }
}

void Ledger::check_rows() {
  std::istringstream list(run_script("echo 'SELECT phone FROM users' | scripts/mysql"));
  std::multiset<std::string> rows;
  for (std::string phone; list >> phone;) rows.insert(phone);
  int lost = 0;
  int twice = 0;
  for (const Registration& one : registrations_) {
    const auto count = rows.count("+86" + one.phone);
    if (count == 0) ++lost;
    if (count > 1) ++twice;
  }
  BOOST_TEST(lost == 0);
  BOOST_TEST(twice == 0);
}

void Ledger::check_logins() {
  std::vector<std::string> phones;
  for (std::size_t i = 0; i < registrations_.size(); ++i) {
    if (registrations_[i].settled_by_retry || i % kSampledLogins == 0)
      phones.push_back(registrations_[i].phone);
  }
  std::atomic<int> refused{0};
  in_parallel(kClients, static_cast<int>(phones.size()), [&](int i) {
    Outcome outcome{};
    login(phones[static_cast<std::size_t>(i)], outcome);
    if (outcome != Outcome::ok) ++refused;
  });
  BOOST_TEST(refused == 0);
}

void Ledger::check_sessions() {
  for (const Session& session : sessions_) {
    if (session.unknown) continue;
    BOOST_TEST((auth(session.token, 401) == Outcome::ok), "an ended session gets in");
  }
}

void Ledger::check_messages() const {
  for (const std::string& phone : asked_for_code_)
    BOOST_TEST(codes_sent("+86" + phone, "login").size() <= 1U);
}

void Ledger::check_logs() const {
  // Not by an argument, which anybody could read.
  const std::string patterns = state_folder() + "/planted";
  std::ofstream(patterns) << password_ << '\n';
  for (const Session& session : sessions_)
    std::ofstream(patterns, std::ios::app) << session.token << '\n';
  BOOST_TEST(run_command("grep -rlF -f '" + patterns + "' '" + state_folder() + "/log'").output ==
             "");
}

void Ledger::check_workers() const {
  const auto now = most_of_workers();
  BOOST_TEST(now.at("descriptors") <= workers_.at("descriptors") + kDescriptorMargin);
  BOOST_TEST(now.at("resident") <= workers_.at("resident") + kMemoryMarginKib);
}

Traffic::Traffic(Ledger& ledger) : ledger_(ledger) {
  for (int i = 0; i < kClients; ++i) {
    clients_.emplace_back([this] {
      while (!enough_) ledger_.visit();
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

Tally survive(const std::string& name, const std::function<void(Traffic&)>& fault) {
  Ledger ledger;
  {
    Traffic traffic(ledger);
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
