#include "support/json.hpp"

#include <nlohmann/json.hpp>

namespace users::test {
namespace {

nlohmann::json part_of(const std::string& text, const std::string& pointer) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  const nlohmann::json::json_pointer place(pointer);
  return document.is_object() && document.contains(place) ? document[place] : nullptr;
}

Members members_of(const nlohmann::json& object) {
  Members members;
  if (!object.is_object()) return members;
  for (const auto& [name, value] : object.items()) {
    members[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return members;
}

}  // namespace

std::string body_of(const Arguments& arguments) {
  return json::text(arguments);
}

Members members_of(const std::string& text, const std::string& pointer) {
  return members_of(part_of(text, pointer));
}

std::vector<Members> list_of(const std::string& text, const std::string& pointer) {
  std::vector<Members> list;
  const nlohmann::json array = part_of(text, pointer);
  for (const nlohmann::json& object : array) list.push_back(members_of(object));
  return list;
}

}  // namespace users::test
