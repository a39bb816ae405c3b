#include "support/fcgi_client.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/stack.hpp"
#include "support/text.hpp"

namespace users::test::fcgi {
namespace {

constexpr std::size_t kHeaderSize = 8;
constexpr std::size_t kLargestContent = 65535;

char byte(std::size_t value) {
  return static_cast<char>(static_cast<unsigned char>(value & 0xFFU));
}

std::string encode_length(std::size_t length) {
  if (length < 0x80) return {byte(length)};
  return {byte((length >> 24U) | 0x80U), byte(length >> 16U), byte(length >> 8U), byte(length)};
}

std::optional<std::size_t> take_length(std::string_view& encoded) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(encoded[i]); };
  const std::size_t size = encoded.empty() || at(0) < 0x80 ? 1 : 4;
  if (encoded.size() < size) return std::nullopt;
  std::size_t length = at(0) & 0x7FU;
  for (std::size_t i = 1; i < size; ++i) length = length * 256 + at(i);
  encoded.remove_prefix(size);
  return length;
}

/// Removes the first complete record from `bytes`.
std::optional<std::pair<RecordType, std::string>> take_record(std::string& bytes) {
  if (bytes.size() < kHeaderSize) return std::nullopt;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const std::size_t length = at(4) * 256U + at(5);
  const std::size_t size = kHeaderSize + length + at(6);
  if (bytes.size() < size) return std::nullopt;
  std::pair record(static_cast<RecordType>(at(1)), bytes.substr(kHeaderSize, length));
  bytes.erase(0, size);
  return record;
}

/// Parses a CGI reply: headers, an empty line, the body (RFC 3875 section 6).
HttpReply parse_reply(std::string_view output) {
  HttpReply reply;
  const auto end = output.find("\r\n\r\n");
  if (end == std::string_view::npos) throw std::runtime_error("a reply without end of headers");
  for (std::string_view head = output.substr(0, end + 2); !head.empty();) {
    const auto line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) throw std::runtime_error("a header without colon");
    const std::string name = lower(std::string(line.substr(0, colon)));
    const auto [entry, fresh] = reply.headers.try_emplace(name, line.substr(colon + 2));
    if (!fresh) throw std::runtime_error("header " + name + " is there twice");
  }
  reply.status = std::stol(reply.header("status"));
  reply.body = output.substr(end + 4);
  return reply;
}

Request make_request(const char* method, std::string path, std::string body) {
  const std::string length = body.empty() ? "" : std::to_string(body.size());
  return {{{"REQUEST_METHOD", method},
           {"DOCUMENT_URI", std::move(path)},
           {"CONTENT_TYPE", body.empty() ? "" : "application/json"},
           {"CONTENT_LENGTH", length},
           {"REMOTE_ADDR", "127.0.0.1"},
           {"REQUEST_ID", "0123456789abcdef0123456789abcdef"}},
          std::move(body)};
}

}  // namespace

Request get(std::string path) {
  return make_request("GET", std::move(path), "");
}

Request post(std::string path, std::string body) {
  return make_request("POST", std::move(path), std::move(body));
}

Request regist(std::string body) {
  return post("/users/regist", std::move(body));
}

std::string Record::bytes(std::optional<std::uint16_t> announced) const {
  if (content.size() > kLargestContent) throw std::invalid_argument("too long for a record");
  const std::size_t length = announced.value_or(static_cast<std::uint16_t>(content.size()));
  std::string all{byte(version),      byte(type),   byte(id >> 8U), byte(id),
                  byte(length >> 8U), byte(length), byte(padding),  0};
  return all.append(content).append(padding, 'p');
}

std::string record(RecordType type, std::string_view content,
                   std::optional<std::uint16_t> announced) {
  return Record{.type = static_cast<unsigned>(type), .content = std::string(content)}.bytes(
      announced);
}

std::string begin_record(bool keep) {
  constexpr std::size_t kResponder = 1;
  return record(RecordType::begin_request,
                std::string{byte(0), byte(kResponder), byte(keep ? 1 : 0), 0, 0, 0, 0, 0});
}

std::string encode(const Parameters& parameters) {
  std::string bytes;
  for (const auto& [name, value] : parameters) {
    bytes.append(encode_length(name.size())).append(encode_length(value.size()));
    bytes.append(name).append(value);
  }
  return bytes;
}

std::vector<std::pair<std::string, std::string>> decode(std::string_view bytes) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (;;) {
    const auto name = take_length(bytes);
    const auto value = take_length(bytes);
    if (!name || !value || bytes.size() < *name + *value) return parameters;
    parameters.emplace_back(bytes.substr(0, *name), bytes.substr(*name, *value));
    bytes.remove_prefix(*name + *value);
  }
}

std::string stream(RecordType type, std::string_view content) {
  std::string bytes;
  for (; !content.empty(); content.remove_prefix(std::min(content.size(), kLargestContent))) {
    bytes += record(type, content.substr(0, kLargestContent));
  }
  return bytes;
}

std::string head_of(const Request& request, bool keep) {
  return begin_record(keep) + stream(RecordType::parameters, encode(request.parameters)) +
         record(RecordType::parameters);
}

std::string whole(const Request& request, bool keep) {
  return head_of(request, keep) + stream(RecordType::standard_input, request.body) +
         record(RecordType::standard_input);
}

sockaddr_un address_of(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.native().size() >= sizeof address.sun_path) {
    throw std::invalid_argument("too long for a socket: " + socket.string());
  }
  socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

Client::Client(const std::filesystem::path& socket) : fd_(connect_to("unix:" + socket.string())) {}

Client::~Client() {
  close();
}

Client::Client(Client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), received_(std::move(other.received_)) {}

void Client::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Client::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
    if (sent < 0) throw std::system_error(errno, std::system_category(), "send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool Client::all_taken(double seconds) const {
  return wait_until(seconds, [this] {
    int unread = 1;
    return ::ioctl(fd_, SIOCOUTQ, &unread) == 0 && unread == 0;
  });
}

void Client::finish_sending() const {
  ::shutdown(fd_, SHUT_WR);
}

/// Reads the bytes that have arrived; false at the end of the connection.
bool Client::receive(double seconds) {
  pollfd readable{fd_, POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(seconds * 1000)) <= 0) {
    throw std::runtime_error("the worker does not answer");
  }
  char buffer[4096];
  const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
  if (got < 0 && errno != ECONNRESET) {
    throw std::system_error(errno, std::system_category(), "recv");
  }
  if (got <= 0) return false;
  received_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

HttpReply Client::reply(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  std::string output;
  for (;;) {
    while (auto record = take_record(received_)) {
      if (record->first == RecordType::standard_output) output += record->second;
      if (record->first == RecordType::end_request) {
        return output.empty() ? HttpReply{} : parse_reply(output);
      }
    }
    const std::chrono::duration<double> left = deadline - Clock::now();
    if (!receive(std::max(left.count(), 0.0))) return {};
  }
}

std::string Client::everything(double seconds) {
  while (receive(seconds)) {
  }
  return std::exchange(received_, {});
}

}  // namespace users::test::fcgi
