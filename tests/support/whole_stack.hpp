// Helpers for tests that break the stack.
#pragma once

#include <atomic>

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"

namespace users::test {

/// Asks often enough to reach every worker.
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

/// Restores the stack after a test.
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
