// A FastCGI client that can do what nginx never does: send wrong lengths, stop half way,
// disconnect.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/un.h>

#include "support/http_client.hpp"

namespace users::test::fcgi {

/// Record types of the FastCGI specification 1.0, section 8.
enum class RecordType : unsigned char {
  begin_request = 1,
  abort_request = 2,
  end_request = 3,
  parameters = 4,
  standard_input = 5,
  standard_output = 6,
};

using Parameters = std::map<std::string, std::string>;

struct Request {
  Parameters parameters;
  std::string body;
};

/// A request as nginx sends it, with the correct CONTENT_LENGTH.
Request get(std::string path);
Request post(std::string path, std::string body);
/// POST /users/regist
Request regist(std::string body);

/// A record whose header fields can be set one by one.
struct Record {
  unsigned version = 1;
  unsigned type = 0;
  unsigned id = 1;
  std::string content{};
  std::size_t padding = 0;

  /// `announced` overrides the length in the header.
  [[nodiscard]] std::string bytes(std::optional<std::uint16_t> announced = std::nullopt) const;
};

/// One record of at most 65535 bytes; `announced` overrides the length in its header.
std::string record(RecordType type, std::string_view content = {},
                   std::optional<std::uint16_t> announced = std::nullopt);
/// Begins a request; `keep` asks the worker to keep the connection open.
std::string begin_record(bool keep = false);
/// Encodes parameters as the content of records.
std::string encode(const Parameters& parameters);
/// Decodes parameters in their order, duplicates included. An incomplete last one is left out.
std::vector<std::pair<std::string, std::string>> decode(std::string_view bytes);
/// Splits content into records, without the empty record that ends a stream.
std::string stream(RecordType type, std::string_view content);

/// Everything up to the end of the parameters.
std::string head_of(const Request& request, bool keep = false);
/// A complete request.
std::string whole(const Request& request, bool keep = false);

/// Throws if the path is too long for a socket.
sockaddr_un address_of(const std::filesystem::path& socket);

class Client {
 public:
  explicit Client(const std::filesystem::path& socket);
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Does not fail if the worker has closed: its reply may still arrive.
  void send(std::string_view bytes) const;
  /// Waits until the worker has read everything sent; false after `seconds`.
  [[nodiscard]] bool all_taken(double seconds = 5) const;
  /// Closes the sending side only.
  void finish_sending() const;
  /// Returns the reply up to its END_REQUEST, with status 0 if the worker refused the request or
  /// closed the connection early. Throws if neither happens within `seconds`.
  HttpReply reply(double seconds = 10);
  /// Returns all bytes until the worker closes. Throws if it stays silent for `seconds`.
  std::string everything(double seconds = 10);
  /// Disconnects without reading the rest.
  void close();

 private:
  bool receive(double seconds);

  int fd_;
  std::string received_;
};

}  // namespace users::test::fcgi
