#include "fake_pool.hpp"

#include <filesystem>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace users::test {
namespace {

constexpr std::size_t kHeaderSize = 8;

/// A valid reply of any endpoint, by the API's description.
constexpr std::string_view kReply =
    "Status: 503\r\nContent-Type: application/json; charset=utf-8\r\nRetry-After: 1\r\n"
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
    "X-Request-Id: 0123456789abcdef0123456789abcdef\r\n\r\n"
    "{\"data\":{\"code\":9001,\"msg\":\"temporarily unavailable\",\"retry_after\":1}}";

/// Type and content of one record; type 0 at the end of the connection.
std::pair<int, std::string> read_record(int connection) {
  unsigned char header[kHeaderSize];
  if (::recv(connection, header, sizeof header, MSG_WAITALL) != sizeof header) return {0, ""};
  const std::size_t length = header[4] * 256U + header[5];
  std::string content(length + header[6], '\0');
  if (!content.empty() && ::recv(connection, content.data(), content.size(), MSG_WAITALL) !=
                              static_cast<ssize_t>(content.size())) {
    return {0, ""};
  }
  content.resize(length);
  return {header[1], std::move(content)};
}

}  // namespace

FakePool::FakePool() {
  for (const ListeningSocket* socket : {&hash_, &fast_}) {
    std::filesystem::permissions(socket->path(), std::filesystem::perms::all);
    threads_.emplace_back(
        [this, socket](const std::stop_token& stop) { serve(stop, socket->descriptor()); });
  }
  // nginx may run as another user.
  std::filesystem::permissions(directory_.path(), std::filesystem::perms::all);
}

void FakePool::serve(const std::stop_token& stop, int listening) {
  constexpr int kTick = 50;
  while (!stop.stop_requested()) {
    pollfd readable{listening, POLLIN, 0};
    if (::poll(&readable, 1, kTick) <= 0) continue;
    const int connection = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    answer(connection);
    ::close(connection);
  }
}

void FakePool::answer(int connection) {
  std::string parameters;
  for (;;) {
    const auto [type, content] = read_record(connection);
    if (type == 0) return;
    if (type == static_cast<int>(fcgi::RecordType::parameters)) parameters += content;
    if (type == static_cast<int>(fcgi::RecordType::standard_input) && content.empty()) break;
  }
  {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(fcgi::decode(parameters));
  }
  const std::string reply = fcgi::record(fcgi::RecordType::standard_output, kReply) +
                            fcgi::record(fcgi::RecordType::standard_output) +
                            fcgi::record(fcgi::RecordType::end_request, std::string(8, '\0'));
  (void)::send(connection, reply.data(), reply.size(), MSG_NOSIGNAL);
}

std::vector<FakePool::Parameters> FakePool::take_requests() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(requests_, {});
}

}  // namespace users::test
