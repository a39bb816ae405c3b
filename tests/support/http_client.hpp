// An HTTP client for the tests: one request, its whole reply.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace users::test {

struct HttpReply {
  long status = 0;                             ///< 0: no reply came
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  double milliseconds = 0;  ///< from the start of the request to the end of the reply

  /// `data.code` of the JSON body; -1 where there is none.
  [[nodiscard]] int code() const;
  /// `data.fields`, joined by commas.
  [[nodiscard]] std::string fields() const;
  /// A header's value; empty where it is not there.
  [[nodiscard]] std::string header(const std::string& name) const;
};

struct HttpRequest {
  std::string method = "POST";
  std::string path = "/users/regist";
  std::string body{};
  std::vector<std::string> headers{"Content-Type: application/json"};
  std::string source_address{};  ///< address to come from, such as 127.0.0.9; else 127.0.0.1
};

/// Sends to `base`: http://127.0.0.1:PORT, unix:PATH of a socket, or tls:PATH of one that speaks
/// TLS and, like most, then HTTP/2 (the certificate may be anyone's). Gives up after 60 seconds.
/// Holds the reply to the description of the API (api_description.hpp). Safe from many threads.
HttpReply send(const std::string& base, const HttpRequest& request);

/// The JSON of a registration. Only for values that need no escaping.
std::string registration(std::string_view phone, std::string_view password = "correct horse 42",
                         std::string_view code = "123456");

/// A connection to `base`, as above, on which sending waits for 10 seconds at most; for the caller
/// to close. Throws where nothing listens.
int connect_to(const std::string& base);

/// Sends bytes as they are to `base` and returns all that comes back until the peer closes.
std::string send_raw(const std::string& base, std::string_view bytes);

/// Options of the command curl, and the URL, for a path of `base`.
std::string curl_arguments(const std::string& base, const std::string& path);

}  // namespace users::test
