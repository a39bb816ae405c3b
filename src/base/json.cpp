#include "base/json.hpp"

#include <nlohmann/json.hpp>

namespace users::json {
namespace {

using Library = nlohmann::ordered_json;

Library convert(const Value& value);

struct Converter {
  Library operator()(const Array& items) const {
    Library array = Library::array();
    for (const Value& item : items) array.push_back(convert(item));
    return array;
  }
  Library operator()(const Object& members) const {
    Library object = Library::object();
    for (const Member& member : members) object[member.name] = convert(member.value);
    return object;
  }
  Library operator()(const auto& scalar) const { return scalar; }
};

Library convert(const Value& value) {
  return std::visit(Converter(), value.content);
}

}  // namespace

std::string text(const Value& value) {
  return convert(value).dump(-1, ' ', false, Library::error_handler_t::replace);
}

std::string ascii_text(const Value& value) {
  constexpr int kIndent = 2;
  constexpr bool kOnlyAscii = true;
  return convert(value).dump(kIndent, ' ', kOnlyAscii, Library::error_handler_t::replace);
}

}  // namespace users::json
