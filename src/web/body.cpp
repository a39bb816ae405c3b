#include "web/body.hpp"

#include <algorithm>
#include <charconv>

#include <strings.h>

#include "base/secret.hpp"
#include "base/text.hpp"

namespace users::web {
namespace {

[[noreturn]] void refuse(std::string field) {
  throw InvalidArguments({std::move(field)});
}

Arguments parse_json(std::string_view body) {
  Arguments arguments;
  auto bad = json::read_members(body, [&](std::string&& name, json::Scalar&& value) {
    arguments.add(std::move(name), std::move(value));
  });
  if (bad) refuse(bad->empty() ? "body" : std::move(*bad));
  return arguments;
}

/// application/x-www-form-urlencoded (WHATWG URL), but refuses a bad escape instead of keeping it.
std::string decode_form(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      unsigned char byte = 0;
      const std::string_view digits = text.substr(i + 1, 2);
      const char* end = digits.data() + digits.size();
      if (digits.size() < 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end) {
        refuse("body");
      }
      decoded += static_cast<char>(byte);
      i += 2;
    }
  }
  if (!is_text(decoded)) refuse("body");
  return decoded;
}

Arguments parse_form(std::string_view body) {
  Arguments arguments;
  while (!body.empty()) {
    const auto pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(pair.size() + 1, body.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    std::string name = decode_form(pair.substr(0, equals));
    std::string value = decode_form(pair.substr(std::min(equals + 1, pair.size())));
    if (!arguments.add(name, std::move(value))) refuse(std::move(name));
  }
  return arguments;
}

}  // namespace

Arguments::~Arguments() {
  for (auto& [name, value] : values_) {
    if (auto* text = std::get_if<std::string>(&value)) wipe(*text);
  }
}

bool Arguments::add(std::string name, Value&& value) {
  return values_.try_emplace(std::move(name), std::move(value)).second;
}

std::vector<std::string_view> Arguments::texts(std::initializer_list<std::string_view> names,
                                               std::vector<std::string>& bad) const {
  std::vector<std::string_view> texts;
  texts.reserve(names.size());
  for (const std::string_view name : names) {
    const auto found = values_.find(name);
    const auto* text = found == values_.end() ? nullptr : std::get_if<std::string>(&found->second);
    if (text == nullptr) {
      bad.emplace_back(name);
    } else {
      texts.emplace_back(*text);
    }
  }
  return texts;
}

std::vector<std::string_view> Arguments::texts(
    std::initializer_list<std::string_view> names) const {
  std::vector<std::string> bad;
  std::vector<std::string_view> found = texts(names, bad);
  if (!bad.empty()) throw InvalidArguments(std::move(bad));
  return found;
}

std::optional<std::string_view> Arguments::text(std::string_view name) const {
  if (!values_.contains(name)) return std::nullopt;
  return texts({name}).front();
}

bool Arguments::flag(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return false;
  if (const auto* truth = std::get_if<bool>(&found->second)) return *truth;
  const auto word = texts({name}).front();
  if (word == "true" || word == "1") return true;
  if (word == "false" || word == "0") return false;
  refuse(std::string(name));
}

Arguments parse_body(const Request& request) {
  if (request.body_state == BodyState::damaged) refuse("body");
  if (!request.content_encoding.empty() && request.content_encoding != "identity") refuse("body");
  std::string_view body = request.body;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  // The JSON parser treats a NUL as the end of input.
  if (body.find('\0') != std::string_view::npos) refuse("body");
  const auto first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  constexpr std::string_view kJson = "application/json";
  const bool says_json =
      ::strncasecmp(request.content_type.c_str(), kJson.data(), kJson.size()) == 0;
  return body[first] == '{' || says_json ? parse_json(body) : parse_form(body);
}

}  // namespace users::web
