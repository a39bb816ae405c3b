// The hourly budget of messages, stored in rows of the table throttle.
#pragma once

#include <algorithm>
#include <string>

namespace users::test {

/// Returns SQL that leaves `left` messages of the default budget of 1000.
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

/// SQL that restores the whole budget.
inline constexpr const char* kWholeBudget = "DELETE FROM throttle WHERE bucket LIKE 'sms-hour%'";

}  // namespace users::test
