// The description of the API, nginx/html/openapi.json, and whether a reply keeps to it.
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
  /// Takes the document; throws where a reference in it leads nowhere.
  explicit ApiDescription(const nlohmann::json& document);
  ~ApiDescription();

  /// The one in the checkout.
  static ApiDescription& shipped();

  /// The document with every reference replaced by what it names.
  [[nodiscard]] const nlohmann::json& document() const { return document_; }

  /// What in the reply is not as described, a line each; empty where all is. Stricter than a client
  /// may be: a member or header that is not described is wrong, too. Paths outside /users/ and
  /// files of nginx/html are not described. Safe from many threads.
  std::vector<std::string> judge(const HttpRequest& request, const HttpReply& reply);

  /// What in the value is not as the schema, a part of document(), says.
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

/// Writes what judge() finds to the file that environment API_MISMATCHES names, where it does, with
/// the name of the test case: tests/run fails on it.
void hold_to_description(const HttpRequest& request, const HttpReply& reply);

}  // namespace users::test
