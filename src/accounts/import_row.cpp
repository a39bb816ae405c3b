#include "accounts/import_row.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <vector>

#include "accounts/import_hash.hpp"
#include "accounts/password.hpp"
#include "base/text.hpp"

namespace users {
namespace {

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

std::optional<std::size_t> find_column(const std::vector<std::string_view>& heading,
                                       std::string_view name) {
  const auto equal = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < heading.size(); ++i) {
    if (!std::ranges::equal(heading[i], name, equal)) continue;
    if (found) throw ImportRefused("the heading names " + std::string(name) + " twice");
    found = i;
  }
  return found;
}

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

std::optional<unsigned> take_digits(std::string_view& text, std::size_t count) {
  unsigned number = 0;
  if (text.size() < count || text[0] == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, number);
  if (error != std::errc{} || end != text.data() + count) return std::nullopt;
  text.remove_prefix(count);
  return number;
}

bool take_one_of(std::string_view& text, std::string_view any) {
  if (text.empty() || any.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool is_date(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year || !take_one_of(text, "-")) return false;
  const auto month = take_digits(text, 2);
  if (!month || !take_one_of(text, "-")) return false;
  const auto day = take_digits(text, 2);
  constexpr unsigned kFirstYear = 1970;
  return day && *year >= kFirstYear &&
         std::chrono::year_month_day(std::chrono::year(static_cast<int>(*year)),
                                     std::chrono::month(*month), std::chrono::day(*day))
             .ok();
}

bool is_time(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || !take_one_of(text, ":")) return false;
  const auto minute = take_digits(text, 2);
  if (!minute || !take_one_of(text, ":")) return false;
  const auto second = take_digits(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return false;
  if (take_one_of(text, ".")) {
    text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
  }
  take_one_of(text, "Z");
  return text.empty();
}

bool is_null(std::string_view field) {
  return field.empty() || field == "NULL";
}

/// As the database takes it; empty where it is unknown; nothing where it is no date.
std::optional<std::string> read_date(std::string_view field) {
  if (is_null(field) || field.starts_with("0000-00-00")) return "";
  std::string_view rest = field;
  if (!is_date(rest)) return std::nullopt;
  std::string date(field.substr(0, 10));
  if (rest.empty()) return date + " 00:00:00";
  if (!take_one_of(rest, " T")) return std::nullopt;
  date.append(" ").append(rest.substr(0, 8));
  if (!is_time(rest)) return std::nullopt;
  return date;
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

std::optional<RowFault> read_dates(const ImportLayout& layout,
                                   const std::vector<std::string_view>& fields, ImportRow& row) {
  const auto column = [&](const std::optional<std::size_t>& index) {
    return index ? fields[*index] : std::string_view();
  };
  auto created = read_date(column(layout.created));
  auto disabled = read_date(column(layout.disabled));
  if (!created || !disabled) return RowFault::date;
  row.age = order_of(*created);
  row.id = read_number(column(layout.id));
  row.created = std::move(*created);
  row.disabled = std::move(*disabled);
  return std::nullopt;
}

std::optional<RowFault> read_password(std::string_view field, ImportRow& row) {
  if (is_null(field)) return RowFault::no_password;
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

}  // namespace

ImportLayout read_layout(const Line& first) {
  const auto fields = split(first.text);
  const auto phone = find_column(fields, "phone");
  const auto password = find_column(fields, "password");
  const auto hash = find_column(fields, "hash");
  if (phone && (password || hash)) {
    if (password && hash) throw ImportRefused("the heading names both password and hash");
    return {.heading = true,
            .plain = password.has_value(),
            .columns = fields.size(),
            .phone = *phone,
            .password = password ? *password : *hash,
            .id = find_column(fields, "id"),
            .created = find_column(fields, "createTime"),
            .disabled = find_column(fields, "disableTime")};
  }
  const bool is_row = (fields.size() == 2 || fields.size() == 3) && fields[1].starts_with('$');
  if (!is_row) {
    throw ImportRefused(
        "line " + std::to_string(first.number) +
        " is neither a heading with the columns phone and password (or phone and hash), as "
        "mariadb --batch prints it, nor phone, tab and hash");
  }
  ImportLayout layout{.columns = fields.size(), .phone = 0, .password = 1};
  if (fields.size() == 3) layout.created = 2;
  return layout;
}

std::string_view text_of(RowFault fault) {
  switch (fault) {
    case RowFault::too_long:
      return "the line is longer than 16384 bytes";
    case RowFault::cut_off:
      return "the last line has no end: is the file whole?";
    case RowFault::columns:
      return "not as many columns as the first line";
    case RowFault::escape:
      return "a backslash that is no escape of mariadb --batch";
    case RowFault::phone:
      return "not a mobile number";
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
    case RowFault::date:
      return "not a date";
    case RowFault::duplicate:
      return "an older row has this phone";
    case RowFault::registered:
      return "the phone has an account already";
  }
  return "?";
}

std::variant<ImportRow, RowFault> judge_row(const ImportLayout& layout, const Line& line,
                                            const std::string& default_region) {
  if (line.state == LineState::too_long) return RowFault::too_long;
  if (line.state == LineState::cut_off) return RowFault::cut_off;
  const auto fields = split(line.text);
  if (fields.size() != layout.columns) return RowFault::columns;
  auto phone = Phone::parse(fields[layout.phone], default_region);
  if (!phone) return RowFault::phone;
  ImportRow row{.phone = std::move(*phone)};
  if (const auto fault = read_dates(layout, fields, row)) return *fault;
  const auto field = fields[layout.password];
  if (const auto fault = layout.plain ? read_password(field, row) : read_hash(field, row)) {
    return *fault;
  }
  return row;
}

}  // namespace users
