// A relay between a client and a server that cuts connections at a chosen moment, or holds bytes
// back, as a network does.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "support/worker_process.hpp"

namespace users::test {

/// When a trigger is met: before the client's bytes are passed on, or when the server has answered
/// them and the answer is held back.
enum class Moment { before, after };

/// Listens on a unix socket of its own and relays to the server's.
class CuttingProxy {
 public:
  /// The first time `trigger` stands in what a client sends, `action` is called at that moment, and
  /// both connections are closed: the client cannot know what happened.
  struct Cut {
    std::string trigger;
    Moment moment = Moment::after;
    std::function<void()> action = [] {};
  };
  /// What is passed on of each piece that the client sends.
  using Filter = std::function<std::string(std::string_view)>;

  CuttingProxy(const std::string& server_socket, std::string trigger);
  CuttingProxy(const std::string& server_socket, Filter filter);
  /// Listens on `socket`.
  CuttingProxy(const std::string& server_socket, std::optional<Cut> cut, Filter filter,
               const std::string& socket);
  ~CuttingProxy();

  [[nodiscard]] std::string socket() const { return listener_.path(); }
  [[nodiscard]] bool has_cut() const { return has_cut_; }

  /// Nothing passes until resume().
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
