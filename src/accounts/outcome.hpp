// The service's results, as plain values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace users {

/// Numbers sent to clients; never reused. 1003 stays reserved: "no such account" would tell
/// strangers who has an account.
enum class ResultCode {
  ok = 0,
  invalid_arguments = 1001,
  already_registered = 1002,
  wrong_credentials = 1004,
  wrong_code = 1005,
  code_used_up = 1006,
  too_many_requests = 1007,
  locked = 1008,
  not_logged_in = 1009,
  weak_password = 1010,
  account_disabled = 1011,
  registration_closed = 1012,
  second_factor_required = 1013,
  confirmation_required = 1014,
  not_allowed = 1015,
  internal_error = 9000,
  unavailable = 9001,
  no_such_resource = 9002,
  method_not_allowed = 9003,
  request_too_large = 9004,
};

struct Outcome {
  ResultCode code = ResultCode::ok;
  std::vector<std::string_view> bad_fields{};  ///< with invalid_arguments
  unsigned retry_after = 0;                    ///< seconds, for limits; 0: not given
  /// The arguments that the account accepts as second factor, if that was missing or wrong.
  std::vector<std::string_view> factors{};
  std::optional<std::uint64_t> recovery_codes_left{};  ///< if one was used

  [[nodiscard]] bool is_ok() const { return code == ResultCode::ok; }
};

/// Adds the names of the failed checks to `outcome`, which becomes invalid_arguments if there are
/// any.
inline Outcome require(std::initializer_list<std::pair<bool, std::string_view>> checks,
                       Outcome outcome = {}) {
  for (const auto& [good, field] : checks) {
    if (good) continue;
    outcome.code = ResultCode::invalid_arguments;
    outcome.bad_fields.push_back(field);
  }
  return outcome;
}

}  // namespace users
