// The format of every reply: `{"data":{"code":0,"msg":"ok"}}` in the client's language, or lines of
// text for shells.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "web/http.hpp"
#include "web/result_code.hpp"

namespace users::web {

/// A body with its own format.
struct Document {
  std::string content_type;
  std::string text;
};

/// A handler's result, before language and format are chosen.
struct Result {
  ResultCode code = ResultCode::ok;
  std::vector<std::string> fields{};  ///< for invalid_arguments: the names of the bad ones
  unsigned retry_after = 0;           ///< seconds; 0: not given
  json::Object data{};                ///< further members of `data`
  std::vector<std::pair<std::string, std::string>> headers{};
  /// For auth_request, which only reads the status: 204 for ok, never a body.
  bool bare = false;
  /// Replaces the envelope.
  std::optional<Document> document{};
};

inline bool is_chinese(const Request& request) {
  return request.language != "en";
}

/// Renders the reply with all headers. `always_200` uses HTTP 200 for codes 10xx.
Reply render(const Result& result, const Request& request, bool always_200);

}  // namespace users::web
