// For tests that break the stack.
#pragma once

#include <atomic>

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

namespace users::test {

/// Every worker must have found the database, not just the first one asked.
inline bool every_worker_is_ready() {
  constexpr int kAsked = 32;
  std::atomic<int> ready{0};
  in_parallel(8, kAsked, [&](int) {
    const HttpReply reply =
        send(base_url(), {.method = "GET", .path = "/users/health/ready", .headers = {}});
    if (reply.status == 200) ++ready;
  });
  return ready == kAsked;
}

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
