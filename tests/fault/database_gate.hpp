// A relay in place of the database's socket, so that the whole stack's connections can be cut,
// stalled, or watched.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "db/connection.hpp"

namespace users::test {

/// When a trigger is met: before the client's bytes are passed on, or when the server has answered
/// them and the answer is held back.
enum class Moment { before, after };

/// As the administrator, on the server.
void cut_service_connections(db::Connection& administrator);

/// Takes the place of run/mariadb.sock while it lives; connections made before are cut. A database
/// that starts meanwhile takes its socket back, and the gate is out of the way.
class DatabaseGate {
 public:
  DatabaseGate() : DatabaseGate("", Moment::before, {}) {}
  /// Calls `action` the first time a client sends `trigger`, then cuts that connection.
  DatabaseGate(std::string trigger, Moment moment, std::function<void()> action);
  ~DatabaseGate();
  DatabaseGate(const DatabaseGate&) = delete;
  DatabaseGate& operator=(const DatabaseGate&) = delete;

  /// Nothing passes until resume().
  void stall() { stalled_ = true; }
  void resume() { stalled_ = false; }
  /// Closes every connection.
  void cut() { ++generation_; }

  /// Gives the place to a database that is to be started anew.
  void step_aside();
  [[nodiscard]] bool triggered() const { return triggered_; }

 private:
  void close();
  void run();
  void relay(int client);
  bool pass(int from, int to, bool from_client, int server);

  std::string trigger_;
  Moment moment_;
  std::function<void()> action_;
  std::atomic<bool> triggered_{false};
  std::atomic<bool> stalled_{false};
  std::atomic<bool> stop_{false};
  std::atomic<int> generation_{0};
  bool aside_ = false;
  int listener_;
  std::thread thread_;
};

}  // namespace users::test
