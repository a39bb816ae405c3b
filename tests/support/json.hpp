// JSON as text for tests, which need not compile a JSON library for it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace users::test {

/// The arguments of a request: names and values.
using Arguments = json::Object;

/// The arguments as JSON.
std::string body_of(const Arguments& arguments);

/// By name: strings as they are, other values as JSON.
using Members = std::map<std::string, std::string>;

/// The members of an object in `text` at a JSON pointer such as `/data`; empty if there is none.
Members members_of(const std::string& text, const std::string& pointer = "");

/// The same for an array of objects.
std::vector<Members> list_of(const std::string& text, const std::string& pointer);

}  // namespace users::test
