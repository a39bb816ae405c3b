#include "accounts/access_rule.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "accounts/groups.hpp"
#include "base/text.hpp"

namespace users {
namespace {

constexpr std::size_t kLongestQuote = 64;

[[noreturn]] void refuse(std::string_view key, const std::string& fault) {
  throw std::invalid_argument(printable(std::string(key), kLongestQuote) + " " + fault);
}

/// Throws std::invalid_argument unless it is a number without sign and leading zeros.
std::uint64_t read_number(std::string_view key, std::string_view text, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.starts_with('0') ||
      number > most) {
    refuse(key, "needs a number from 1 to " + std::to_string(most) + ", not '" +
                    printable(std::string(text), kLongestQuote) + "'");
  }
  return number;
}

/// Whether one of the names, which are separated by commas, passes the test.
template <class Test>
bool any_name(std::string_view names, Test test) {
  for (;;) {
    const std::string_view name = names.substr(0, names.find(','));
    if (test(name)) return true;
    if (name.size() == names.size()) return false;
    names.remove_prefix(name.size() + 1);
  }
}

/// Removes and returns what is before the next slash.
std::string_view take_segment(std::string_view& rest) {
  const std::string_view segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(segment.size() + 1, rest.size()));
  return segment;
}

}  // namespace

AccessRule read_access_rule(std::string_view uri) {
  constexpr std::uint64_t kYear = 365 * kDay;
  AccessRule rule;
  bool has_level = false;
  if (uri == kCheckPath) return rule;
  if (!uri.starts_with(kCheckPath) || uri[kCheckPath.size()] != '/') {
    throw std::invalid_argument("there is no such check");
  }
  std::string_view text = uri.substr(kCheckPath.size() + 1);
  if (text.empty() || text.ends_with('/')) throw std::invalid_argument("it ends with a slash");
  while (!text.empty()) {
    const std::string_view key = take_segment(text);
    const std::string_view value = take_segment(text);
    const bool is_repeated = (key == "group" && !rule.groups.empty()) ||
                             (key == "level" && has_level) || (key == "age" && rule.age);
    if (is_repeated) refuse(key, "is there twice");
    if (key == "group") {
      if (any_name(value, [](std::string_view name) { return !is_group_name(name); })) {
        refuse(key, "needs names of 1 to 32 of a-z, 0-9, _ and -, with commas between");
      }
      rule.groups = value;
    } else if (key == "level") {
      rule.level = read_number(key, value, kTwoFactors);
      has_level = true;
    } else if (key == "age") {
      rule.age = read_number(key, value, kYear);
    } else {
      refuse(key, "is no part of a rule: these are group/NAMES, level/N and age/SECONDS");
    }
  }
  return rule;
}

bool implies(const AccessRule& rule, const AccessRule& other) {
  // Does not compile once a rule has another part.
  const auto& [groups, level, age] = other;
  const bool has_age = !age || (rule.age && *rule.age <= *age);
  const bool has_groups =
      groups.empty() || (!rule.groups.empty() && !any_name(rule.groups, [&](std::string_view name) {
        return !have_common_name(name, other.groups);
      }));
  return rule.level >= level && has_age && has_groups;
}

bool have_common_name(std::string_view names, std::string_view others) {
  return any_name(names, [&](std::string_view name) {
    return any_name(others, [&](std::string_view other) { return other == name; });
  });
}

}  // namespace users
