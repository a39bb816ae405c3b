// Makes each call of a worker fail in turn, like curl's torture tests: every client gets a true
// answer or none, and its retry is right.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault/shim/control.hpp"
#include "support/person.hpp"
#include "support/worker_process.hpp"

using namespace users::test;

namespace {

using Seconds = std::chrono::duration<double>;

constexpr const char* kPassword = "correct horse 42";

/// The page that controls the worker's shim.
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

  [[nodiscard]] std::string path() const { return file_.string(); }

  /// Makes the `nth` call of the family fail; 0: only counts.
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

/// Options of a worker on the stack's database, with cheap hashes and the shim.
WorkerOptions tortured(const Failures& failures) {
  const std::string secrets = state_folder() + "/secrets";
  return {.environment = {"LD_PRELOAD=" + program("fail-nth-call.so"),
                          "FAIL_NTH_CALL=" + failures.path(), "USERS_FCGI_VERIFICATION=format",
                          "USERS_FCGI_DATABASE_HOSTS=" + run_folder() + "/mariadb.sock",
                          "USERS_FCGI_DATABASE_PASSWORD_FILE=" + secrets + "/service_password",
                          "USERS_FCGI_SECRETS_KEY_FILE=" + secrets + "/key",
                          "USERS_FCGI_PASSWORD_ARGON2_MEMORY=64",
                          "USERS_FCGI_PASSWORD_ARGON2_PASSES=1",
                          // How long it waits for a statement that was sent in part.
                          "USERS_FCGI_DATABASE_READ_TIMEOUT=1", "USERS_FCGI_SMS_PER_HOUR=1000000"}};
}

fcgi::Request with_key(fcgi::Request request, const std::string& phone) {
  request.parameters["HTTP_IDEMPOTENCY_KEY"] = "torture-" + phone;
  return request;
}

fcgi::Request login_of(const std::string& phone) {
  return fcgi::post("/users/login", body_of({{"phone", phone}, {"password", kPassword}}));
}

fcgi::Request auth_of(const std::string& token) {
  fcgi::Request request = fcgi::get("/users/auth");
  request.parameters["HTTP_AUTHORIZATION"] = "Bearer " + token;
  return request;
}

/// The code of a reply; for GET auth, which has no body, by its status.
int code_of(const HttpReply& reply) {
  static const std::map<long, int> kByStatus{{204, 0}, {401, 1009}, {500, 9000}, {503, 9001}};
  if (!reply.body.empty() || !kByStatus.contains(reply.status)) return reply.code();
  return kByStatus.at(reply.status);
}

/// A kind of request: how to make it for a phone, its code without a failure, and what must hold
/// after 0.
struct Call {
  const char* name;
  std::function<fcgi::Request(const std::string& phone)> request;
  int expected;
  std::function<bool(const std::string& phone, const HttpReply& reply)> is_true;
};

struct Tally {
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
    token_ = worker_.ask(login_of(owner_)).text("token");
    BOOST_REQUIRE(code_of(worker_.ask(auth_of(token_))) == 0);
  }

  void run(Family family, int error, double seconds) {
    family_ = family;
    const auto calls = list();
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      // Each kind gets its share of the time, so that a slow machine skips none.
      const double share = static_cast<double>(i + 1) / static_cast<double>(calls.size());
      sweep(calls[i], error, began + Seconds(seconds * share));
    }
  }

  /// The first accept fails: the connection stays in the queue.
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
           return code_of(worker_.ask(auth_of(reply.text("token")))) == 0;
         }},
        {"auth", [this](const std::string&) { return auth_of(token_); }, 0,
         [](const std::string&, const HttpReply&) { return true; }},
        // Fails closed: an unknown token is never accepted.
        {"auth of a stranger", [](const std::string&) { return auth_of(std::string(43, 'A')); },
         1009, [](const std::string&, const HttpReply&) { return false; }},
        {"code",
         [](const std::string& phone) {
           return with_key(
               fcgi::post("/users/code", body_of({{"phone", phone}, {"purpose", "regist"}})),
               phone);
         },
         0,
         [](const std::string& phone, const HttpReply&) {
           return query("SELECT COUNT(*) FROM verification_codes WHERE phone = '+86" + phone +
                        "'") == "1";
         }},
    };
  }

  void sweep(const Call& call, int error,
             std::chrono::time_point<std::chrono::steady_clock, Seconds> end) {
    failures_.arm(family_, 0, error);
    const int expected = code_of(worker_.ask(call.request(fresh_phone())));
    const long calls = failures_.calls();
    failures_.disarm();
    BOOST_TEST_REQUIRE(expected == call.expected, call.name << ": " << expected);
    const long samples = std::min(calls, sample_limit());
    tally_ = {};
    for (long i = 0; i < samples; ++i) {
      if (std::chrono::steady_clock::now() > end && sample_limit() <= kSamples) break;
      const long nth = 1 + i * calls / samples;
      BOOST_TEST_CONTEXT(call.name << ", call " << nth << ", errno " << error) {
        failures_.arm(family_, nth, error);
        fail_one(call);
      }
    }
    BOOST_TEST(tally_.reached > 0, call.name << ": no call was made to fail");
    std::cout << "torture: " << call.name << ", " << std::generic_category().message(error) << ": "
              << calls << " calls, " << tally_.reached << " made to fail, " << tally_.unanswered
              << " unanswered, " << tally_.ended << " workers ended (" << tally_.crashed
              << " by SIGSEGV), codes";
    for (const auto& [code, count] : tally_.codes) std::cout << ' ' << code << 'x' << count;
    std::cout << '\n';
  }

  void fail_one(const Call& call) {
    const std::string phone = fresh_phone();
    const HttpReply reply = first_ask(call.request(phone));
    tally_.reached += failures_.failed() ? 1 : 0;
    failures_.disarm();
    tally_.unanswered += reply.status == 0 ? 1 : 0;
    revive(reply.status == 0 ? kEndSeconds : 0);
    if (reply.status != 0) {
      const int code = code_of(reply);
      ++tally_.codes[code];
      BOOST_TEST((code == call.expected || code == 9000 || code == 9001),
                 reply.status << ' ' << reply.body);
      if (code == 0) BOOST_TEST(call.is_true(phone, reply), "0, but not done");
    }
    const HttpReply again = ask_again(call.request(phone));
    BOOST_TEST(code_of(again) == call.expected, "retry: " << again.body);
    if (code_of(again) == 0) BOOST_TEST(call.is_true(phone, again), "retry: not done");
  }

  /// Status 0 if the worker ended before it accepted the request.
  HttpReply first_ask(const fcgi::Request& request) {
    try {
      return worker_.ask(request);
    } catch (const std::runtime_error&) {
      failures_.disarm();
      if (!revive(0)) throw;
      return {};
    }
  }

  /// A worker that ended late is noticed only by the next request; one that runs but does not
  /// answer hangs.
  HttpReply ask_again(const fcgi::Request& request) {
    try {
      HttpReply reply = worker_.ask(request);
      if (reply.status != 0 || !revive(kLateEndSeconds)) return reply;
    } catch (const std::runtime_error&) {
      if (!revive(kLateEndSeconds)) throw;
    }
    return worker_.ask(request);
  }

  /// A worker may exit, or abort() if memory runs out where failure cannot be reported (assertions
  /// in libfcgi, destructors); its process manager starts the next one. libzxcvbn does not check
  /// malloc, so it may end by SIGSEGV at address 0, before the first statement. Returns true if it
  /// had ended.
  bool revive(double seconds) {
    const auto status = worker_.exit_within(seconds);
    if (!status) return false;
    ++tally_.ended;
    const bool crashed = *status == 128 + SIGSEGV;
    tally_.crashed += crashed ? 1 : 0;
    BOOST_TEST((*status == 1 || *status == 128 + SIGABRT || (crashed && family_ == Family::memory)),
               "ended by " << *status);
    worker_.start_again();
    return true;
  }

  static constexpr double kEndSeconds = 0.1;
  static constexpr double kLateEndSeconds = 5;
  static constexpr long kSamples = 30;
  /// FAULT_SAMPLES raises the number of calls tested, up to all of them; then there is no time
  /// limit.
  static long sample_limit() {
    const char* wanted = std::getenv("FAULT_SAMPLES");  // NOLINT(concurrency-mt-unsafe)
    return wanted == nullptr ? kSamples : std::max(1L, std::strtol(wanted, nullptr, 10));
  }

  Failures failures_;
  WorkerProcess worker_;
  std::string owner_ = fresh_phone();
  // For the many logins: an account only keeps its newest sessions.
  std::string visitor_ = fresh_phone();
  std::string token_;
  Family family_ = Family::none;
  Tally tally_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(torture)

#ifndef __SANITIZE_ADDRESS__  // which has its own malloc
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
