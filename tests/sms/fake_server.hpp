// An HTTP server on loopback that takes the place of a provider.
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

/// A request as it arrived; names of headers in lower case.
struct Received {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;
  std::string body;

  /// Empty where there is none.
  [[nodiscard]] std::string header(const std::string& name) const;
};

constexpr int kSilence = 0;  ///< no answer, until the client goes away
constexpr int kHangUp = -1;  ///< no answer, the connection is closed

/// Bytes after which an endless answer stops, so that a client that reads all of it does not use up
/// the machine's memory. The buffers of a connection hold far less.
constexpr std::size_t kFlood = std::size_t{64} << 20;

struct Answer {
  int status;  ///< kSilence, kHangUp or HTTP's
  std::string body;
  /// If not empty, sent before the body instead of a status line and headers.
  std::string head = {};
  /// If not empty, sent after the body again and again, until kFlood bytes or the client goes away.
  std::string repeated = {};
  /// Leaves the connection open until the client goes away.
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
  /// Bytes of all answers that the kernel has taken so far.
  [[nodiscard]] std::size_t sent() const { return sent_; }

 private:
  void run();
  void serve(int client);
  void send(int client, const Answer& answer);
  /// False if the client has gone away.
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
