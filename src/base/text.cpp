#include "base/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <sstream>

#include <utf8proc.h>

namespace users {

namespace {

/// The first code point and its length in bytes; length 0 if it is not well-formed.
std::pair<char32_t, std::size_t> first_code_point(std::string_view bytes) {
  utf8proc_int32_t code_point = 0;
  const utf8proc_ssize_t length =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()),
                       static_cast<utf8proc_ssize_t>(bytes.size()), &code_point);
  return {static_cast<char32_t>(code_point), length > 0 ? static_cast<std::size_t>(length) : 0};
}

/// Returns the ASCII character that a character of a number stands for, '\0' if it should be
/// dropped, or nullopt if it cannot occur in a number.
std::optional<char> number_character(char32_t c) {
  constexpr char32_t kAscii = 0x7F;
  constexpr char32_t kFullWidth = 0xFEE0;  // U+FF01 to U+FF5E are U+0021 to U+007E
  if (c == U'\0') return std::nullopt;
  if (c <= kAscii) return static_cast<char>(c);
  // Japanese keyboards type the long vowel mark where a dash is meant.
  if (c == U'\u2212' || c == U'\u30FC' || c == U'\uFF70' || c == U'\uFF5E') return '-';
  if (c == U'\u00B7' || c == U'\u30FB' || c == U'\uFF65') return '.';  // dots in the middle
  if (c == U'\u034F') return '\0';                                     // grapheme joiner
  if (c >= U'\uFE00' && c <= U'\uFE0F') return '\0';                   // variation selectors
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_ZS:
      return ' ';
    case UTF8PROC_CATEGORY_PD:
      return '-';
    case UTF8PROC_CATEGORY_CF:
      return '\0';
    default:
      break;
  }
  if (c >= U'\uFF01' && c <= U'\uFF5E') return static_cast<char>(c - kFullWidth);
  return std::nullopt;
}

/// Returns false for control characters, line separators and marks that change the direction of the
/// text that follows, so that it reads differently.
bool is_printable(char32_t c) {
  const auto is_from = [&](char32_t first, char32_t last) { return c >= first && c <= last; };
  return c >= 0x20 && !is_from(0x7F, 0x9F) && !is_from(0x200E, 0x200F) &&
         !is_from(0x2028, 0x202E) && !is_from(0x2066, 0x2069);
}

}  // namespace

std::size_t code_point_length(std::string_view bytes) {
  return first_code_point(bytes).second;
}

std::optional<std::string> to_ascii_number(std::string_view typed) {
  std::string ascii;
  while (!typed.empty()) {
    const auto [code_point, length] = first_code_point(typed);
    const auto character = length > 0 ? number_character(code_point) : std::nullopt;
    if (!character) return std::nullopt;
    if (*character != '\0') ascii += *character;
    typed.remove_prefix(length);
  }
  return ascii;
}

bool is_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = code_point_length(bytes);
    if (length == 0 || bytes[0] == '\0') return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char byte) { return (byte & 0xC0U) != 0x80U; }));
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    parts.emplace_back(trim(text.substr(start, end - start)));
    start = end + 1;
  }
  return parts;
}

std::string printable(std::string text, std::size_t longest) {
  const auto is_plain_ascii = [](char c) { return c >= 0x20 && c < 0x7F; };
  if (text.size() <= longest && std::ranges::all_of(text, is_plain_ascii)) return text;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string line;
  for (std::string_view rest = text; !rest.empty();) {
    const auto [code_point, length] = first_code_point(rest);
    const std::string_view bytes = rest.substr(0, std::max<std::size_t>(length, 1));
    std::string shown;
    if (length > 0 && is_printable(code_point)) {
      shown = bytes;
    } else {
      for (const unsigned char byte : bytes) {
        shown.append("\\x").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 0xFU]);
      }
    }
    if (line.size() + shown.size() > longest) break;
    line += shown;
    rest.remove_prefix(bytes.size());
  }
  return line;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  return lines;
}

std::optional<std::string> to_nfc(std::string_view text) {
  // ASCII is in every normal form (UAX 15, section 1.2).
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x7F; })) {
    return std::string(text);
  }
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (size < 0) return std::nullopt;
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  std::string normal(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
  ::explicit_bzero(mapped, static_cast<std::size_t>(size));  // it may be a password
  return normal;
}

}  // namespace users
