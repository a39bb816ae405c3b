// One row of an import: which columns the file has, and whether a row can become an account.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "accounts/import_file.hpp"
#include "accounts/phone.hpp"
#include "base/secret.hpp"

namespace users {

/// Where the columns stand, from 0.
struct ImportLayout {
  bool heading = false;  ///< the first line names the columns
  bool plain = false;    ///< passwords as they were typed; otherwise hashes
  std::size_t columns = 0;
  std::size_t phone = 0;
  std::size_t password = 0;
  std::optional<std::size_t> id{};
  std::optional<std::size_t> created{};
  std::optional<std::size_t> disabled{};
};

/// From the first line: a heading with phone and password, or phone and hash, and optionally id,
/// createTime and disableTime, in any order and case; or a row of phone, hash and optionally
/// createTime. Throws ImportRefused where it is neither.
ImportLayout read_layout(const Line& first);

/// What keeps a row out.
enum class RowFault {
  too_long,
  cut_off,
  columns,
  escape,
  phone,
  no_password,
  password_text,
  password_length,
  hash,         ///< HashFault::form
  hash_memory,  ///< HashFault::memory
  hash_work,    ///< HashFault::work
  hash_lanes,   ///< HashFault::lanes
  date,
  duplicate,   ///< an older row has the phone; not of one row alone
  registered,  ///< the phone has an account already; not of one row alone
};

/// The fault in words, for the report.
std::string_view text_of(RowFault fault);

/// The order of what has none: behind everything else.
constexpr std::uint64_t kUnknown = UINT64_MAX;

struct ImportRow {
  Phone phone;
  Secret password{};             ///< NFC; empty where there is a hash
  std::string hash{};            ///< empty where there is a password
  std::string created{};         ///< `YYYY-MM-DD hh:mm:ss`; empty: unknown
  std::string disabled{};        ///< the same; empty: not
  std::uint64_t age = kUnknown;  ///< orders by createTime
  std::uint64_t id = kUnknown;
  bool looks_hashed = false;  ///< the password has the form of a hash
};

/// Judges a row: the escapes of mariadb --batch (\t \n \\ \0 and NULL) are resolved. A date is
/// `YYYY-MM-DD`, with `hh:mm:ss` behind a blank or T, a fraction and Z; NULL, empty and the zero
/// date are unknown.
std::variant<ImportRow, RowFault> judge_row(const ImportLayout& layout, const Line& line,
                                            const std::string& default_region);

}  // namespace users
