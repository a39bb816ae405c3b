// The catalogue of result codes: every number a client can be answered, its HTTP status and its
// texts.
#pragma once

#include <span>
#include <string_view>

namespace users {

/// Wire numbers. A number is never reused; 1003 is reserved for ever, since "no such account" would
/// tell strangers who has one.
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
  internal_error = 9000,
  unavailable = 9001,
  no_such_resource = 9002,
  method_not_allowed = 9003,
  request_too_large = 9004,
};

struct ResultCodeRow {
  ResultCode code;
  int http_status;
  std::string_view zh;  ///< UTF-8
  std::string_view en;
};

/// All of them, by number.
std::span<const ResultCodeRow> result_codes();

/// The row of a code. Every enumerator has one.
const ResultCodeRow& describe(ResultCode code);

}  // namespace users
