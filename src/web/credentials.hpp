// The session token of a request, from a header or a cookie, and the same-origin check for cookies.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/container/static_vector.hpp>

#include "base/config.hpp"
#include "web/http.hpp"

namespace users::web {

/// How many cookies of our name to try. Browsers send several if another path or host of the site
/// also set one; each costs a database query.
constexpr std::size_t kMostCookies = 4;
using Tokens = boost::container::static_vector<std::string_view, kMostCookies>;

struct Credentials {
  Tokens tokens;  ///< views into the request
  bool from_cookie = false;
};

/// Returns the token of `Authorization: Bearer` (RFC 6750 2.1); without it, those of our cookies,
/// in order. Other schemes, such as Basic, belong to the site.
Credentials find_credentials(const Request& request, const Config& config);

/// Returns true if the browser says that the request comes from a page of this site or of a listed
/// origin: by Sec-Fetch-Site, else by comparing Origin with Host (`secure`: HTTPS only). Returns
/// nullopt if it sends neither header, as clients that are not browsers do.
std::optional<bool> is_same_origin(const Request& request, bool secure);

/// The value of a Set-Cookie header, with a lifetime in seconds; 0 deletes the cookie.
std::string session_cookie(std::string_view token, std::uint64_t lifetime, const Config& config);

}  // namespace users::web
