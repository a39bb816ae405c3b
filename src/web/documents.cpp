// Prints files from the tables of result codes and routes.

#include <string>

#include "base/json.hpp"
#include "web/result_code.hpp"
#include "web/routes.hpp"

namespace users::web {
namespace {

/// The path of a route as an nginx regular expression.
std::string pattern_of(std::string_view path) {
  const bool has_parameter = path.ends_with("/*");
  if (has_parameter) path.remove_suffix(1);
  return std::string(path) + (has_parameter ? "[^/?]+" : "");
}

/// The schema of the reply's member beside code and msg.
json::Object schema_of(std::string_view member) {
  if (member == "retry_after") return {{"$ref", "#/components/schemas/RetryAfter"}};
  if (member == "factors") {
    return {{"type", "array"},
            {"items", json::Object{{"type", "string"},
                                   {"enum", json::Array{kTotp, kRecoveryCode, kPasskey}}}},
            {"description", "What the account accepts; passkey: the arguments passkey_*."}};
  }
  return {{"type", "array"},
          {"minItems", 1U},
          {"items", json::Object{{"type", "string"}}},
          {"description",
           "Names of arguments or of a header, or `body`, `request`, `origin` or `passkeys`."}};
}

json::Value example_of(std::string_view member) {
  if (member == "retry_after") return 57U;
  return member == "factors" ? json::Array{kTotp, kRecoveryCode} : json::Array{"code"};
}

json::Object schema_of(const ResultCodeRow& row) {
  const auto code = static_cast<unsigned>(row.code);
  json::Array texts{row.zh};
  if (row.en != row.zh) texts.push_back(row.en);
  json::Array required{"code", "msg"};
  json::Object members{{"code", json::Object{{"const", code}}},
                       {"msg", json::Object{{"enum", texts}}}};
  json::Object example{{"code", code}};
  if (!row.member.empty()) {
    members.push_back({std::string(row.member), schema_of(row.member)});
    if (!row.is_member_optional) {
      required.push_back(row.member);
      example.push_back({std::string(row.member), example_of(row.member)});
    }
  }
  example.push_back({"msg", row.en});
  const json::Object data{{"type", "object"}, {"required", required}, {"properties", members}};
  return {{"type", "object"},
          {"description", row.meaning},
          {"x-status", static_cast<unsigned>(row.http_status)},
          {"required", json::Array{"data"}},
          {"properties", json::Object{{"data", data}}},
          {"examples", json::Array{json::Object{{"data", example}}}}};
}

}  // namespace

void print_api_codes(std::ostream& out) {
  for (const ResultCodeRow& row : result_codes()) {
    out << "      \"" << row.name << "\": " << json::text(schema_of(row)) << ",\n";
  }
}

void print_codes(std::ostream& out) {
  out << "# Written by users-fcgi --print=codes. users_http.conf includes it.\n\n"
         "# The texts of the result codes.\n"
         "map $users_code-$users_language $users_message {\n";
  for (const ResultCodeRow& row : result_codes()) {
    const int code = static_cast<int>(row.code);
    out << "    " << code << "-zh \"" << row.zh << "\";\n"
        << "    " << code << "-en \"" << row.en << "\";\n";
  }
  out << "}\n\n"
         "# The allowed methods of a path, for methods that nginx itself refuses, such as TRACE.\n"
         "map $users_code-$request_uri $users_allow {\n"
         "    default \"\";\n";
  std::string_view last;
  for (const Route& route : routes()) {
    if (route.path == last) continue;
    last = route.path;
    out << "    \"~^9003-/+users/" << pattern_of(route.path) << "(\\?|$)\" \""
        << allowed_methods(std::string(kBasePath).append(route.path)) << "\";\n";
  }
  out << "    ~^9003- \"GET, HEAD\";\n}\n";
}

}  // namespace users::web
