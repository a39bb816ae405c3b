// A person's whole life, by curl.
#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

using namespace users::test;

BOOST_AUTO_TEST_SUITE(life, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(every_step_is_answered_as_it_should_be) {
  const Command life =
      run_command(curl_environment() + "USERS_ORIGIN=" + origin() + " tests/life 2>&1");
  BOOST_TEST(life.status == 0, life.output);
  BOOST_TEST(life.output.ends_with("  the phone is free to register again\n"), life.output);
}

BOOST_AUTO_TEST_SUITE_END()
