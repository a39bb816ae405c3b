// One call of a worker fails, then the next, in the manner of curl's torture tests: every client
// gets a true answer or none, and its retry is right.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <set>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault/shim/control.hpp"
#include "support/person.hpp"
#include "support/worker_process.hpp"

using namespace users::test;

namespace {

constexpr const char* kPassword = "correct horse 42";

/// The page that the worker's shim obeys.
class Failures {
 public:
  Failures() : file_(directory_.write("control", std::string(sizeof(Control), '\0'))) {
    const int file = ::open(file_.c_str(), O_RDWR | O_CLOEXEC);
    void* memory = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (memory == MAP_FAILED) throw std::runtime_error("cannot map the control page");
    control_ = static_cast<Control*>(memory);
  }
  ~Failures() { ::munmap(control_, sizeof(Control)); }
  Failures(const Failures&) = delete;
  Failures& operator=(const Failures&) = delete;

  [[nodiscard]] std::string path() const { return file_.string(); }

  /// From now on the `nth` call of the family fails; 0: they are only counted.
  void arm(Family family, long nth, int error) {
    control_->family = Family::none;
    control_->calls = 0;
    control_->failed = 0;
    control_->nth = nth;
    control_->error = error;
    control_->family = family;
  }
  void disarm() { control_->family = Family::none; }
  [[nodiscard]] long calls() const { return control_->calls; }
  [[nodiscard]] bool failed() const { return control_->failed > 0; }

 private:
  TemporaryDirectory directory_;
  std::filesystem::path file_;
  Control* control_;
};

/// A worker on the stack's database, with cheap hashes and the shim.
WorkerOptions tortured(const Failures& failures) {
  const std::string secrets = state_folder() + "/secrets";
  return {.environment = {"LD_PRELOAD=" + program("fail-nth-call.so"),
                          "FAIL_NTH_CALL=" + failures.path(), "USERS_FCGI_VERIFICATION=format",
                          "USERS_FCGI_DATABASE_HOSTS=" + run_folder() + "/mariadb.sock",
                          "USERS_FCGI_DATABASE_PASSWORD_FILE=" + secrets + "/service_password",
                          "USERS_FCGI_SECRETS_KEY_FILE=" + secrets + "/key",
                          "USERS_FCGI_PASSWORD_ARGON2_MEMORY=64",
                          "USERS_FCGI_PASSWORD_ARGON2_PASSES=1",
                          // A statement that was not sent whole is waited for that long.
                          "USERS_FCGI_DATABASE_READ_TIMEOUT=1", "USERS_FCGI_SMS_PER_HOUR=1000000"}};
}

fcgi::Request with_key(fcgi::Request request, const std::string& phone) {
  request.parameters["HTTP_IDEMPOTENCY_KEY"] = "torture-" + phone;
  return request;
}

fcgi::Request login_of(const std::string& phone) {
  return fcgi::post("/users/login",
                    nlohmann::json{{"phone", phone}, {"password", kPassword}}.dump());
}

fcgi::Request auth_of(const std::string& token) {
  fcgi::Request request = fcgi::get("/users/auth");
  request.parameters["HTTP_AUTHORIZATION"] = "Bearer " + token;
  return request;
}

/// The code of a reply, also of GET auth, which has no body and tells by its status.
int code_of(const HttpReply& reply) {
  static const std::map<long, int> kByStatus{{204, 0}, {401, 1009}, {500, 9000}, {503, 9001}};
  if (!reply.body.empty() || !kByStatus.contains(reply.status)) return reply.code();
  return kByStatus.at(reply.status);
}

/// Of one kind of request: how it is made for a phone of its own, the code without a failure, and
/// what must hold where it was answered 0.
struct Call {
  const char* name;
  std::function<fcgi::Request(const std::string& phone)> request;
  int expected;
  std::function<bool(const std::string& phone, const HttpReply& reply)> is_true;
};

struct Tally {
  int sampled = 0;
  int reached = 0;
  int unanswered = 0;
  int ended = 0;
  int crashed = 0;
  std::map<int, int> codes;
};

class Torture {
 public:
  Torture() : worker_(tortured(failures_)) {
    for (const std::string& phone : {owner_, visitor_}) {
      BOOST_REQUIRE(worker_.ask(with_key(fcgi::regist(registration(phone)), phone)).code() == 0);
    }
    token_ = data_of(worker_.ask(login_of(owner_))).value("token", "");
    BOOST_REQUIRE(code_of(worker_.ask(auth_of(token_))) == 0);
  }

  void run(Family family, int error, double seconds) {
    const auto calls = list();
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      // Each kind of request has its share, so that a slow machine skips no kind.
      const auto share =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(
              seconds * static_cast<double>(i + 1) / static_cast<double>(calls.size())));
      const auto end = began + share;
      sweep(calls[i], family, error, end);
    }
  }

  /// The first call that takes a connection fails: the connection stays in the queue.
  void refuse_connection(int error) {
    failures_.arm(Family::opening, 1, error);
    for (int asked = 0; asked < 3 && !failures_.failed(); ++asked)
      BOOST_TEST(code_of(worker_.ask(auth_of(token_))) == 0, "errno " << error);
    BOOST_TEST(failures_.failed());
    failures_.disarm();
    BOOST_TEST(code_of(worker_.ask(auth_of(token_))) == 0, "after errno " << error);
  }

 private:
  std::vector<Call> list() {
    return {
        {"regist",
         [](const std::string& phone) {
           return with_key(fcgi::regist(registration(phone)), phone);
         },
         0,
         [](const std::string& phone, const HttpReply&) {
           return count_users("+86" + phone) == 1;
         }},
        {"login", [this](const std::string&) { return login_of(visitor_); }, 0,
         [this](const std::string&, const HttpReply& reply) {
           return code_of(worker_.ask(auth_of(data_of(reply).value("token", "")))) == 0;
         }},
        {"auth", [this](const std::string&) { return auth_of(token_); }, 0,
         [](const std::string&, const HttpReply&) { return true; }},
        // Fails closed: a token that nobody was given is never let in.
        {"auth of a stranger", [](const std::string&) { return auth_of(std::string(43, 'A')); },
         1009, [](const std::string&, const HttpReply&) { return false; }},
        {"code",
         [](const std::string& phone) {
           return with_key(
               fcgi::post("/users/code",
                          nlohmann::json{{"phone", phone}, {"purpose", "regist"}}.dump()),
               phone);
         },
         0,
         [](const std::string& phone, const HttpReply&) {
           return query("SELECT COUNT(*) FROM verification_codes WHERE phone = '+86" + phone +
                        "'") == "1";
         }},
    };
  }

  void sweep(const Call& call, Family family, int error,
             std::chrono::steady_clock::time_point end) {
    failures_.arm(family, 0, error);
    const int expected = code_of(worker_.ask(call.request(fresh_phone())));
    const long calls = failures_.calls();
    failures_.disarm();
    BOOST_TEST_REQUIRE(expected == call.expected, call.name << ": " << expected);
    const long samples = std::min(calls, sample_limit());
    Tally tally;
    for (long i = 0; i < samples; ++i) {
      if (std::chrono::steady_clock::now() > end && sample_limit() <= kSamples) break;
      fail_one(call, family, 1 + i * calls / samples, error, tally);
    }
    BOOST_TEST(tally.reached > 0, call.name << ": no call was made to fail");
    std::cout << "torture: " << call.name << ", " << std::generic_category().message(error) << ": "
              << calls << " calls, " << tally.reached << " made to fail, " << tally.unanswered
              << " unanswered, " << tally.ended << " workers ended (" << tally.crashed
              << " by SIGSEGV), codes";
    for (const auto& [code, count] : tally.codes) std::cout << ' ' << code << 'x' << count;
    std::cout << '\n';
  }

  void fail_one(const Call& call, Family family, long nth, int error, Tally& tally) {
    const std::string phone = fresh_phone();
    const std::string where = std::string(call.name) + ", call " + std::to_string(nth) +
                              ", errno " + std::to_string(error);
    failures_.arm(family, nth, error);
    const HttpReply reply = first_ask(call.request(phone), where, family, tally);
    const bool reached = failures_.failed();
    failures_.disarm();
    ++tally.sampled;
    tally.reached += reached ? 1 : 0;
    tally.unanswered += reply.status == 0 ? 1 : 0;
    const double patience = reply.status == 0 ? kEndSeconds : 0;
    revive(where, family, patience, tally);
    if (reply.status != 0) {
      ++tally.codes[code_of(reply)];
      const bool honest =
          code_of(reply) == call.expected || code_of(reply) == 9000 || code_of(reply) == 9001;
      BOOST_TEST(honest, where << ": " << reply.status << ' ' << reply.body);
      if (code_of(reply) == 0) BOOST_TEST(call.is_true(phone, reply), where << ": 0, but not done");
    }
    const HttpReply again = ask_again(call.request(phone), where, family, tally);
    BOOST_TEST(code_of(again) == call.expected, where << ", retry: " << again.body);
    if (code_of(again) == 0) BOOST_TEST(call.is_true(phone, again), where << ", retry: not done");
  }

  /// Status 0 where the worker ended before it took the request, between two of them.
  HttpReply first_ask(const fcgi::Request& request, const std::string& where, Family family,
                      Tally& tally) {
    try {
      return worker_.ask(request);
    } catch (const std::runtime_error& error) {
      failures_.disarm();
      if (!revive(where, family, 0, tally)) throw std::runtime_error(where + ": " + error.what());
      return {};
    }
  }

  /// One that ended late, or after its reply, is found only by the next request; one that runs and
  /// does not answer hangs.
  HttpReply ask_again(const fcgi::Request& request, const std::string& where, Family family,
                      Tally& tally) {
    try {
      HttpReply reply = worker_.ask(request);
      if (reply.status != 0 || !revive(where, family, kLateEndSeconds, tally)) return reply;
    } catch (const std::runtime_error&) {
      if (!revive(where, family, kLateEndSeconds, tally)) throw;
    }
    return worker_.ask(request);
  }

  /// A worker may end by itself, or by abort() where memory ran out in what cannot fail (libfcgi
  /// asserts, destructors). Its process manager starts the next one. libzxcvbn writes to whatever
  /// malloc gave it, so that without memory it ends by SIGSEGV at address 0: before the first
  /// statement, and nothing else can be done in this process. True where it had ended.
  bool revive(const std::string& where, Family family, double seconds, Tally& tally) {
    const auto status = worker_.exit_within(seconds);
    if (!status) return false;
    ++tally.ended;
    const bool crashed = *status == 128 + SIGSEGV;
    tally.crashed += crashed ? 1 : 0;
    const bool allowed =
        *status == 1 || *status == 128 + SIGABRT || (crashed && family == Family::memory);
    BOOST_TEST(allowed, where << ": ended by " << *status);
    worker_.start_again();
    return true;
  }

  static constexpr double kEndSeconds = 0.1;
  static constexpr double kLateEndSeconds = 5;
  static constexpr long kSamples = 30;
  /// FAULT_SAMPLES widens it, up to each call there is; then time is no limit.
  static long sample_limit() {
    const char* wanted = std::getenv("FAULT_SAMPLES");  // NOLINT(concurrency-mt-unsafe)
    return wanted == nullptr ? kSamples : std::max(1L, std::strtol(wanted, nullptr, 10));
  }

  Failures failures_;
  WorkerProcess worker_;
  std::string owner_ = fresh_phone();
  // Of the many logins: an account keeps the newest of its sessions alone.
  std::string visitor_ = fresh_phone();
  std::string token_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(torture)

#ifndef __SANITIZE_ADDRESS__  // which has a malloc of its own
BOOST_AUTO_TEST_CASE(memory_that_is_refused_costs_a_reply_at_most) {
  Torture().run(Family::memory, ENOMEM, 20);
}
#endif

BOOST_AUTO_TEST_CASE(a_read_that_fails_costs_a_reply_at_most) {
  Torture torture;
  for (const int error : {EINTR, EIO}) torture.run(Family::reading, error, 7);
}

BOOST_AUTO_TEST_CASE(a_connection_that_cannot_be_taken_at_first_is_taken_later) {
  Torture torture;
  for (const int error : {EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC, ECONNABORTED, EIO})
    torture.refuse_connection(error);
}

BOOST_AUTO_TEST_CASE(a_write_that_fails_costs_a_reply_at_most) {
  Torture torture;
  for (const int error : {EINTR, EIO, ENOSPC}) torture.run(Family::writing, error, 6);
}

BOOST_AUTO_TEST_SUITE_END()
