// The keys of signed identities, as their table holds them.
#include "accounts/identity_keys.hpp"

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

using namespace users;
using namespace users::test;

BOOST_AUTO_TEST_SUITE(identity_keys)

BOOST_AUTO_TEST_CASE(no_kid_looks_like_an_option, *boost::unit_test::label("deep")) {
  const ScratchDatabase database;
  const auto connection = database.connect();
  const Secret key(std::string_view("0123456789abcdef0123456789abcdef"));
  // One of 64 thumbprints begins with a hyphen.
  for (int i = 0; i < 400; ++i) {
    const std::string kid = kid_of(active_identity_key(*connection, key).public_key);
    BOOST_TEST(!kid.starts_with('-'), kid);
    replace_identity_keys(*connection, key);
  }
}

BOOST_AUTO_TEST_SUITE_END()
