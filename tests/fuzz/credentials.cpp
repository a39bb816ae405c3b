// Tokens, cookies and the check for the same origin. Input: lines with Authorization, Cookie,
// Sec-Fetch-Site, Origin and Host.
#include "web/credentials.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include "fuzz/fuzz.hpp"

namespace users::web {
namespace {

using fuzz::require;

Config config_of(bool secure) {
  Config config;
  config.session_cookie_secure = secure;
  return config;
}

bool lies_in(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void look_at_cookie(std::string_view token, std::string_view header, bool secure) {
  const std::string_view before(header.data(),
                                static_cast<std::size_t>(token.data() - header.data()));
  require(before.ends_with(secure ? "__Host-users=" : "users="), "the cookie's own name");
  require(token.find(';') == std::string_view::npos, "a cookie ends at a semicolon");
  // As a browser sends it back.
  const std::string given = session_cookie(token, 1, config_of(secure));
  Request next;
  next.cookie = "other=1; " + given.substr(0, given.find(';'));
  const Credentials again = find_credentials(next, config_of(secure));
  require(again.from_cookie && again.tokens.size() == 1 && again.tokens[0] == token,
          "a cookie is read as it was set");
}

bool is_bearer(std::string scheme) {
  scheme.resize(std::min(scheme.find(' '), scheme.size()));
  std::ranges::transform(scheme, scheme.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return scheme == "bearer";
}

void look_at_token(const Request& request, bool secure) {
  const Credentials found = find_credentials(request, config_of(secure));
  require(found.tokens.size() <= kMostCookies, "few cookies are looked at");
  require(found.from_cookie != is_bearer(request.authorization),
          "a header of our scheme decides over a cookie");
  for (const std::string_view token : found.tokens) {
    require(lies_in(token, found.from_cookie ? request.cookie : request.authorization),
            "a token is a view into its header");
    if (found.from_cookie) look_at_cookie(token, request.cookie, secure);
  }
}

void look_at_origin(const Request& request) {
  const auto told = is_same_origin(request, false);
  require(told.has_value() == !(request.sec_fetch_site.empty() && request.origin.empty()),
          "told by either header");
  const bool same = told.value_or(false);
  if (is_same_origin(request, true).value_or(false)) require(same, "HTTPS is stricter");
  if (!request.sec_fetch_site.empty()) {
    require(same == (request.sec_fetch_site == "same-origin"), "Sec-Fetch-Site decides");
  } else if (same) {
    const std::string host = request.origin.substr(request.origin.find("://") + 3);
    const bool is_https = request.origin.starts_with("https:");
    require(!host.empty() &&
                (request.host == host || request.host == host + (is_https ? ":443" : ":80")),
            "the origin names this host");
  }
}

}  // namespace
}  // namespace users::web

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = users::fuzz::view(data, size);
  users::web::Request request;
  for (std::string* header : {&request.authorization, &request.cookie, &request.sec_fetch_site,
                              &request.origin, &request.host}) {
    *header = users::fuzz::take_line(rest);
  }
  users::web::look_at_token(request, true);
  users::web::look_at_token(request, false);
  users::web::look_at_origin(request);
  return 0;
}
