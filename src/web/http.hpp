// A request as the worker got it and the reply it sends, as plain values; no FastCGI in them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace users::web {

/// Most bytes of a body that is read. nginx refuses larger ones first (client_max_body_size).
constexpr std::size_t kLargestBody = 16 * 1024;

/// How reading the body ended.
enum class BodyState { whole, too_large, damaged };

struct Request {
  std::string method;
  std::string path;  ///< decoded and normalised by nginx
  std::string content_type;
  std::string content_encoding;
  std::string language;  ///< that nginx chose for the reply: `en`; Chinese if it is anything else
  std::string form;      ///< the same: `text`; JSON if it is anything else
  std::string idempotency_key;
  std::string authorization;
  std::string cookie;
  std::string user_agent;
  std::string host;
  std::string origin;
  std::string sec_fetch_site;
  std::string listed_origin;    ///< `origin` if the site lists it (users_cors_origins.conf)
  std::string checked_method;   ///< of the request to a protected location that auth is asked about
  std::string checked_upgrade;  ///< the protocol that one asks for, such as websocket
  std::string account;          ///< X-Users-Account: the id of the account that the client acts for
  std::string optional;         ///< of the query: `true` if nobody may be logged in
  std::string address;          ///< of the client, as nginx saw it
  std::string request_id;
  std::string body;
  BodyState body_state = BodyState::whole;
};

struct Reply {
  int status = 500;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

}  // namespace users::web
