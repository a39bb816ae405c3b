// The one form of every reply: `{"data":{"code":0,"msg":"ok"}}` in the client's language, or lines
// of text for shells.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "web/http.hpp"
#include "web/result_code.hpp"

namespace users::web {

/// A body of a form of its own.
struct Document {
  std::string content_type;
  std::string text;
};

/// What a handler answers, before it gets a language and a form.
struct Result {
  ResultCode code = ResultCode::ok;
  std::vector<std::string> fields{};  ///< with invalid_arguments: the names of the bad ones
  unsigned retry_after = 0;           ///< seconds; 0: not said
  json::Object data{};                ///< further members of `data`
  std::vector<std::pair<std::string, std::string>> headers{};
  /// For auth_request, which looks at nothing else: 204 for ok, and never a body.
  bool bare = false;
  /// Takes the place of the envelope.
  std::optional<Document> document{};
};

inline bool is_chinese(const Request& request) {
  return request.language != "en";
}

/// The reply with all headers. `always_200` keeps the HTTP status 200 for codes 10xx.
Reply render(const Result& result, const Request& request, bool always_200);

}  // namespace users::web
