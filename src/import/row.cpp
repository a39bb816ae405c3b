#include "import/row.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

#include "accounts/foreign_hash.hpp"
#include "accounts/password.hpp"
#include "base/text.hpp"

namespace users {
namespace {

/// The client's escapes resolved; nothing where there is another one. The text may be a password.
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

std::uint64_t read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : kUnknown;
}

/// `YYYY-MM-DD hh:mm:ss` as the number of these digits, which orders as the dates do.
std::uint64_t order_of(std::string date) {
  std::erase_if(date, [](char c) { return c < '0' || c > '9'; });
  return read_number(date);
}

void read_dates(const ImportLayout& layout, const std::vector<std::string_view>& fields,
                ImportRow& row) {
  const auto column = [&](const std::optional<std::size_t>& index) {
    return index ? fields[*index] : std::string_view();
  };
  auto created = read_date(column(layout.created));
  row.lost_date = !created;
  row.created = std::move(created).value_or("");
  row.age = order_of(row.created);
  row.id = read_number(column(layout.id));
  for (const DisablingColumn& disabling : layout.disabling) {
    auto since = read_disabling(disabling.how, fields[disabling.index]);
    // An account that may be disabled stays so until an operator enables it.
    row.unclear = row.unclear || !since;
    const std::string text = std::move(since).value_or(kSomeTime);
    if (row.disabled.empty() || (row.disabled == kSomeTime && !text.empty())) row.disabled = text;
  }
}

std::optional<RowFault> read_password(std::string_view field, ImportRow& row) {
  if (is_null(field)) return RowFault::no_password;
  // Of a table that went through a spreadsheet; nobody could log in by what stands between.
  if (field.size() > 1 && field.starts_with('"') && field.ends_with('"')) return RowFault::quotes;
  const auto typed = unescape(field);
  if (!typed) return RowFault::escape;
  if (!is_text(typed->reveal())) return RowFault::password_text;
  // Of any length: it was good enough there, and nobody is to be locked out.
  auto password = normalise_password(typed->reveal(), 1);
  if (!password) return RowFault::password_length;
  row.looks_hashed = find_fault(password->reveal()) != HashFault::form;
  row.password = std::move(*password);
  return std::nullopt;
}

RowFault row_fault(HashFault fault) {
  switch (fault) {
    case HashFault::form:
      break;
    case HashFault::memory:
      return RowFault::hash_memory;
    case HashFault::work:
      return RowFault::hash_work;
    case HashFault::lanes:
      return RowFault::hash_lanes;
  }
  return RowFault::hash;
}

std::optional<RowFault> read_hash(std::string_view field, ImportRow& row) {
  if (is_null(field)) return RowFault::no_password;
  if (const auto fault = find_fault(field)) return row_fault(*fault);
  row.hash = field;
  return std::nullopt;
}

bool is_heading(const std::vector<std::string_view>& fields) {
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(fields, [&](std::string_view field) {
      return field.size() == name.size() && plain_name(field) == name;
    });
  };
  return has("phone") && (has("password") || has("hash"));
}

/// What a spreadsheet makes of a number: 18866668888.0. Without the dot it would be another one.
bool is_of_a_spreadsheet(std::string_view field) {
  const std::string_view text = trim(field);
  const auto dot = text.find('.');
  return dot != std::string_view::npos && dot + 1 < text.size() &&
         text.find_first_not_of('0', dot + 1) == std::string_view::npos;
}

}  // namespace

std::string_view text_of(RowFault fault) {
  switch (fault) {
    case RowFault::too_long:
      return "the line is longer than 16384 bytes";
    case RowFault::cut_off:
      return "the last line has no end: is the file whole?";
    case RowFault::line_end:
      return "the line ends otherwise than the first one (LF or CRLF)";
    case RowFault::heading:
      return "a second heading";
    case RowFault::columns:
      return "not as many columns as the first line";
    case RowFault::escape:
      return "a backslash that is no escape of mariadb --batch";
    case RowFault::quotes:
      return "the password stands in quotes: save the file without them";
    case RowFault::phone:
      return "not a mobile number";
    case RowFault::spreadsheet:
      return "the phone went through a spreadsheet, which writes .0 behind it";
    case RowFault::lost_plus:
      return "a number of another country without its plus";
    case RowFault::no_password:
      return "no password";
    case RowFault::password_text:
      return "the password is not UTF-8 text";
    case RowFault::password_length:
      return "the password is longer than 128 characters";
    case RowFault::hash:
      return text_of(HashFault::form);
    case RowFault::hash_memory:
      return text_of(HashFault::memory);
    case RowFault::hash_work:
      return text_of(HashFault::work);
    case RowFault::hash_lanes:
      return text_of(HashFault::lanes);
    case RowFault::duplicate:
      return "another row of this phone counts";
    case RowFault::registered:
      return "the phone has an account already";
  }
  return "?";
}

std::variant<ImportRow, RowFault> judge_row(const ImportLayout& layout, const Line& line,
                                            const std::string& default_region) {
  if (line.state == LineState::too_long) return RowFault::too_long;
  if (line.state == LineState::cut_off) return RowFault::cut_off;
  if (line.state == LineState::other_end) return RowFault::line_end;
  const auto fields = split_fields(line.text);
  // Not of a person whose password is "password".
  const bool has_number = fields.size() > layout.phone &&
                          fields[layout.phone].find_first_of("0123456789") != std::string::npos;
  if (layout.heading && !has_number && is_heading(fields)) return RowFault::heading;
  if (fields.size() != layout.columns) return RowFault::columns;
  if (is_of_a_spreadsheet(fields[layout.phone])) return RowFault::spreadsheet;
  auto phone = Phone::parse(fields[layout.phone], default_region);
  if (phone && phone->has_lost_plus(fields[layout.phone])) return RowFault::lost_plus;
  if (!phone) return RowFault::phone;
  ImportRow row{.phone = std::move(*phone)};
  read_dates(layout, fields, row);
  const auto field = fields[layout.password];
  if (const auto fault = layout.plain ? read_password(field, row) : read_hash(field, row)) {
    return *fault;
  }
  return row;
}

}  // namespace users
