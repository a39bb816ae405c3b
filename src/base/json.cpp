#include "base/json.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace users::json {
namespace {

using Library = nlohmann::ordered_json;

/// Appends values; a tree of the library's would copy them all.
struct Writer {
  std::string& out;

  void operator()(std::nullptr_t) const { out += "null"; }
  void operator()(bool truth) const { out += truth ? "true" : "false"; }
  void operator()(std::uint64_t number) const { out += std::to_string(number); }
  void operator()(const std::string& text) const {
    const bool is_plain = std::ranges::all_of(
        text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
    if (is_plain) {
      out.append("\"").append(text).append("\"");
    } else {
      out += Library(text).dump(-1, ' ', false, Library::error_handler_t::replace);
    }
  }
  void operator()(const Array& items) const {
    out += '[';
    for (const Value& item : items) {
      if (&item != items.data()) out += ',';
      std::visit(*this, item.content);
    }
    out += ']';
  }
  void operator()(const Object& members) const {
    out += '{';
    for (const Member& member : members) {
      if (&member != members.data()) out += ',';
      (*this)(member.name);
      out += ':';
      std::visit(*this, member.value.content);
    }
    out += '}';
  }
};

}  // namespace

// Defined here because they need the complete type Member.
Value::Value(std::nullptr_t) {}
Value::Value(bool truth) : content(truth) {}
Value::Value(unsigned number) : content(std::uint64_t{number}) {}
Value::Value(std::uint64_t number) : content(number) {}
Value::Value(std::string text) : content(std::move(text)) {}
Value::Value(std::string_view text) : content(std::string(text)) {}
Value::Value(const char* text) : content(std::string(text)) {}
Value::Value(const std::optional<std::string>& text) {
  if (text) content = *text;
}
Value::Value(Array items) : content(std::move(items)) {}
Value::Value(Object members) : content(std::move(members)) {}

std::string text(const Value& value) {
  std::string out;
  std::visit(Writer{out}, value.content);
  return out;
}

std::string ascii_text(const Value& value) {
  constexpr int kIndent = 2;
  constexpr bool kOnlyAscii = true;
  return Library::parse(text(value)).dump(kIndent, ' ', kOnlyAscii);
}

}  // namespace users::json
