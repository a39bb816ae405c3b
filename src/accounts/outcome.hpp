// What the service answers, and who asked; plain values.
#pragma once

#include <string_view>
#include <vector>

#include "base/result_code.hpp"

namespace users {

/// Who asks, as nginx tells it.
struct Client {
  std::string_view address;     ///< IPv4 or IPv6
  std::string_view request_id;  ///< equal on nginx's own retries
  std::string_view agent{};     ///< User-Agent
  bool chinese = true;          ///< the language of messages to this client
};

struct Outcome {
  ResultCode code = ResultCode::ok;
  std::vector<std::string_view> bad_fields{};  ///< with invalid_arguments
  unsigned retry_after = 0;                    ///< seconds, with limits; 0: not said
};

}  // namespace users
