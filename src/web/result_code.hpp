// The catalogue of result codes: each code's HTTP status and texts.
#pragma once

#include <ostream>
#include <span>
#include <string_view>

#include "accounts/outcome.hpp"

namespace users::web {

struct ResultCodeRow {
  ResultCode code;
  std::string_view name;  ///< of its schema in the API description
  int http_status;
  std::string_view zh;  ///< UTF-8
  std::string_view en;
  std::string_view member;   ///< the reply's member beside code and msg; empty: none
  std::string_view meaning;  ///< for the API description, in English
  bool is_member_optional = false;
};

/// All codes, in order.
std::span<const ResultCodeRow> result_codes();

/// The row of a code; every enumerator has one.
const ResultCodeRow& describe(ResultCode code);

/// (web/documents.cpp) Prints nginx/users_codes.conf: the texts of all result codes and the methods
/// of all paths.
void print_codes(std::ostream& out);

/// Prints the schemas of the result codes for nginx/html/openapi.json, one per line.
void print_api_codes(std::ostream& out);

}  // namespace users::web
