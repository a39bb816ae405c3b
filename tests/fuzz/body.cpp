// The body of a request. Input: a line with the content type, then the body.
#include "web/body.hpp"

#include <optional>

#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"

namespace users::web {
namespace {

using fuzz::require;

constexpr std::initializer_list<std::string_view> kNames{"phone", "password", "code", "purpose"};

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    encoded.append(1, '%')
        .append(1, kHex[static_cast<unsigned char>(c) >> 4U])
        .append(1, kHex[static_cast<unsigned char>(c) & 0xFU]);
  }
  return encoded;
}

Request with_body(std::string content_type, std::string body) {
  Request request;
  request.content_type = std::move(content_type);
  request.body = std::move(body);
  return request;
}

/// Nullopt if the argument is missing or not a text.
std::optional<std::string_view> text_of(const Arguments& arguments, std::string_view name) {
  try {
    return arguments.text(name);
  } catch (const InvalidArguments& refusal) {
    require(refusal.fields().size() == 1 && refusal.fields()[0] == name, "the field to blame");
    return std::nullopt;
  }
}

void look_at_flag(const Arguments& arguments) {
  try {
    if (arguments.flag("all")) require(arguments.flag("all"), "a flag stays what it is");
  } catch (const InvalidArguments& refusal) {
    require(refusal.fields().size() == 1 && refusal.fields()[0] == "all", "the flag to blame");
  }
}

/// The values, written again in both forms, must be read as the same values.
void look_at_texts(const Arguments& arguments) {
  nlohmann::json json = nlohmann::json::object();
  std::string form;
  for (const std::string_view name : kNames) {
    const auto text = text_of(arguments, name);
    if (!text) continue;
    require(is_text(*text), "a value is UTF-8 without NUL");
    json[std::string(name)] = *text;
    form.append("&").append(name).append("=").append(percent_encoded(*text));
  }
  const Arguments from_json = parse_body(with_body("", json.dump()));
  const Arguments from_form = parse_body(with_body("", form));
  for (const std::string_view name : kNames) {
    const auto text = text_of(arguments, name);
    require(from_json.text(name) == text, "JSON is read as it was written");
    require(from_form.text(name) == text, "a form is read as it was written");
  }
}

}  // namespace
}  // namespace users::web

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace users::web;
  std::string_view rest = users::fuzz::view(data, size);
  const std::string content_type(users::fuzz::take_line(rest));
  try {
    const Arguments arguments = parse_body(with_body(content_type, std::string(rest)));
    require(rest.find('\0') == std::string_view::npos, "a NUL is refused");
    look_at_flag(arguments);
    look_at_texts(arguments);
  } catch (const InvalidArguments& refusal) {
    require(refusal.fields().size() == 1, "one field is to blame");
  }
  return 0;
}
