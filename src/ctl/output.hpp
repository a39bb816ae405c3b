// What users-ctl prints: tab-separated for pipes, aligned columns on a terminal, or JSON.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace users::ctl {

enum class Form { tabs, columns, json };

/// JSON where it is asked for, columns on a terminal, else tabs.
Form form_of_standard_output(bool json);

/// `1 row`, `2 rows`: of a noun whose plural ends in s.
std::string counted(std::uint64_t count, std::string_view noun);

/// Throws if what was written to std::cout did not get out.
void flush_output();

/// Rows of the same members in the same order, `columns`. With tabs: a row a line, no heading, null
/// empty; in columns: under a heading; as JSON: an array of objects. Control characters are escaped
/// in all three, so a row stays a line and no terminal obeys it.
void print_rows(std::ostream& out, Form form, const std::vector<std::string>& columns,
                const std::vector<json::Object>& rows);

/// One object: with tabs and in columns a member a line, name and value.
void print_object(std::ostream& out, Form form, const json::Object& object);

}  // namespace users::ctl
