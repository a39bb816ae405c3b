// Writes JSON, and reads the members of an object. Only this module includes nlohmann/json: that
// header costs each file seconds of compile time.
#pragma once

#include <cstdint>
#include <functional>
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
  std::variant<std::nullptr_t, bool, std::uint64_t, std::int64_t, std::string, Array, Object>
      content;

  Value(std::nullptr_t = nullptr);
  Value(bool truth);
  Value(unsigned number);
  Value(std::uint64_t number);
  Value(std::int64_t number);
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

/// The parts of `text` between separators; none if it is empty.
Array array_of(std::string_view text, char separator);

/// One line, members in the given order. Invalid UTF-8 becomes U+FFFD.
std::string text(const Value& value);

/// Indented, in ASCII: stored text cannot control a terminal, and JSON readers get it back
/// unchanged.
std::string ascii_text(const Value& value);

/// What read_members() passes on of a value: text, a truth value, or that it is another kind.
struct Other {};
using Scalar = std::variant<std::string, bool, Other>;

/// Reads an object (RFC 8259) and passes its outermost members to `keep`, in order. Returns
/// nullopt, or what is wrong: the name of a member that is there twice or whose text contains a
/// NUL; empty if the text is not UTF-8, is not an object, or is nested more than 8 deep. A NUL
/// outside of a text ends it. Some members may have been passed on by then.
std::optional<std::string> read_members(std::string_view text,
                                        const std::function<void(std::string&&, Scalar&&)>& keep);

}  // namespace users::json
