// What a long piece of work says about itself.
#include "ctl/progress.hpp"

#include <boost/test/unit_test.hpp>

using users::ctl::progress_text;

BOOST_AUTO_TEST_SUITE(progress)

BOOST_AUTO_TEST_CASE(rate_and_time_left_follow_from_what_was_done) {
  BOOST_TEST(progress_text(1200, 5000, 4) == "1200 of 5000 rows, 24 %, 300/s, 0:13 left");
  BOOST_TEST(progress_text(1, 100000, 1) == "1 of 100000 rows, 0 %, 1/s, 27:46:39 left");
  BOOST_TEST(progress_text(5000, 5000, 10) == "5000 of 5000 rows, 100 %, 500/s");
}

BOOST_AUTO_TEST_CASE(nothing_is_foretold_of_nothing) {
  BOOST_TEST(progress_text(0, 5000, 0) == "0 of 5000 rows, 0 %");
  BOOST_TEST(progress_text(0, 5000, 3) == "0 of 5000 rows, 0 %");
  BOOST_TEST(progress_text(0, 0, 0) == "0 of 0 rows, 100 %");
}

BOOST_AUTO_TEST_SUITE_END()
