// A relay between a client and the database that cuts the connection at a chosen moment, as a
// network does.
#pragma once

#include <atomic>
#include <string>
#include <thread>

namespace users::test {

/// Listens on a unix socket of its own and relays to the server's. The first time `trigger` stands
/// in what the client sends, it is passed on, the server's answer awaited, and then, instead of
/// passing that on, both connections are closed: the client cannot know what happened.
class CuttingProxy {
 public:
  CuttingProxy(std::string server_socket, std::string trigger);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] bool has_cut() const { return cut_; }

 private:
  void run();
  void relay(int client);

  std::string server_socket_;
  std::string trigger_;
  std::string socket_;
  int listener_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> cut_{false};
  std::thread thread_;
};

}  // namespace users::test
