// Unicode text: is it UTF-8, its canonical forms, how many code points. The one user of utf8proc.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace users {

/// Well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong) without a NUL.
bool is_text(std::string_view bytes);

/// Bytes of the code point at the start; 0 where there is no well-formed one.
std::size_t code_point_length(std::string_view bytes);

/// Code points in UTF-8 text.
std::size_t count_code_points(std::string_view text);

/// Without the blanks at both ends.
std::string_view trim(std::string_view text);

/// A number as people type and paste it, in ASCII: every blank becomes a space, every dash `-`,
/// every full-width sign its narrow form. Marks that nobody sees (of direction, of zero width) are
/// dropped. Returns nullopt if another character outside ASCII is left, or the bytes are no UTF-8.
std::optional<std::string> to_ascii_number(std::string_view typed);

/// Appends text so that it stays on one line and no terminal obeys it: control characters (C0, DEL,
/// and C1, which steer terminals just as ESC does), separators of lines, marks of direction and
/// bytes that are no text become \xNN. Stops before `line` would be longer than `longest`.
void append_printable(std::string& line, std::string_view text, std::size_t longest);

/// The words of a text in lines of at most `width` bytes, unless one word is longer.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// Normalisation Form C (Unicode Standard Annex 15), so that one password typed on two keyboards is
/// one. Nothing where the bytes are not UTF-8.
std::optional<std::string> to_nfc(std::string_view text);

}  // namespace users
