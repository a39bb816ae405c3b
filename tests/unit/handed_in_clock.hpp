// The wall clock of this program, set by a test. midnight.cpp replaces time(), gettimeofday() and
// clock_gettime().
#pragma once

#include <ctime>

namespace users::test {

/// While it lives, this process and its children have this time instead of the real one.
class HandedInClock {
 public:
  /// Seconds since 1970.
  explicit HandedInClock(std::time_t seconds);
  ~HandedInClock();
  HandedInClock(const HandedInClock&) = delete;
  HandedInClock& operator=(const HandedInClock&) = delete;

  void advance(std::time_t seconds);
};

}  // namespace users::test
