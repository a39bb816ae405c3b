// Keeps what the service logs out of the tests' output.
#include <boost/test/unit_test.hpp>

#include "base/log.hpp"
#include "support/stack.hpp"

namespace {

struct LogToFile {
  LogToFile() {
    users::log::start(users::test::state_folder() + "/log/tests", users::LogLevel::debug, 30);
  }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(LogToFile);
