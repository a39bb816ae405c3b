// The mechanism of all limits, with a given clock: exact to the second.
#include "accounts/throttle.hpp"

#include <boost/test/unit_test.hpp>

#include "metrics/metrics.hpp"
#include "support/stack.hpp"

using namespace users;
using namespace users::test;

namespace {

constexpr throttle::Limit kWindow{"window", 3, 60};
constexpr throttle::Limit kLock{"lock", 3, 60, true};

struct Fixture {
  ScratchDatabase database;
  std::unique_ptr<db::Connection> connection = database.connect();
  Metrics metrics;

  Fixture() { connection->prepare_all(); }

  /// Returns the seconds to wait after a hit `second` seconds after the start.
  unsigned hit_at(unsigned second, const throttle::Limit& limit, std::string_view subject = "x") {
    constexpr unsigned kBeginning = 1'800'000'000;
    connection->run_script("SET timestamp = " + std::to_string(kBeginning + second), "test");
    return throttle::hit(*connection, metrics, limit, subject);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(throttle_test, Fixture)

BOOST_AUTO_TEST_CASE(a_window_is_counted_from_its_first_hit_and_says_when_it_is_over) {
  for (const unsigned second : {0U, 10U, 20U}) BOOST_TEST(hit_at(second, kWindow) == 0U);
  BOOST_TEST(hit_at(20, kWindow) == 40U);
  BOOST_TEST(hit_at(59, kWindow) == 1U);
  // Refused hits extended nothing, and the next window is complete.
  for (const unsigned second : {60U, 60U, 119U}) BOOST_TEST(hit_at(second, kWindow) == 0U);
  BOOST_TEST(hit_at(119, kWindow) == 1U);
}

BOOST_AUTO_TEST_CASE(a_lock_is_counted_from_the_hit_that_reached_the_limit) {
  for (const unsigned second : {0U, 30U, 50U}) BOOST_TEST(hit_at(second, kLock) == 0U);
  BOOST_TEST(hit_at(51, kLock) == 59U);
  BOOST_TEST(hit_at(60, kLock) == 50U);
  for (unsigned i = 0; i < 20; ++i) BOOST_TEST(hit_at(100, kLock) == 10U);
  BOOST_TEST(hit_at(109, kLock) == 1U);
  BOOST_TEST(hit_at(110, kLock) == 0U);
}

BOOST_AUTO_TEST_CASE(each_subject_and_each_limit_counts_for_itself) {
  for (const unsigned second : {0U, 0U, 0U}) BOOST_TEST(hit_at(second, kWindow) == 0U);
  BOOST_TEST(hit_at(1, kWindow) == 59U);
  BOOST_TEST(hit_at(1, kWindow, "y") == 0U);
  BOOST_TEST(hit_at(1, kLock) == 0U);
  throttle::clear(*connection, kWindow, "x");
  BOOST_TEST(hit_at(1, kWindow) == 0U);
  throttle::exhaust(*connection, kLock, "x");
  BOOST_TEST(hit_at(2, kLock) == 59U);
}

BOOST_AUTO_TEST_CASE(of_a_clock_that_was_set_back_no_limit_stands_for_long) {
  for (const unsigned second : {4000U, 4000U, 4000U}) BOOST_TEST(hit_at(second, kWindow) == 0U);
  BOOST_TEST(hit_at(4000, kWindow) == 60U);
  BOOST_TEST(hit_at(400, kWindow) == 0U);
}

BOOST_AUTO_TEST_CASE(a_node_whose_clock_is_ahead_voids_no_limit) {
  for (const unsigned second : {180U, 180U, 180U}) BOOST_TEST(hit_at(second, kLock) == 0U);
  BOOST_TEST(hit_at(0, kLock) == 240U);
}

BOOST_AUTO_TEST_CASE(a_right_attempt_clears_the_count_but_no_lock) {
  BOOST_TEST(hit_at(0, kLock) == 0U);
  throttle::clear_attempts(*connection, kLock, "x");
  BOOST_TEST(throttle::count_of(*connection, kLock, "x").used == 0U);
  BOOST_TEST(hit_at(0, kLock) == 0U);
  throttle::exhaust(*connection, kLock, "x");
  throttle::clear_attempts(*connection, kLock, "x");
  throttle::forgive(*connection, kLock, "x");
  BOOST_TEST(hit_at(1, kLock) == 59U);
  throttle::clear(*connection, kLock, "x");
  BOOST_TEST(hit_at(1, kLock) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
