// A small HTTP client for the tests.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/json.hpp"

namespace users::test {

struct HttpReply {
  long status = 0;                             ///< 0 if no reply came
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  double milliseconds = 0;  ///< from the start of the request to the end of the reply

  /// `data.code` of the JSON body, or -1.
  [[nodiscard]] int code() const;
  /// A member of `data` in the JSON body, also one that is no string; empty if it is missing.
  [[nodiscard]] std::string text(const std::string& name) const;
  /// The same of a number; 0 if it is missing.
  [[nodiscard]] int number(const std::string& name) const;
  [[nodiscard]] bool has(const std::string& name) const;
  /// The objects of an array in `data`.
  [[nodiscard]] std::vector<Members> list(const std::string& name) const;
  /// `data.fields`, joined by commas.
  [[nodiscard]] std::string fields() const;
  /// The value of a header, or an empty string.
  [[nodiscard]] std::string header(const std::string& name) const;
};

struct HttpRequest {
  std::string method = "POST";
  std::string path = "/users/regist";
  std::string body{};
  std::vector<std::string> headers{"Content-Type: application/json"};
  std::string source_address{};  ///< client address; 127.0.0.1 if empty
};

/// Sends to `base`: http://127.0.0.1:PORT, unix:PATH of a socket, or tls:PATH of one with TLS,
/// where HTTP/2 is preferred and any certificate accepted. Gives up after 60 seconds. Checks the
/// reply against the description of the API (api_description.hpp). Thread-safe.
HttpReply send(const std::string& base, const HttpRequest& request);

/// The JSON of a registration. The values must not need escaping.
std::string registration(std::string_view phone, std::string_view password = "correct horse 42",
                         std::string_view code = "123456");

/// Connects to `base`, with a send timeout of 10 seconds; the caller closes the socket. Throws if
/// nothing listens.
int connect_to(const std::string& base);

/// Sends raw bytes and returns everything the peer sends until it closes.
std::string send_raw(const std::string& base, std::string_view bytes);

/// Returns curl's options and URL for a path of `base`.
std::string curl_arguments(const std::string& base, const std::string& path);

}  // namespace users::test
