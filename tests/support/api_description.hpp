// Checks replies against the description of the API, nginx/html/openapi.json.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/http_client.hpp"

namespace users::test {

class SchemaCheck;

class ApiDescription {
 public:
  /// Throws if a reference in the document has no target.
  explicit ApiDescription(const nlohmann::json& document);
  ~ApiDescription();

  /// The description in the checkout.
  static ApiDescription& shipped();

  /// The document with its references resolved.
  [[nodiscard]] const nlohmann::json& document() const { return document_; }

  /// Returns a line for each deviation from the description. Stricter than a client: members and
  /// headers that are not described are errors, too. Paths outside /users/ and files of nginx/html
  /// are not checked. Thread-safe.
  std::vector<std::string> judge(const HttpRequest& request, const HttpReply& reply);

  /// Returns the errors of a value against a schema, which must be a part of document().
  std::vector<std::string> judge_value(const nlohmann::json& schema, const nlohmann::json& value);

 private:
  void judge_headers(const nlohmann::json& described, const HttpReply& reply,
                     std::vector<std::string>& wrong);
  void judge_body(const nlohmann::json& described, const HttpReply& reply,
                  std::vector<std::string>& wrong);
  void judge_request(const nlohmann::json& operation, const HttpRequest& request,
                     std::vector<std::string>& wrong);

  nlohmann::json document_;
  std::mutex mutex_;
  std::map<const nlohmann::json*, std::unique_ptr<SchemaCheck>> checks_;
};

/// Appends what judge() finds, with the name of the test case, to the file named by the environment
/// variable API_MISMATCHES. tests/run fails if that file is not empty.
void hold_to_description(const HttpRequest& request, const HttpReply& reply);

}  // namespace users::test
