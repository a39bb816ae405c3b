// The shape of what a client sent, judged before anything is looked up.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "accounts/outcome.hpp"
#include "accounts/verification.hpp"

namespace users {

inline bool is_code(std::string_view text) {
  return text.size() == kCodeDigits &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// invalid_arguments with the names of the checks that failed; ok where none did.
inline Outcome require(std::initializer_list<std::pair<bool, std::string_view>> checks) {
  Outcome outcome;
  for (const auto& [good, field] : checks) {
    if (good) continue;
    outcome.code = ResultCode::invalid_arguments;
    outcome.bad_fields.push_back(field);
  }
  return outcome;
}

}  // namespace users
