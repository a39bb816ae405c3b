#include "base/config_values.hpp"

#include <algorithm>
#include <charconv>

#include "base/config.hpp"
#include "base/text.hpp"

namespace users {

std::optional<unsigned> read_number(std::string_view text, unsigned least, unsigned most) {
  unsigned number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const bool is_good = error == std::errc{} && stop == end && number >= least && number <= most;
  return is_good ? std::optional(number) : std::nullopt;
}

bool is_region(std::string_view text) {
  return text.size() == 2 && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_host_name(std::string_view text) {
  constexpr std::size_t kLongest = 253;
  constexpr std::size_t kLongestLabel = 63;
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-.";
  const auto is_label = [](std::string_view label) {
    return !label.empty() && label.size() <= kLongestLabel && !label.starts_with('-') &&
           !label.ends_with('-');
  };
  return text.size() <= kLongest && text.find_first_not_of(kAllowed) == std::string_view::npos &&
         std::ranges::all_of(split(text, '.'), is_label);
}

bool is_origin(const std::string& text) {
  const bool is_https = text.starts_with("https://");
  const std::string_view rest =
      std::string_view(text).substr(is_https ? 8 : std::min<std::size_t>(7, text.size()));
  const std::string_view host = rest.substr(0, rest.find(':'));
  const std::string_view port = rest.substr(host.size());
  const bool is_port = port.empty() || (!port.substr(1).starts_with('0') && port != ":443" &&
                                        port != ":80" && read_number(port.substr(1), 1, 65535));
  return is_host_name(host) && is_port &&
         (is_https || (text.starts_with("http://") && host == "localhost"));
}

std::optional<HostAddress> parse_host(const std::string& text) {
  constexpr std::string_view kLetters =
      ":%abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  if (text.starts_with('/') || text.starts_with('.')) {
    const bool has_blank = text.find_first_of(" \t") != std::string::npos;
    return has_blank ? std::nullopt : std::optional(HostAddress{"localhost", text});
  }
  // IPv6 addresses contain colons, so a port needs brackets before it.
  const bool is_bracketed = text.starts_with('[');
  const bool is_ip6 = is_bracketed || std::ranges::count(text, ':') > 1;
  const auto end = std::min(is_bracketed ? text.find(']')
                            : is_ip6     ? text.size()
                                         : text.find(':'),
                            text.size());
  const std::string host = text.substr(is_bracketed ? 1 : 0, end - (is_bracketed ? 1 : 0));
  const bool is_host = !host.empty() &&
                       host.find_first_not_of(kLetters.substr(is_ip6 ? 0 : 2)) == host.npos &&
                       is_ip6 == (host.find(':') != host.npos);
  if (!is_host || (is_bracketed && end == text.size())) return std::nullopt;
  const std::string_view rest = std::string_view(text).substr(end + (is_bracketed ? 1 : 0));
  if (rest.empty()) return HostAddress{host, ""};
  const auto port = read_number(rest.substr(1), 1, 65535);
  if (rest[0] != ':' || !port) return std::nullopt;
  return HostAddress{host, "", *port};
}

}  // namespace users
