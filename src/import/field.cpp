#include "import/field.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <iterator>
#include <vector>

namespace users {
namespace {

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

/// `hh:mm`, seconds and their fraction; the time since midnight.
std::optional<std::chrono::seconds> take_time(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || !take_one_of(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  const auto second = take_one_of(text, ":") ? take_digits(text, 2) : std::optional(0U);
  if (!minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  if (take_one_of(text, ".,")) {
    text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
  }
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

/// A time zone that is all of `text`: how far it is ahead of UTC.
std::optional<std::chrono::seconds> read_zone(std::string_view text) {
  take_one_of(text, " ");
  if (text.empty() || text == "Z" || text == "z" || text == "UTC" || text == "GMT") {
    return std::chrono::seconds(0);
  }
  const int sign = text[0] == '-' ? -1 : 1;
  if (!take_one_of(text, "+-")) return std::nullopt;
  const auto hours = take_digits(text, 2);
  take_one_of(text, ":");
  const auto minutes = text.empty() ? std::optional(0U) : take_digits(text, 2);
  if (!hours || !minutes || *hours > 18 || *minutes > 59 || !text.empty()) return std::nullopt;
  return sign * (std::chrono::hours(*hours) + std::chrono::minutes(*minutes));
}

std::string text_of(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto digits = [](auto number, std::size_t count) {
    std::string text = std::to_string(number);
    return std::string(count - std::min(count, text.size()), '0') + text;
  };
  return digits(static_cast<int>(date.year()), 4) + "-" +
         digits(static_cast<unsigned>(date.month()), 2) + "-" +
         digits(static_cast<unsigned>(date.day()), 2) + " " + digits(clock.hours().count(), 2) +
         ":" + digits(clock.minutes().count(), 2) + ":" + digits(clock.seconds().count(), 2);
}

/// In lower case: of `isDel` and `is_del` they are `is` and `del`.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  bool was_small = false;
  for (const char c : name) {
    const bool is_letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    const bool is_large = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (!is_letter || (is_large && was_small)) words.emplace_back();
    if (is_letter) words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    was_small = is_letter && !is_large;
  }
  return words;
}

struct DisablingName {
  std::string_view name;  ///< as plain_name() gives it
  Disabling how;
};

// users-ctl(8) lists them.
constexpr DisablingName kDisablingNames[] = {
    {"disabletime", Disabling::since},     {"disabledat", Disabling::since},
    {"blockedat", Disabling::since},       {"bannedat", Disabling::since},
    {"suspendedat", Disabling::since},     {"deactivatedat", Disabling::since},
    {"deletedat", Disabling::since},       {"disabled", Disabling::if_true},
    {"isdisabled", Disabling::if_true},    {"blocked", Disabling::if_true},
    {"isblocked", Disabling::if_true},     {"banned", Disabling::if_true},
    {"isbanned", Disabling::if_true},      {"suspended", Disabling::if_true},
    {"issuspended", Disabling::if_true},   {"deactivated", Disabling::if_true},
    {"isdeactivated", Disabling::if_true}, {"inactive", Disabling::if_true},
    {"deleted", Disabling::if_true},       {"isdeleted", Disabling::if_true},
    {"active", Disabling::if_false},       {"isactive", Disabling::if_false},
    {"enabled", Disabling::if_false},      {"isenabled", Disabling::if_false},
};

/// In a field that is no password these words mean the same as NULL.
bool is_nothing(std::string_view field) {
  constexpr std::string_view kWords[] = {"", "null", "none", "nil"};
  return is_null(field) || std::ranges::find(kWords, plain_name(field)) != std::end(kWords);
}

}  // namespace

std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

bool is_null(std::string_view field) {
  constexpr std::string_view kWords[] = {"",       "NULL",   "\\N",    "(NULL)", "(null)",
                                         "[NULL]", "[null]", "<NULL>", "<null>"};
  return std::ranges::find(kWords, field) != std::end(kWords);
}

std::optional<std::string> read_date(std::string_view text) {
  if (is_nothing(text) || text.starts_with("0000-00-00") || text.starts_with("0001-01-01"))
    return "";
  const auto year = take_digits(text, 4);
  if (!year || !take_one_of(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take_one_of(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day));
  if (!date.ok()) return std::nullopt;
  std::chrono::sys_seconds time = std::chrono::sys_days(date);
  if (take_one_of(text, " T")) {
    const auto clock = take_time(text);
    if (!clock) return std::nullopt;
    time += *clock;
  }
  const auto zone = read_zone(text);
  if (!zone) return std::nullopt;
  time -= *zone;
  constexpr std::chrono::sys_days kEnd = std::chrono::year(9999) / 12 / 31;
  if (time < std::chrono::sys_seconds{} || time >= kEnd) return std::nullopt;
  return text_of(time);
}

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c != '_' && c != '-' && c != ' ') {
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return plain;
}

std::optional<Disabling> find_disabling(std::string_view plain) {
  const auto* known = std::ranges::find(kDisablingNames, plain, &DisablingName::name);
  return known == std::end(kDisablingNames) ? std::nullopt : std::optional(known->how);
}

bool may_disable(std::string_view name) {
  constexpr std::string_view kParts[] = {
      "status", "disab",  "enab",   "block",  "banned",  "suspend", "lock",  "delet",
      "activ",  "expir",  "frozen", "freez",  "discard", "archiv",  "trash", "remov",
      "cancel", "termin", "forbid", "approv", "silenc",  "black",   "revok", "invalid",
      "禁",     "状态",   "冻结",   "封",     "删",      "注销",    "停用"};
  // As a part of a word these would be found in too many.
  constexpr std::string_view kWords[] = {"state", "ban",   "del",  "closed",
                                         "close", "valid", "spam", "allowed"};
  const std::string plain = plain_name(name);
  const auto words = words_of(name);
  return std::ranges::any_of(
             kParts,
             [&](std::string_view part) { return plain.find(part) != std::string_view::npos; }) ||
         std::ranges::any_of(kWords, [&](std::string_view word) {
           return std::ranges::find(words, word) != words.end() ||
                  plain == std::string("is").append(word);
         });
}

std::optional<std::string> read_disabling(Disabling how, std::string_view field) {
  if (how == Disabling::since) {
    auto since = read_date(field);
    // What lies ahead may mean "never", or "until then".
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return since && *since <= text_of(now) ? since : std::nullopt;
  }
  // Some programs write false as nothing.
  if (is_nothing(field)) return how == Disabling::if_true ? std::optional("") : std::nullopt;
  constexpr std::string_view kTrue[] = {"1", "t", "true", "y", "yes", "on", "\x01"};
  constexpr std::string_view kFalse[] = {"0", "f", "false", "n", "no", "off", "\\0"};
  const std::string word = plain_name(field);
  const bool is_true = std::ranges::find(kTrue, word) != std::end(kTrue);
  if (!is_true && std::ranges::find(kFalse, word) == std::end(kFalse)) return std::nullopt;
  return is_true == (how == Disabling::if_true) ? kSomeTime : "";
}

}  // namespace users
