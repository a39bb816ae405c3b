// A backend of a site, for proxy_pass, fastcgi_pass, uwsgi_pass and scgi_pass.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/temporary_directory.hpp"
#include "support/worker_process.hpp"

namespace users::test {

/// The last header of requests whose backend is inspected.
inline constexpr std::string_view kLast = "X-Last: the-end";
inline constexpr std::string_view kMark = "the-end";

/// A backend on its own socket. Keeps what it receives up to the mark, whatever the protocol.
/// Answers 200 in HTTP, which scgi and uwsgi accept, too. Answers an upgrade with 101 and echoes.
class Backend {
 public:
  explicit Backend(const std::filesystem::path& path) : socket_(path) {
    std::filesystem::permissions(path, std::filesystem::perms::all);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }

  /// Returns what arrived since the last call.
  std::string take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(seen_, {});
  }

 private:
  void serve(const std::stop_token& stop) {
    constexpr int kTick = 50;
    while (!stop.stop_requested()) {
      pollfd readable{socket_.descriptor(), POLLIN, 0};
      if (::poll(&readable, 1, kTick) <= 0) continue;
      const int connection = ::accept4(socket_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      const timeval timeout{10, 0};
      ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
      answer(connection);
      ::close(connection);
    }
  }

  void answer(int connection) {
    std::string request;
    while (!is_whole(request) && receive(connection, request)) {
    }
    {
      const std::scoped_lock lock(mutex_);
      seen_ += request;
    }
    if (request.find("\r\nUpgrade: ") == std::string::npos) {
      reply(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
      return;
    }
    reply(connection,
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
    for (std::string bytes; receive(connection, bytes); bytes.clear()) reply(connection, bytes);
  }

  /// Complete at the mark; for HTTP including the body, which nginx sends before it reads a reply.
  static bool is_whole(const std::string& request) {
    if (request.find(kMark) == std::string::npos) return false;
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const auto length = request.find(kLength);
    if (length == std::string::npos) return true;
    const auto body = request.find("\r\n\r\n");
    return body != std::string::npos &&
           request.size() - body - 4 >= std::stoul(request.substr(length + kLength.size()));
  }

  static bool receive(int connection, std::string& into) {
    char buffer[16 * 1024];
    const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got > 0) into.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }

  static void reply(int connection, std::string_view bytes) {
    (void)::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  ListeningSocket socket_;
  std::mutex mutex_;
  std::string seen_;
  std::jthread thread_;
};

/// The folder of the backends' sockets; nginx may run as another user.
struct BackendFolder : TemporaryDirectory {
  BackendFolder() { std::filesystem::permissions(path(), std::filesystem::perms::all); }
  [[nodiscard]] std::filesystem::path socket() const { return path() / "backend.sock"; }
};

}  // namespace users::test
