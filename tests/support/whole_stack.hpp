// For tests that break the stack.
#pragma once

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

namespace users::test {

/// The stack must be whole again after a test, however it ended.
struct WholeStack {
  WholeStack() = default;
  ~WholeStack() {
    run_command("scripts/start >/dev/null 2>&1");
    BOOST_WARN(wait_until(30, [] { return regist("x").code() == 1001; }));
  }
  WholeStack(const WholeStack&) = delete;
  WholeStack& operator=(const WholeStack&) = delete;
};

}  // namespace users::test
