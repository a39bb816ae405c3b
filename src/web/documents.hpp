// Files that are written from the tables of result codes and routes.
#pragma once

#include <ostream>

namespace users::web {

/// Writes nginx/users_codes.conf: the texts of every result code, and the methods of every path.
void print_codes(std::ostream& out);

/// Writes the schemas of the result codes for nginx/html/openapi.json, one a line.
void print_api_codes(std::ostream& out);

}  // namespace users::web
