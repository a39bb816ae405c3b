// What values of the configuration look like.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace users {

/// Reads a number that is all of `text` and within the bounds.
std::optional<unsigned> read_number(std::string_view text, unsigned least, unsigned most);

/// Two capital letters (ISO 3166-1).
bool is_region(std::string_view text);

/// A host as browsers write it: labels of letters, digits and hyphens; xn--... if international.
bool is_host_name(std::string_view text);

/// An origin as browsers write it, without the scheme's own port: https, or http of localhost.
bool is_origin(const std::string& text);

}  // namespace users
