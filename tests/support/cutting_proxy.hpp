// A relay between a client and a server that cuts connections at a chosen moment or delays bytes.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "support/worker_process.hpp"

namespace users::test {

/// Cut before the client's bytes are passed on, or after the server has answered but before the
/// client sees the answer.
enum class Moment { before, after };

/// Listens on its own unix socket and relays to the server's.
class CuttingProxy {
 public:
  /// The first time a client sends `trigger`, calls `action` at that moment and closes both
  /// connections.
  struct Cut {
    std::string trigger;
    Moment moment = Moment::after;
    std::function<void()> action = [] {};
  };
  /// Maps each chunk from the client to what the server gets.
  using Filter = std::function<std::string(std::string_view)>;

  CuttingProxy(const std::string& server_socket, std::string trigger);
  CuttingProxy(const std::string& server_socket, Filter filter);
  CuttingProxy(const std::string& server_socket, std::optional<Cut> cut, Filter filter,
               const std::string& socket);
  ~CuttingProxy();

  [[nodiscard]] std::string socket() const { return listener_.path(); }
  [[nodiscard]] bool has_cut() const { return has_cut_; }

  /// Holds all traffic until resume().
  void stall() { stalled_ = true; }
  void resume() { stalled_ = false; }
  /// Closes every connection.
  void cut_all() { ++generation_; }

 private:
  void run();
  void relay(int client);
  bool pass_on(int client, int server);

  std::string server_socket_;
  std::optional<Cut> cut_;
  Filter filter_;
  ListeningSocket listener_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> has_cut_{false};
  std::atomic<bool> stalled_{false};
  std::atomic<int> generation_{0};
  std::thread thread_;
};

}  // namespace users::test
