// Many clients at once, on a stack that is whole.
#include <atomic>
#include <latch>

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

using namespace users::test;

BOOST_AUTO_TEST_SUITE(load)

BOOST_AUTO_TEST_CASE(fifty_registrations_of_one_phone_make_one_user) {
  for (int round = 0; round < 3; ++round) {
    const std::string phone = fresh_phone();
    std::atomic<int> made{0};
    std::atomic<int> known{0};
    std::latch start(50);
    in_parallel(50, 50, [&](int) {
      start.arrive_and_wait();
      const int code = regist(phone).code();
      if (code == 0) ++made;
      if (code == 1002) ++known;
    });
    BOOST_TEST(made == 1);
    BOOST_TEST(known == 49);
    BOOST_TEST(count_users("+86" + phone) == 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()
