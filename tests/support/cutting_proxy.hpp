// A relay between a client and a server that cuts the connection at a chosen moment, or holds bytes
// back, as a network does.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace users::test {

/// Listens on a unix socket of its own and relays to the server's. The first time `trigger` stands
/// in what the client sends, it is passed on, the server's answer awaited, and then, instead of
/// passing that on, both connections are closed: the client cannot know what happened.
class CuttingProxy {
 public:
  CuttingProxy(std::string server_socket, std::string trigger);
  /// Cuts nothing, but passes on only what `filter` returns of each piece that the client sends.
  using Filter = std::function<std::string(std::string_view)>;
  CuttingProxy(std::string server_socket, Filter filter);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] bool has_cut() const { return cut_; }

 private:
  CuttingProxy(std::string server_socket, std::optional<std::string> trigger, Filter filter);
  void run();
  void relay(int client);

  std::string server_socket_;
  std::optional<std::string> trigger_;
  Filter filter_;
  std::string socket_;
  int listener_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> cut_{false};
  std::thread thread_;
};

}  // namespace users::test
