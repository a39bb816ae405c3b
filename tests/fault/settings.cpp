// The stack of all these tests: cheap hashes, so that much goes on at once, and an early end for
// stuck workers.
#include <cstdlib>

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

namespace {

struct Settings {
  Settings() {
    ::setenv("USERS_FCGI_PASSWORD_ARGON2_MEMORY", "64", 1);
    ::setenv("USERS_FCGI_PASSWORD_ARGON2_PASSES", "1", 1);
    ::setenv("USERS_FCGI_WORKER_REQUEST_LIMIT", "2", 1);
    ::setenv("USERS_FCGI_DATABASE_READ_TIMEOUT", "8", 1);
    ::setenv("USERS_FCGI_SMS_PER_HOUR", "1000000", 1);
    users::test::run_script("scripts/stop pool courier");
    users::test::run_script("scripts/start");
  }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(Settings);
