// The columns of an import, and whether a row can become an account.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "import/file.hpp"

namespace users {

/// What a column holds.
enum class Column {
  unused,
  phone,
  password,  ///< as it was typed
  hash,
  id,
  groups,  ///< names in order, separated by commas
  created,
  disabled_since,  ///< a time; if there is none, the account is not disabled
  disabled_if,     ///< a truth value, such as is_disabled
  enabled_if,      ///< such as is_active
};

struct ImportLayout {
  bool heading = false;           ///< the first line names the columns
  std::vector<Column> columns{};  ///< in the order of the file
  std::vector<std::string> unused{};

  [[nodiscard]] bool has(Column column) const {
    return std::ranges::find(columns, column) != columns.end();
  }
};

/// The fields of a line, which are separated by tabs.
std::vector<std::string_view> split_fields(std::string_view line);

/// The text in lower case, without `_`, `-` and blanks: `isActive` and `is_active` are one.
std::string plain_name(std::string_view text);

/// Whether these are names of columns, phone and password or hash among them.
bool is_heading(const std::vector<std::string_view>& fields);

/// Reads the first line: a heading, or a row of phone and hash. Throws ImportRefused if it is
/// neither, if a column may say which accounts are disabled in a way that is not understood and is
/// not among `ignore`, or if `ignore` names a column that is not there.
ImportLayout read_layout(const Line& first, const std::vector<std::string>& ignore = {});

/// What the operator is told of rows, although they can be imported.
enum Remark : std::size_t {
  kDisabled,
  kUnclear,         ///< whether it is disabled cannot be read: it counts as disabled
  kLostDate,        ///< createTime cannot be read and is left out
  kLooksHashed,     ///< the password has the form of a hash
  kDisabledBefore,  ///< disabled in the file, but the phone has an account that is not
  kRemarks
};

/// An id that is missing or no number: greater than any other.
constexpr std::uint64_t kUnknown = UINT64_MAX;

struct ImportRow {
  const char* fault = nullptr;  ///< why the row stays out; then the rest does not count
  std::string phone{};          ///< E.164
  Secret password{};            ///< NFC; empty if there is a hash
  std::string hash{};           ///< empty if there is a password
  std::string created{};        ///< `YYYY-MM-DD hh:mm:ss` in UTC; empty: unknown
  std::string disabled{};       ///< the same; empty: not disabled
  std::string groups{};         ///< names in order, separated by commas
  std::uint64_t id = kUnknown;
  std::bitset<kRemarks> remarks{};
};

/// Judges a row: the escapes of mariadb --batch (\t \n \\ \0) are resolved. NULL, \N and an empty
/// field are no value. A time is `YYYY-MM-DD`, with `hh:mm`, seconds and a fraction behind a blank
/// or T, and a time zone (Z, UTC, +08, +0800, +08:00; without one it is UTC), from 1970 to 9999. A
/// time that cannot be read keeps no row out. Throws ImportRefused if the line is a second heading.
ImportRow judge_row(const ImportLayout& layout, const Line& line,
                    const std::string& default_region);

}  // namespace users
