// The service's budget of messages an hour, as its rows in the table throttle.
#pragma once

#include <algorithm>
#include <string>

namespace users::test {

/// SQL after which `left` of the default budget of 1000 are left.
inline std::string leave_of_budget(int left) {
  constexpr int kRows = 8;
  constexpr int kShare = 1000 / kRows;
  std::string values;
  for (int row = 0; row < kRows; ++row) {
    const int free = std::min(left, kShare);
    left -= free;
    values += (row == 0 ? "('sms-hour:" : ", ('sms-hour:") + std::to_string(row) + "', " +
              std::to_string(kShare - free) + ", UTC_TIMESTAMP() + INTERVAL 1 HOUR)";
  }
  return "REPLACE INTO throttle (bucket, used, resetTime) VALUES " + values;
}

/// SQL after which all of it is left.
inline constexpr const char* kWholeBudget = "DELETE FROM throttle WHERE bucket LIKE 'sms-hour%'";

}  // namespace users::test
