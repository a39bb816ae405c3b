// Unicode text: validation, canonical forms, length in code points. Only this module uses utf8proc.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace users {

/// Returns true for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) without a NUL.
bool is_text(std::string_view bytes);

/// Bytes of the first code point; 0 if it is not well-formed.
std::size_t code_point_length(std::string_view bytes);

/// Number of code points in UTF-8 text.
std::size_t count_code_points(std::string_view text);

/// The text without leading and trailing blanks.
std::string_view trim(std::string_view text);

/// The parts between separators, without surrounding blanks.
std::vector<std::string> split(std::string_view text, char separator);

/// Converts a number as people type or paste it to ASCII: any blank becomes a space, any dash `-`,
/// and full-width characters become ASCII. Drops invisible marks (direction, zero width). Returns
/// nullopt if any other non-ASCII character is left, or the bytes are not UTF-8.
std::optional<std::string> to_ascii_number(std::string_view typed);

/// Returns the text so that it stays on one line and cannot control a terminal: control characters
/// (C0, DEL, and C1, which work like ESC), line separators, direction marks and invalid UTF-8
/// become \xNN. What would exceed `longest` bytes is left out.
std::string printable(std::string text, std::size_t longest = std::string::npos);

/// Breaks text into lines of at most `width` bytes; a longer word gets a line of its own.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// Normalisation Form C (Unicode Standard Annex 15), so that a password is the same from any
/// keyboard. Returns nullopt if the bytes are not UTF-8.
std::optional<std::string> to_nfc(std::string_view text);

}  // namespace users
