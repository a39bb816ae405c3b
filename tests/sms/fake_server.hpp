// An HTTP server on loopback that takes the place of a provider.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
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

struct Answer {
  int status;  ///< kSilence, kHangUp or HTTP's
  std::string body;
};

class FakeServer {
 public:
  using Handler = std::function<Answer(const Received&)>;

  /// Listens at once; `handler` runs on the server's thread.
  explicit FakeServer(Handler handler);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  /// http://127.0.0.1:PORT
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::vector<Received> requests() const;

 private:
  void run();
  void serve(int client);

  Handler handler_;
  int listener_;
  unsigned port_;
  mutable std::mutex mutex_;
  std::vector<Received> requests_;
  std::thread thread_;
};

/// A port of loopback that is taken and refuses every connection.
class RefusingPort {
 public:
  RefusingPort();
  ~RefusingPort();
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;

  [[nodiscard]] std::string url() const;

 private:
  int socket_;
  unsigned port_;
};

}  // namespace users::test
