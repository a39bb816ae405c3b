#include "web/credentials.hpp"

#include <algorithm>

#include <strings.h>

namespace users::web {
namespace {

/// __Host-: browsers accept it only over HTTPS, for this host and all its paths (RFC 6265bis
/// 4.1.3).
std::string_view cookie_name(const Config& config) {
  const bool is_of_host = config.session_cookie_secure && config.session_cookie_domain.empty();
  return is_of_host ? "__Host-users" : "users";
}

Tokens find_cookies(std::string_view header, std::string_view name) {
  Tokens values;
  while (!header.empty() && values.size() < kMostCookies) {
    auto pair = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(pair.size() + 1, header.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      values.push_back(pair.substr(equals + 1));
    }
  }
  return values;
}

}  // namespace

Credentials find_credentials(const Request& request, const Config& config) {
  constexpr std::string_view kScheme = "Bearer";
  std::string_view token = request.authorization;
  if (::strncasecmp(request.authorization.c_str(), kScheme.data(), kScheme.size()) != 0 ||
      (token.size() > kScheme.size() && token[kScheme.size()] != ' ')) {
    return {find_cookies(request.cookie, cookie_name(config)), true};
  }
  // A Bearer header decides alone: a cookie next to it must not lend it a session.
  token.remove_prefix(std::min(kScheme.size() + 1, token.size()));
  return {{token}};
}

std::optional<bool> is_same_origin(const Request& request, bool secure) {
  if (!request.listed_origin.empty()) return true;
  if (!request.sec_fetch_site.empty()) return request.sec_fetch_site == "same-origin";
  if (request.origin.empty()) return std::nullopt;
  // Trust the browser for the scheme: TLS may end in front of nginx. An Origin has no default port
  // (RFC 6454 6.2), but a Host header may have one.
  const auto is_of = [&](std::string_view scheme, std::string_view port) {
    std::string_view host = request.host;
    if (host.ends_with(port)) host.remove_suffix(port.size());
    return !host.empty() && request.origin == std::string(scheme).append("://").append(host);
  };
  return is_of("https", ":443") || (!secure && is_of("http", ":80"));
}

std::string session_cookie(std::string_view token, std::uint64_t lifetime, const Config& config) {
  std::string cookie(cookie_name(config));
  cookie.append("=").append(token).append("; Path=/; HttpOnly; SameSite=Lax; Max-Age=");
  cookie.append(std::to_string(lifetime));
  if (config.session_cookie_secure) cookie.append("; Secure");
  if (!config.session_cookie_domain.empty()) {
    cookie.append("; Domain=").append(config.session_cookie_domain);
  }
  return cookie;
}

}  // namespace users::web
