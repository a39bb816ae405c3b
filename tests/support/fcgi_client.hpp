// A FastCGI client that speaks to a worker's socket itself, so that it can do what nginx never
// does: lie, stop half way, leave.
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

/// A request as nginx sends it. `body` gets its true CONTENT_LENGTH.
Request get(std::string path);
Request post(std::string path, std::string body);
/// POST /users/regist
Request regist(std::string body);

/// A record with every field of its header as a test wants it.
struct Record {
  unsigned version = 1;
  unsigned type = 0;
  unsigned id = 1;
  std::string content{};
  std::size_t padding = 0;

  /// `announced` is the length that the header tells, where that is a lie.
  [[nodiscard]] std::string bytes(std::optional<std::uint16_t> announced = std::nullopt) const;
};

/// One record of at most 65535 bytes; `announced` is the length its header tells, where that is a
/// lie.
std::string record(RecordType type, std::string_view content = {},
                   std::optional<std::uint16_t> announced = std::nullopt);
/// Begins a request for a responder; `keep` asks the worker to keep the connection.
std::string begin_record(bool keep = false);
/// Parameters as the content of records.
std::string encode(const Parameters& parameters);
/// The same taken apart: in the order they came, names given twice included. What is cut off at the
/// end is left out.
std::vector<std::pair<std::string, std::string>> decode(std::string_view bytes);
/// A stream cut into records, without the empty one that ends it.
std::string stream(RecordType type, std::string_view content);

/// Everything up to the end of the parameters.
std::string head_of(const Request& request, bool keep = false);
/// All of a request.
std::string whole(const Request& request, bool keep = false);

/// Throws where the path is too long for a socket.
sockaddr_un address_of(const std::filesystem::path& socket);

class Client {
 public:
  explicit Client(const std::filesystem::path& socket);
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Sends bytes as they are. A worker that has closed is no error: its reply may still be there.
  void send(std::string_view bytes) const;
  /// Waits until the worker has read all that was sent; false after `seconds`.
  [[nodiscard]] bool all_taken(double seconds = 5) const;
  /// Ends the sending side and can still read.
  void finish_sending() const;
  /// The reply up to its END_REQUEST; status 0 where the worker refused the request or closed
  /// without a whole reply. Throws where neither comes within `seconds`.
  HttpReply reply(double seconds = 10);
  /// All bytes that the worker sends until it closes, as they are. Throws where it sends nothing
  /// and does not close for `seconds`.
  std::string everything(double seconds = 10);
  /// Leaves, with whatever is unread.
  void close();

 private:
  bool receive(double seconds);

  int fd_;
  std::string received_;
};

}  // namespace users::test::fcgi
