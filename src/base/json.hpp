// Writes JSON: values and their text. Apart from the body parser, only this module includes
// nlohmann/json: that header costs each file seconds of compile time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace users::json {

struct Member;
struct Value;
using Array = std::vector<Value>;
using Object = std::vector<Member>;

struct Value {
  std::variant<std::nullptr_t, bool, std::uint64_t, std::string, Array, Object> content;

  Value(std::nullptr_t = nullptr);
  Value(bool truth);
  Value(unsigned number);
  Value(std::uint64_t number);
  Value(std::string text);
  Value(std::string_view text);
  Value(const char* text);
  /// null if there is no text.
  Value(const std::optional<std::string>& text);
  Value(Array items);
  Value(Object members);
};

struct Member {
  std::string name;  ///< unique in its object
  Value value;
};

/// One line, members in the given order. Invalid UTF-8 becomes U+FFFD.
std::string text(const Value& value);

/// Indented, in ASCII: stored text cannot control a terminal, and JSON readers get it back
/// unchanged.
std::string ascii_text(const Value& value);

}  // namespace users::json
