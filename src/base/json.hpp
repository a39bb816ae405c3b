// JSON that is written: values, and their text. Apart from what parses bodies the one user of
// nlohmann/json, whose header costs every file that includes it seconds of compiling.
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
  /// null where there is none.
  Value(const std::optional<std::string>& text);
  Value(Array items);
  Value(Object members);
};

struct Member {
  std::string name;  ///< one that no other of its object has
  Value value;
};

/// On one line, members in the order given. Bytes that are no UTF-8 become U+FFFD.
std::string text(const Value& value);

/// Indented, in ASCII: a terminal that sees it obeys nothing of what was stored, and any reader of
/// JSON gets the text back.
std::string ascii_text(const Value& value);

}  // namespace users::json
