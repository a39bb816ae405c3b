// An HTTP server on loopback that stands in for a provider.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace users::test {

/// A request as it arrived; header names in lower case.
struct Received {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;
  std::string body;

  /// Returns an empty string if there is none.
  [[nodiscard]] std::string header(const std::string& name) const;
};

constexpr int kSilence = 0;  ///< no reply until the client disconnects
constexpr int kHangUp = -1;  ///< closes the connection without a reply

/// Limits an endless reply, so that a client that reads all of it does not exhaust memory. A
/// connection's buffers hold far less.
constexpr std::size_t kFlood = std::size_t{64} << 20;

struct Answer {
  int status;  ///< kSilence, kHangUp or an HTTP status
  std::string body;
  /// If not empty, replaces the status line and headers.
  std::string head = {};
  /// If not empty, sent repeatedly after the body until kFlood bytes or the client disconnects.
  std::string repeated = {};
  /// Keeps the connection open until the client disconnects.
  bool stays_open = false;
};

class FakeServer {
 public:
  using Handler = std::function<Answer(const Received&)>;

  /// Listens at once; `handler` runs on the server's thread.
  explicit FakeServer(Handler handler);
  ~FakeServer();

  /// http://127.0.0.1:PORT
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::vector<Received> requests() const;
  /// Bytes of all replies that the kernel has accepted.
  [[nodiscard]] std::size_t sent() const { return sent_; }

 private:
  void run();
  void serve(int client);
  void send(int client, const Answer& answer);
  /// False if the client has disconnected.
  bool send(int client, std::string_view text);

  Handler handler_;
  int listener_;
  unsigned port_;
  mutable std::mutex mutex_;
  std::vector<Received> requests_;
  std::atomic<std::size_t> sent_ = 0;
  std::thread thread_;
};

}  // namespace users::test
