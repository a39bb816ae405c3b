// The session token in a request: in a header, or in a cookie with what a browser must prove beside
// it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "web/http.hpp"

namespace users::web {

struct Credentials {
  std::vector<std::string_view> tokens;  ///< views into the request
  bool from_cookie = false;
};

/// Cookies of our name that are looked at. A browser sends several where another path or host of
/// the site set one, too; each costs a question to the database.
constexpr std::size_t kMostCookies = 4;

/// The token of `Authorization: Bearer` (RFC 6750 2.1); without a header of this scheme, those of
/// the cookies of our name in their order. Other schemes, such as Basic, are the site's own.
Credentials find_credentials(const Request& request, bool secure_cookie);

/// Whether the browser says that the request comes from a page of this very site, or of an origin
/// that the site lists: Sec-Fetch-Site, else Origin held against Host, where with `secure` only
/// HTTPS is the site. Returns nullopt if it says neither, as clients other than browsers do.
std::optional<bool> is_same_origin(const Request& request, bool secure);

/// The value of a Set-Cookie header: with a lifetime in seconds, or 0 to take the cookie away.
std::string session_cookie(std::string_view token, std::uint64_t lifetime, bool secure_cookie);

}  // namespace users::web
