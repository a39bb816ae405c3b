// The fields of a line of an import: a time, and whether one says that the account is disabled.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace users {

/// The fields of a line, which are separated by tabs.
std::vector<std::string_view> split_fields(std::string_view line);

/// NULL, as the common programs write it, \N, and an empty field are no value.
bool is_null(std::string_view field);

/// The time as `YYYY-MM-DD hh:mm:ss` in UTC; empty if there is none. Returns nullopt if the field
/// is no date, or one before 1970 or after 9999. See judge_row() for what is read.
std::optional<std::string> read_date(std::string_view text);

/// The name in lower case, without `_`, `-` and blanks: `isActive` and `is_active` are one.
std::string plain_name(std::string_view name);

/// How a column says that an account is disabled.
enum class Disabling {
  since,     ///< by the time since when; if there is none, it is not
  if_true,   ///< such as is_disabled
  if_false,  ///< such as is_active
};

/// Returns nullopt if a column of this name (from plain_name()) is not one of those that
/// users-ctl(8) lists.
std::optional<Disabling> find_disabling(std::string_view plain);

/// Whether a column may say that an account is disabled, though find_disabling() does not know its
/// name.
bool may_disable(std::string_view name);

/// The time of disabling if a field says only that the account is disabled.
constexpr const char* kSomeTime = "1970-01-01 00:00:00";

/// The time since when the account is disabled; empty if it is not. Returns nullopt if the field
/// does not tell: it cannot be read, lies in the future, or is no value where true means enabled.
std::optional<std::string> read_disabling(Disabling how, std::string_view field);

}  // namespace users
