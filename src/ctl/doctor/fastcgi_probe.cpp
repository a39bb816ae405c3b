#include "ctl/doctor/fastcgi_probe.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/descriptor.hpp"

namespace users::ctl {
namespace {

using Clock = std::chrono::steady_clock;

// FastCGI 1.0, sections 3.3 and 5.
constexpr char kVersion = 1;
constexpr char kBegin = 1;
constexpr char kParameters = 4;
constexpr char kInput = 5;
constexpr char kOutput = 6;
constexpr std::size_t kHead = 8;

std::string record(char type, std::string_view content) {
  std::string bytes{kVersion, type, 0, 1, 0, static_cast<char>(content.size()), 0, 0};
  return bytes.append(content);
}

/// Names and values here are shorter than 128 bytes, and all of them than 256.
std::string request_for(const std::string& path) {
  const std::array<std::pair<std::string_view, std::string_view>, 4> parameters{
      {{"REQUEST_METHOD", "GET"},
       {"DOCUMENT_URI", path},
       {"REMOTE_ADDR", "127.0.0.1"},
       {"REQUEST_ID", "users-ctl-doctor"}}};
  std::string content;
  for (const auto& [name, value] : parameters) {
    content += static_cast<char>(name.size());
    content += static_cast<char>(value.size());
    content.append(name).append(value);
  }
  return record(kBegin, std::string_view("\0\1\0\0\0\0\0\0", kHead)) +
         record(kParameters, content) + record(kParameters, "") + record(kInput, "");
}

/// What the records of type output hold.
std::string output_of(std::string_view bytes) {
  std::string output;
  while (bytes.size() >= kHead) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const std::size_t length = at(4) * std::size_t{256} + at(5);
    if (bytes.size() < kHead + length) break;
    if (bytes[1] == kOutput) output.append(bytes.substr(kHead, length));
    bytes.remove_prefix(std::min(bytes.size(), kHead + length + at(6)));
  }
  return output;
}

std::string receive(int fd, Clock::time_point deadline) {
  constexpr std::size_t kLargestReply = 65536;
  std::string bytes;
  while (bytes.size() < kLargestReply) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd readable{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) <= 0) break;
    std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) break;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return bytes;
}

}  // namespace

ProbeResult probe(const std::filesystem::path& socket, const std::string& path,
                  std::chrono::milliseconds limit) {
  ProbeResult result;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Where a link leads there by a shorter way, that is taken.
  std::error_code error;
  std::string name = std::filesystem::canonical(socket, error).native();
  if (error) name = socket.native();
  if (name.size() >= sizeof address.sun_path) {
    result.error = ENAMETOOLONG;
    return result;
  }
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  // Not blocking: a full queue says so at once.
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    result.error = errno;
    return result;
  }
  result.connected = true;
  const std::string request = request_for(path);
  ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  const std::string output = output_of(receive(fd.get(), Clock::now() + limit));
  constexpr std::string_view kStatus = "Status: ";
  const auto at = output.find(kStatus);
  if (at != std::string::npos) {
    const auto start = at + kStatus.size();
    result.status = output.substr(start, output.find_first_of(" \r", start) - start);
  }
  return result;
}

}  // namespace users::ctl
