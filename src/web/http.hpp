// A request, a handler's result, and the reply as plain values, without FastCGI.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "web/result_code.hpp"

namespace users::web {

/// Maximum size of a body in bytes. nginx refuses larger ones first (client_max_body_size).
constexpr std::size_t kLargestBody = 16 * 1024;

/// How reading the body ended.
enum class BodyState { whole, too_large, damaged };

struct Request {
  std::string method;
  std::string path;            ///< decoded and normalised by nginx
  std::string content_length;  ///< as announced
  std::string content_type;
  std::string content_encoding;
  std::string language;  ///< chosen by nginx for the reply: `en`; anything else means Chinese
  std::string form;      ///< likewise: `text`; anything else means JSON
  std::string idempotency_key;
  std::string authorization;
  std::string cookie;
  std::string user_agent;
  std::string host;
  std::string origin;
  std::string sec_fetch_site;
  std::string listed_origin;   ///< `origin` if the site lists it (users_cors_origins.conf)
  std::string checked_method;  ///< for a check: the method of the request to the protected location
  std::string checked_upgrade;  ///< the protocol that request asks for, such as websocket
  std::string site;             ///< for a check: the host in small letters, without the port
  std::string account;          ///< X-Users-Account: the id of the account that the client acts for
  std::string optional;         ///< query parameter; `true`: the client may be logged out
  std::string address;          ///< the client's, as nginx saw it
  std::string request_id;
  std::string body;
  BodyState body_state = BodyState::whole;
};

/// Names are literals.
using Headers = std::vector<std::pair<std::string_view, std::string>>;

struct Reply {
  int status = 500;
  Headers headers;
  std::string body;
};

/// A body with its own format.
struct Document {
  std::string content_type;
  std::string text;
  std::string cache_control = "no-store";
};

/// A handler's result, before language and format are chosen.
struct Result {
  ResultCode code = ResultCode::ok;
  std::vector<std::string> fields{};  ///< for invalid_arguments: the names of the bad ones
  unsigned retry_after = 0;           ///< seconds; 0: not given
  json::Object data{};                ///< further members of `data`
  Headers headers{};
  /// For auth_request, which only reads the status: 204 for ok, never a body.
  bool bare = false;
  /// Replaces the envelope.
  std::optional<Document> document{};
};

inline bool is_chinese(const Request& request) {
  return request.language != "en";
}

/// Renders the reply with all headers: `{"data":{"code":0,"msg":"ok"}}` in the client's language,
/// or lines of text for shells. `always_200` uses HTTP 200 for codes 10xx.
Reply render(Result&& result, const Request& request, bool always_200);

}  // namespace users::web
