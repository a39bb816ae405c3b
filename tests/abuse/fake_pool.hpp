// Takes the workers' place behind an nginx and shows what they would receive.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/temporary_directory.hpp"
#include "support/worker_process.hpp"

namespace users::test {

/// Listens on both pools' sockets and answers every request with code 9001.
class FakePool {
 public:
  /// The parameters of a request in their order, duplicates included.
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  FakePool();

  /// The folder of its sockets, for a Site.
  [[nodiscard]] std::string folder() const { return directory_.path().string(); }
  /// Returns all requests since the last call.
  std::vector<Parameters> take_requests();

 private:
  void serve(const std::stop_token& stop, int listening);
  void answer(int connection);

  TemporaryDirectory directory_;
  ListeningSocket hash_{directory_.path() / "hash.sock"};
  ListeningSocket fast_{directory_.path() / "fast.sock"};
  std::mutex mutex_;
  std::vector<Parameters> requests_;
  std::vector<std::jthread> threads_;
};

}  // namespace users::test
