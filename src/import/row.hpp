// One row of an import: which columns the file has, and whether a row can become an account.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "accounts/phone.hpp"
#include "base/secret.hpp"
#include "import/field.hpp"
#include "import/file.hpp"

namespace users {

struct DisablingColumn {
  std::size_t index;
  Disabling how;
};

/// Where the columns stand, from 0.
struct ImportLayout {
  bool heading = false;  ///< the first line names the columns
  bool plain = false;    ///< passwords as they were typed; otherwise hashes
  std::size_t columns = 0;
  std::size_t phone = 0;
  std::size_t password = 0;
  std::optional<std::size_t> id{};
  std::optional<std::size_t> created{};
  std::vector<DisablingColumn> disabling{};
  std::vector<std::string> ignored{};  ///< names of the columns that are not taken over
};

/// From the first line: a heading with phone and password, or phone and hash, and optionally id,
/// createTime and columns that say which accounts are disabled, in any order and case; or a row of
/// phone, hash and optionally createTime. Throws ImportRefused if it is neither, if a column may
/// say which accounts are disabled in a way that is not understood and is not among `ignore`, or if
/// `ignore` names a column that is not there.
ImportLayout read_layout(const Line& first, const std::vector<std::string>& ignore = {});

/// What keeps a row out.
enum class RowFault {
  too_long,
  cut_off,
  line_end,
  heading,
  columns,
  escape,
  quotes,
  phone,
  spreadsheet,
  lost_plus,
  no_password,
  password_text,
  password_length,
  hash,         ///< HashFault::form
  hash_memory,  ///< HashFault::memory
  hash_work,    ///< HashFault::work
  hash_lanes,   ///< HashFault::lanes
  duplicate,    ///< an older row has the phone; not of one row alone
  registered,   ///< the phone has an account already; not of one row alone
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
  bool lost_date = false;     ///< createTime could not be read and is left out
  bool unclear = false;       ///< whether it is disabled could not be read: it is taken for so
};

/// Judges a row: the escapes of mariadb --batch (\t \n \\ \0) are resolved. NULL, \N and an empty
/// field are no value. A date is `YYYY-MM-DD`, with `hh:mm`, seconds and a fraction behind a blank
/// or T, and a time zone (Z, UTC, +08, +0800, +08:00; without one it is UTC). A date that cannot be
/// read keeps no row out.
std::variant<ImportRow, RowFault> judge_row(const ImportLayout& layout, const Line& line,
                                            const std::string& default_region);

}  // namespace users
