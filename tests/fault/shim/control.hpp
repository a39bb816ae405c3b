// A page in a file, mapped by both a test and shim/fail_nth_call.cpp.
#pragma once

#include <atomic>

namespace users::test {

enum class Family : int { none, memory, reading, writing, opening };

/// Plain data: zeros let everything pass.
struct Control {
  std::atomic<Family> family;
  std::atomic<long> nth;     ///< the call to fail, counted from 1; 0: none
  std::atomic<int> error;    ///< errno of the failure
  std::atomic<long> calls;   ///< calls of the family so far
  std::atomic<long> failed;  ///< how many have failed
};
static_assert(std::atomic<Family>::is_always_lock_free && std::atomic<long>::is_always_lock_free);

}  // namespace users::test
