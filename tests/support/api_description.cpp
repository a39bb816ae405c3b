#include "support/api_description.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include <boost/test/framework.hpp>
#include <boost/test/tree/test_unit.hpp>
#include <curl/curl.h>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "support/text.hpp"

namespace users::test {

using nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

/// A parsed schema, kept for many checks.
class SchemaCheck {
 public:
  explicit SchemaCheck(const json& schema) {
    valijson::SchemaParser().populateSchema(Adapter(schema), schema_);
  }

  std::vector<std::string> judge(const json& value) {
    valijson::ValidationResults results;
    validator_.validate(schema_, Adapter(value), &results);
    std::vector<std::string> wrong;
    for (const auto& error : results) {
      std::string where;
      for (const auto& step : error.context) where += step;
      wrong.push_back(where + ": " + error.description);
    }
    return wrong;
  }

 private:
  valijson::Schema schema_;
  valijson::Validator validator_;
};

namespace {

constexpr const char* kFile = "nginx/html/openapi.json";
constexpr std::string_view kPrefix = "/users/";
const json kNothing;

/// Returns a member of an object, or kNothing if there is none.
const json& member(const json& object, const std::string& name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? kNothing : *found;
}

/// Members next to a $ref override those of its target.
json resolve(const json& value, const json& root) {
  if (value.is_array()) {
    json list = json::array();
    for (const json& item : value) list.push_back(resolve(item, root));
    return list;
  }
  if (!value.is_object()) return value;
  json object = json::object();
  if (value.contains("$ref")) {
    const auto reference = value["$ref"].get<std::string>();
    if (!reference.starts_with("#/")) throw std::runtime_error("no reference: " + reference);
    object = resolve(root.at(json::json_pointer(reference.substr(1))), root);
  }
  for (const auto& [name, item] : value.items()) {
    if (name != "$ref") object[name] = resolve(item, root);
  }
  return object;
}

/// Forbids members that a reply's schema does not name.
void forbid_others(json& value) {
  if (!value.is_structured()) return;
  if (value.is_object() && value.contains("properties")) value["additionalProperties"] = false;
  for (json& item : value) forbid_others(item);
}

/// Returns the normalized path after the prefix, or an empty string if it has another prefix.
std::string path_below_prefix(const std::string& target) {
  const std::string encoded = target.substr(0, target.find('?'));
  int length = 0;
  const std::unique_ptr<char, decltype(&curl_free)> decoded(
      curl_easy_unescape(nullptr, encoded.c_str(), static_cast<int>(encoded.size()), &length),
      &curl_free);
  if (!decoded) return "";
  const std::string text(decoded.get(), static_cast<std::size_t>(length));
  const std::string path = std::filesystem::path(text).lexically_normal().string();
  return path.starts_with(kPrefix) ? path.substr(kPrefix.size()) : "";
}

bool is_file_of_page(const std::string& path) {
  return path.empty() || path.starts_with("static/") || path.starts_with("docs") ||
         path == "openapi.json";
}

/// Compares a path with a described one, in which {name} stands for a segment.
bool has_path(const std::string& described, const std::string& path) {
  const auto open = described.find('{');
  if (open == std::string::npos) return described == "/" + path;
  const std::string folder = described.substr(1, open - 1);
  return path.size() > folder.size() && path.starts_with(folder) &&
         path.find('/', folder.size()) == std::string::npos;
}

const json& operation_of(const json& document, const HttpRequest& request,
                         const std::string& path) {
  for (const auto& [described, item] : document["paths"].items()) {
    if (!has_path(described, path)) continue;
    return member(item, request.method == "HEAD" ? "get" : lower(request.method));
  }
  return kNothing;
}

/// The schemas of which a body must match one.
std::vector<const json*> alternatives(const json& schema) {
  if (!schema.contains("anyOf")) return {&schema};
  std::vector<const json*> list;
  for (const json& item : schema["anyOf"]) list.push_back(&item);
  return list;
}

/// Checks `name=value` lines against the schema of the JSON reply; returns the error, if any.
std::string judge_lines(const json& schema, const std::string& body) {
  std::map<std::string, std::string> lines;
  std::istringstream stream(body);
  for (std::string line; std::getline(stream, line);) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) return "no name=value: " + line;
    lines[line.substr(0, equals)] = line.substr(equals + 1);
  }
  if (!body.starts_with("code=") || !body.ends_with("\n")) return "no lines: " + body;
  for (const json* alternative : alternatives(schema)) {
    const json& data = (*alternative)["properties"]["data"];
    const json& members = data["properties"];
    const json& messages = members["msg"]["enum"];
    const bool fits =
        members["code"]["const"].dump() == lines["code"] &&
        std::ranges::find(messages, json(lines["msg"])) != messages.end() &&
        std::ranges::all_of(lines, [&](const auto& l) { return members.contains(l.first); }) &&
        std::ranges::all_of(data["required"],
                            [&](const json& name) { return lines.contains(name); });
    if (fits) return "";
  }
  return "lines that are not described: " + body;
}

/// Converts a header's value to the type that its schema names.
json typed(const json& schema, const std::string& text) {
  if (schema.value("type", "") != "integer") return text;
  return json::accept(text) ? json::parse(text) : json(text);
}

}  // namespace

ApiDescription::ApiDescription(const json& document) : document_(resolve(document, document)) {
  for (json& item : document_["paths"]) {
    for (json& operation : item) forbid_others(operation["responses"]);
  }
  forbid_others(document_["x-other-requests"]);
  forbid_others(document_["components"]["responses"]);
}

ApiDescription::~ApiDescription() = default;

ApiDescription& ApiDescription::shipped() {
  static ApiDescription description(json::parse(std::ifstream(kFile)));
  return description;
}

std::vector<std::string> ApiDescription::judge_value(const json& schema, const json& value) {
  const std::scoped_lock lock(mutex_);
  auto& check = checks_[&schema];
  if (!check) check = std::make_unique<SchemaCheck>(schema);
  return check->judge(value);
}

void ApiDescription::judge_headers(const json& described, const HttpReply& reply,
                                   std::vector<std::string>& wrong) {
  // Headers that every HTTP reply may have.
  std::set<std::string> known{"server",     "date",           "content-type",     "content-length",
                              "connection", "content-length", "transfer-encoding"};
  for (const auto& [name, header] : described.items()) {
    const std::string key = lower(name);
    known.insert(key);
    if (!reply.headers.contains(key)) {
      if (header.value("required", false)) wrong.push_back("header " + name + " is missing");
      continue;
    }
    const json& schema = header["schema"];
    for (const auto& error : judge_value(schema, typed(schema, reply.header(key)))) {
      wrong.push_back("header " + name + ": " + error + " " + reply.header(key));
    }
  }
  for (const auto& [name, value] : reply.headers) {
    if (!known.contains(name)) wrong.push_back("header " + name + " is not described");
  }
}

void ApiDescription::judge_body(const json& described, const HttpReply& reply,
                                std::vector<std::string>& wrong) {
  const json& content = member(described, "content");
  const std::string type = reply.header("content-type");
  if (reply.body.empty() && type.empty()) {
    if (content.is_object() && member(described, "x-body") != "optional") {
      wrong.emplace_back("the body is missing");
    }
    return;
  }
  const json& media = content.contains(type) ? content[type]
                      : type.ends_with("; charset=utf-8")
                          ? member(content, type.substr(0, type.find(';')))
                          : kNothing;
  if (media.is_null()) {
    wrong.push_back("content type " + type + " is not described");
  } else if (type.starts_with("application/json")) {
    for (auto& error : judge_value(media["schema"], json::parse(reply.body, nullptr, false))) {
      wrong.push_back(std::move(error));
    }
  } else if (content.contains("application/json")) {
    auto error = judge_lines(content["application/json"]["schema"], reply.body);
    if (!error.empty()) wrong.push_back(std::move(error));
  }
}

void ApiDescription::judge_request(const json& operation, const HttpRequest& request,
                                   std::vector<std::string>& wrong) {
  const json arguments = json::parse(request.body, nullptr, false);
  if (!arguments.is_object()) return;
  const json& body = member(operation, "requestBody");
  if (!body.is_object()) return;
  for (const auto& error : judge_value(body["content"]["application/json"]["schema"], arguments)) {
    wrong.push_back("answered 0 what the description forbids: " + error);
  }
}

std::vector<std::string> ApiDescription::judge(const HttpRequest& request, const HttpReply& reply) {
  const std::string path = path_below_prefix(request.path);
  if (is_file_of_page(path)) return {};
  const json& operation = operation_of(document_, request, path);
  const json& responses =
      operation.is_object() ? operation["responses"] : document_["x-other-requests"]["responses"];
  const json& described = member(responses, std::to_string(reply.status));
  if (described.is_null()) return {"status " + std::to_string(reply.status) + " is not described"};
  std::vector<std::string> wrong;
  judge_headers(member(described, "headers"), reply, wrong);
  if (request.method != "HEAD") judge_body(described, reply, wrong);
  if (reply.code() == 0) judge_request(operation, request, wrong);
  return wrong;
}

void hold_to_description(const HttpRequest& request, const HttpReply& reply) {
  const char* file = std::getenv("API_MISMATCHES");
  if (file == nullptr || reply.status == 0) return;
  const auto wrong = ApiDescription::shipped().judge(request, reply);
  if (wrong.empty()) return;
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  std::ofstream report(file, std::ios::app);
  report << boost::unit_test::framework::current_test_unit().full_name() << ": " << request.method
         << " " << request.path.substr(0, 80) << ": " << reply.status << " "
         << reply.body.substr(0, 200) << "\n";
  for (const std::string& line : wrong) report << "  " << line << "\n";
}

}  // namespace users::test
