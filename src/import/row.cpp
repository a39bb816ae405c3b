#include "import/row.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "accounts/foreign_hash.hpp"
#include "accounts/groups.hpp"
#include "accounts/password.hpp"
#include "accounts/phone.hpp"
#include "base/text.hpp"

namespace users {
namespace {

/// The time of disabling if a field says only that the account is disabled.
constexpr const char* kSomeTime = "1970-01-01 00:00:00";

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

/// What the common programs write for no value.
bool is_null(std::string_view field) {
  return is_one_of(field,
                   {"", "NULL", "\\N", "(NULL)", "(null)", "[NULL]", "[null]", "<NULL>", "<null>"});
}

/// The same in a field that is no password, where more words mean it.
bool is_nothing(std::string_view field) {
  return is_null(field) || is_one_of(plain_name(field), {"", "null", "none", "nil"});
}

std::string text_of(const tm& time) {
  std::array<char, sizeof "YYYY-MM-DD hh:mm:ss"> text{};
  std::strftime(text.data(), text.size(), "%F %T", &time);
  return text.data();
}

std::string text_of(std::time_t time) {
  tm fields{};
  ::gmtime_r(&time, &fields);
  return text_of(fields);
}

/// Returns `YYYY-MM-DD hh:mm:ss` in UTC; empty if there is no time, nullopt if it cannot be read.
std::optional<std::string> read_time(std::string_view field) {
  constexpr std::time_t kEnd = 253402214400;  // 9999-12-31, which stands for never
  constexpr long kFarthestZone = 18L * 60 * 60;
  if (is_nothing(field) || field.starts_with("0000-00-00") || field.starts_with("0001-01-01")) {
    return "";
  }
  std::string text(trim(field));
  if (text.size() > 10 && text[10] == 'T') text[10] = ' ';
  const char* end = text.c_str() + text.size();
  tm time{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%d", &time);
  if (rest != nullptr && *rest == ' ' && rest + 1 != end) {
    rest = ::strptime(rest + 1, "%H:%M", &time);
    if (rest != nullptr && *rest == ':') rest = ::strptime(rest, ":%S", &time);
  }
  // strptime() also takes fewer digits.
  const std::string written = text_of(time);
  if (rest == nullptr || !written.starts_with(std::string(text.c_str(), rest))) return std::nullopt;
  if (*rest == '.' || *rest == ',') rest += 1 + std::strspn(rest + 1, "0123456789");
  const bool is_utc = is_one_of({rest, end}, {"", "UTC", " UTC", "GMT", " GMT"});
  if (!is_utc && ::strptime(rest, "%z", &time) != end) return std::nullopt;
  const long ahead_of_utc = time.tm_gmtoff;
  const std::time_t seconds = ::timegm(&time) - ahead_of_utc;
  // timegm() turns February 30 into March 2, and second 60 into the next minute.
  if (text_of(time) != written || std::labs(ahead_of_utc) > kFarthestZone || seconds < 0 ||
      seconds >= kEnd) {
    return std::nullopt;
  }
  return text_of(seconds);
}

/// Returns since when the account is disabled; empty if it is not, nullopt if the field does not
/// say.
std::optional<std::string> read_disabling(Column column, std::string_view field) {
  if (column == Column::disabled_since) {
    auto since = read_time(field);
    // A time ahead may mean "never", or "until then".
    return since && *since <= text_of(std::time(nullptr)) ? since : std::nullopt;
  }
  const std::string word = plain_name(field);
  const bool is_true = is_one_of(word, {"1", "t", "true", "y", "yes", "on", "\x01"});
  const bool is_false = is_one_of(word, {"0", "f", "false", "n", "no", "off", "\\0"}) ||
                        // Some programs write false as nothing.
                        (column == Column::disabled_if && is_nothing(field));
  if (!is_true && !is_false) return std::nullopt;
  return is_true == (column == Column::disabled_if) ? kSomeTime : "";
}

/// The client's escapes resolved; nullopt if there is another one. The text may be a password.
std::optional<Secret> unescape(std::string_view field) {
  constexpr std::string_view kEscaped = "tn\\0";
  constexpr std::string_view kMeant("\t\n\\\0", 4);
  std::string text;
  text.reserve(field.size());  // growing would leave a copy behind
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\') {
      text += field[i];
      continue;
    }
    const auto escape = ++i < field.size() ? kEscaped.find(field[i]) : std::string_view::npos;
    if (escape == std::string_view::npos) {
      wipe(text);
      return std::nullopt;
    }
    text += kMeant[escape];
  }
  return Secret(std::move(text));
}

// Each of these reads a field into the row, and returns its fault, if it has one.

const char* read_phone(std::string_view field, const std::string& region, ImportRow& row) {
  // Without its dot 18866668888.0 would be another number.
  const std::string_view text = trim(field);
  const auto dot = text.find('.');
  if (dot != std::string_view::npos && dot + 1 < text.size() &&
      text.find_first_not_of('0', dot + 1) == std::string_view::npos) {
    return "a spreadsheet has written .0 behind the phone";
  }
  const auto phone = Phone::parse(field, region);
  if (!phone) return "not a mobile number";
  if (phone->has_lost_plus(field)) return "a number of another country without its plus";
  row.phone = phone->e164();
  return nullptr;
}

const char* read_password(std::string_view field, ImportRow& row) {
  if (is_null(field)) return "no password";
  // Of a table that went through a spreadsheet; nobody could log in by what stands between.
  if (field.size() > 1 && field.starts_with('"') && field.ends_with('"')) {
    return "the password is in quotes: save the file without them";
  }
  const auto typed = unescape(field);
  if (!typed) return "a backslash that is no escape of mariadb --batch";
  if (!is_text(typed->reveal())) return "the password is not UTF-8 text";
  // Of any length: it was good enough there, and nobody is to be locked out.
  auto password = normalise_password(typed->reveal(), 1);
  static_assert(kLongestPassword == 128, "the next line names it");
  if (!password) return "the password is longer than 128 characters";
  row.remarks[kLooksHashed] = find_fault(password->reveal()) != HashFault::form;
  row.password = std::move(*password);
  return nullptr;
}

const char* read_hash(std::string_view field, ImportRow& row) {
  if (is_null(field)) return "no password";
  row.hash = field;
  const auto fault = find_fault(field);
  return fault == HashFault::none ? nullptr : text_of(fault);
}

const char* read_groups(std::string_view field, ImportRow& row) {
  static_assert(kMostGroups == 64, "the next lines name it");
  if (is_nothing(field)) return nullptr;
  std::set<std::string> names;
  for (std::string& name : split(field, ',')) names.insert(std::move(name));
  if (names.size() > kMostGroups) return "more than 64 groups";
  for (const std::string& name : names) {
    if (!is_group_name(name)) return "groups are names of a-z, 0-9, _ and -, separated by commas";
    row.groups.append(row.groups.empty() ? "" : ",").append(name);
  }
  return nullptr;
}

std::uint64_t read_id(std::string_view field) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
  return error == std::errc{} && end == field.data() + field.size() ? number : kUnknown;
}

const char* read_field(Column column, std::string_view field, const std::string& region,
                       ImportRow& row) {
  switch (column) {
    case Column::unused:
      break;
    case Column::phone:
      return read_phone(field, region, row);
    case Column::password:
      return read_password(field, row);
    case Column::hash:
      return read_hash(field, row);
    case Column::id:
      row.id = read_id(field);
      break;
    case Column::groups:
      return read_groups(field, row);
    case Column::created: {
      const auto created = read_time(field);
      row.created = created.value_or("");
      row.remarks[kLostDate] = !created;
      break;
    }
    case Column::disabled_since:
    case Column::disabled_if:
    case Column::enabled_if: {
      const auto since = read_disabling(column, field);
      // An account that may be disabled stays so until an operator enables it. kSomeTime is less
      // than any time that a column tells.
      row.disabled = std::max(row.disabled, since.value_or(kSomeTime));
      row.remarks[kDisabled] = !row.disabled.empty();
      if (!since) row.remarks.set(kUnclear);
    }
  }
  return nullptr;
}

}  // namespace

ImportRow judge_row(const ImportLayout& layout, const Line& line,
                    const std::string& default_region) {
  ImportRow row{.fault = line.fault};
  if (row.fault != nullptr) return row;
  const auto fields = split_fields(line.text);
  if (fields.size() != layout.columns.size()) {
    row.fault = "not as many columns as the first line";
  }
  for (std::size_t i = 0; i < fields.size() && row.fault == nullptr; ++i) {
    row.fault = read_field(layout.columns[i], fields[i], default_region, row);
  }
  if (row.fault != nullptr && row.phone.empty() && is_heading(fields)) {
    throw ImportRefused("line " + std::to_string(line.number) +
                        " is a second heading: import each table from a file of its own");
  }
  return row;
}

}  // namespace users
