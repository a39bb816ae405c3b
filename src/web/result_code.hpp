// The catalogue of result codes: the HTTP status and the texts of each.
#pragma once

#include <ostream>
#include <span>
#include <string_view>

#include "accounts/outcome.hpp"

namespace users::web {

struct ResultCodeRow {
  ResultCode code;
  std::string_view name;  ///< of its schema in the description of the API
  int http_status;
  std::string_view zh;  ///< UTF-8
  std::string_view en;
  std::string_view member;   ///< what the reply has beside code and msg; empty: nothing
  std::string_view meaning;  ///< for the description of the API, in English
};

/// All of them, by number.
std::span<const ResultCodeRow> result_codes();

/// The row of a code. Every enumerator has one.
const ResultCodeRow& describe(ResultCode code);

/// (web/documents.cpp) Writes nginx/users_codes.conf: the texts of every result code, and the
/// methods of every path.
void print_codes(std::ostream& out);

/// Writes the schemas of the result codes for nginx/html/openapi.json, one a line.
void print_api_codes(std::ostream& out);

}  // namespace users::web
