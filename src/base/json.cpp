#include "base/json.hpp"

#include <nlohmann/json.hpp>

namespace users::json {
namespace {

using Library = nlohmann::ordered_json;

Library convert(const Value& value);

struct Converter {
  Library operator()(const Array& items) const {
    Library::array_t array;
    array.reserve(items.size());
    for (const Value& item : items) array.push_back(convert(item));
    return array;
  }
  Library operator()(const Object& members) const {
    Library::object_t object;
    object.reserve(members.size());  // growing would copy the members
    for (const Member& member : members) object.emplace_back(member.name, convert(member.value));
    return object;
  }
  Library operator()(const auto& scalar) const { return scalar; }
};

Library convert(const Value& value) {
  return std::visit(Converter(), value.content);
}

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
  return convert(value).dump(-1, ' ', false, Library::error_handler_t::replace);
}

std::string ascii_text(const Value& value) {
  constexpr int kIndent = 2;
  constexpr bool kOnlyAscii = true;
  return convert(value).dump(kIndent, ' ', kOnlyAscii, Library::error_handler_t::replace);
}

}  // namespace users::json
