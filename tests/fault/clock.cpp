// Wall clocks of the workers and the database that jump forward and back, by libfaketime.
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault/ledger.hpp"
#include "support/person.hpp"
#include "support/whole_stack.hpp"

using namespace users::test;
namespace data = boost::unit_test::data;

namespace {

constexpr long kHour = 3600;
constexpr long kDay = 24 * kHour;
constexpr long kYear = 365 * kDay;

std::string clock_file() {
  return state_folder() + "/clock";
}

/// Sets the offset of the fake clocks from the real time.
void set_clock(long seconds) {
  const std::string file = clock_file();
  std::ofstream(file + ".new") << (seconds < 0 ? "" : "+") << seconds << '\n';
  std::filesystem::rename(file + ".new", file);
}

/// libfaketime's shared memory (FAKETIME_SHARED). By default the first process creates it and
/// removes it at exit, and another one that starts at that moment fails.
class SharedByFaketime {
 public:
  SharedByFaketime() {
    const sem_t* semaphore = ::sem_open(semaphore_.c_str(), O_CREAT | O_EXCL, 0600, 1);
    const int file = ::shm_open(memory_.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
    const long size = ::sysconf(_SC_PAGESIZE);
    BOOST_TEST_REQUIRE((semaphore != SEM_FAILED && file >= 0 && ::ftruncate(file, size) == 0));
    // Two counters from 0, then unset times.
    const std::string unknown(kTimes, '\xFF');
    BOOST_TEST(::pwrite(file, unknown.data(), kTimes, kCounters) == kTimes);
    ::close(file);
  }
  ~SharedByFaketime() {
    ::sem_unlink(semaphore_.c_str());
    ::shm_unlink(memory_.c_str());
  }
  SharedByFaketime(const SharedByFaketime&) = delete;
  SharedByFaketime& operator=(const SharedByFaketime&) = delete;

  [[nodiscard]] std::string names() const { return semaphore_ + " " + memory_; }

 private:
  static constexpr int kCounters = 16;
  static constexpr int kTimes = 256;
  std::string semaphore_ = "/users-clock-semaphore-" + std::to_string(::getpid());
  std::string memory_ = "/users-clock-memory-" + std::to_string(::getpid());
};

/// Runs parts of the stack with their own clock, in a zone with summer time, and restores the real
/// one.
class OtherClock {
 public:
  explicit OtherClock(std::string parts, long seconds = 0) : parts_(std::move(parts)) {
    set_clock(seconds);
    run_script("scripts/stop " + parts_);
    run_script("env TZ=Europe/Berlin LD_PRELOAD=/usr/lib/" MULTIARCH
               "/faketime/libfaketimeMT.so.1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 "
               "FAKETIME_SHARED='" +
               shared_.names() + "' FAKETIME_TIMESTAMP_FILE='" + clock_file() + "' scripts/start " +
               parts_);
  }
  ~OtherClock() {
    // Removes what the other clock has left for the next test.
    run_command(
        "echo 'DELETE FROM sessions; DELETE FROM verification_codes; DELETE FROM throttle; "
        "DELETE FROM outbox' | scripts/mysql");
    run_command("scripts/stop " + parts_ + " && scripts/start");
  }

 private:
  std::string parts_;
  SharedByFaketime shared_;
};

/// Whether the workers have a log of the day `seconds` from now.
bool has_log_of_day(long seconds) {
  const std::time_t then = std::time(nullptr) + seconds;
  std::tm utc{};
  ::gmtime_r(&then, &utc);
  char name[32];
  (void)std::strftime(name, sizeof name, "users.log.%Y%m%d", &utc);
  return std::filesystem::exists(state_folder() + "/log/users/" + name);
}

int login_by_code(const Person& person, const std::string& code) {
  return post("login", {{"phone", person.phone()}, {"code", code}}).code();
}

/// Guesses until the limit is reached.
void lock_login(const Person& person) {
  constexpr int kMost = 20;
  for (int i = 0; i < kMost; ++i) {
    const Arguments wrong{{"phone", person.phone()}, {"password", "wrong horse 42"}};
    if (post("login", wrong).code() == 1008) return;
  }
  BOOST_ERROR("the login was never locked");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(clocks, WholeStack)

BOOST_AUTO_TEST_CASE(of_workers_are_set_by_an_hour_and_a_year_both_ways) {
  const OtherClock other("pool courier");
  const Tally met = survive("workers' clocks set by an hour and a year", [](Traffic& traffic) {
    for (const long seconds : {kHour, -kHour, kYear, -kYear, 0L}) {
      set_clock(seconds);
      traffic.flow(100);
    }
  });
  BOOST_TEST(met.unknown == 0);
  BOOST_TEST(has_log_of_day(kYear));
  BOOST_TEST(has_log_of_day(-kYear));
}

/// Clock changes in Berlin, forward and back, in seconds since 1970.
BOOST_DATA_TEST_CASE(of_all_parts_pass_the_change_of_summer_time,
                     data::make({1806195600L, 1824944400L}), change) {
  constexpr long kBefore = 4;
  const OtherClock other("database pool courier",
                         change - kBefore - static_cast<long>(std::time(nullptr)));
  Person person = registered();
  const std::string token = person.token();
  const Tally met = survive("the change of summer time", [&](Traffic&) {
    BOOST_TEST(
        wait_until(60, [&] { return std::stol(query("SELECT UNIX_TIMESTAMP()")) > change + 1; }));
  });
  BOOST_TEST(met.unknown == 0);
  BOOST_TEST(is_alive(token));
  // An error of an hour would show here.
  BOOST_TEST(query("SELECT ABS(TIMESTAMPDIFF(SECOND, createTime, UTC_TIMESTAMP())) < 60 FROM users "
                   "WHERE phone = '" +
                   person.e164() + "'") == "1");
}

BOOST_DATA_TEST_CASE(of_the_database_is_set, data::make({kHour, -kHour, kYear, -kYear}), seconds) {
  const OtherClock other("database");
  BOOST_TEST(wait_until(5, [] { return regist("x").code() == 1001; }));
  Person person = registered();
  const std::string alive = person.token();
  const std::string ended = person.token();
  BOOST_TEST(call("POST", "logout", ended).code() == 0);
  const std::string used = person.code("login");
  BOOST_TEST(login_by_code(person, used) == 0);
  Person waiting = registered();
  const std::string unused = waiting.code("login");
  Person locked = registered();
  lock_login(locked);

  set_clock(seconds);
  const long ahead =
      std::stol(query("SELECT UNIX_TIMESTAMP()")) - static_cast<long>(std::time(nullptr));
  BOOST_TEST(std::abs(ahead - seconds) < 10);
  // Nothing that had ended is valid again.
  BOOST_TEST(!is_alive(ended));
  BOOST_TEST(login_by_code(person, used) != 0);
  BOOST_TEST(login_by_code(waiting, unused) == 1005);
  // Only a year exceeds a session's lifetime.
  BOOST_TEST(is_alive(alive) == (seconds != kYear));
  // Nobody has to wait for as long as the clock was wrong.
  BOOST_TEST(locked.login().code() == 0);
  const std::string fresh = waiting.code("login");
  BOOST_TEST(fresh != unused);
  BOOST_TEST(login_by_code(waiting, fresh) == 0);
  // The limits work again.
  lock_login(locked);
  survive("the database's clock set by " + std::to_string(seconds) + " s", [](Traffic&) {});

  set_clock(0);
  BOOST_TEST(!is_alive(ended));
  BOOST_TEST(login_by_code(person, used) != 0);
  survive("the database's clock set right again", [](Traffic&) {});
}

BOOST_AUTO_TEST_SUITE_END()
