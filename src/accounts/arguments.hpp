// The shape of what a client sent, judged before anything is looked up.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "accounts/outcome.hpp"
#include "accounts/verification.hpp"
#include "base/text.hpp"

namespace users {

/// A code as people type and paste it, without its blanks and dashes. Returns nullopt if it is not
/// of six digits.
inline std::optional<std::string> parse_code(std::string_view text) {
  constexpr std::size_t kMostBytes = 64;
  auto code = text.size() <= kMostBytes ? to_ascii_number(text) : std::nullopt;
  if (!code) return std::nullopt;
  std::erase_if(*code, [](char c) { return c == ' ' || c == '-'; });
  const bool is_good = code->size() == kCodeDigits &&
                       std::ranges::all_of(*code, [](char c) { return c >= '0' && c <= '9'; });
  return is_good ? std::move(code) : std::nullopt;
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
