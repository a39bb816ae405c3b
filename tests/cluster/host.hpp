// The hosts of scripts/cluster, which tests/cluster/run has started. The stack of support/stack.hpp
// is host 1, but base_url() is the balancer.
#pragma once

#include <memory>
#include <string>

#include "db/connection.hpp"

namespace users::test {

constexpr int kHosts = 3;

class Host {
 public:
  /// From 1 to kHosts.
  explicit Host(int number) : number_(number) {}

  [[nodiscard]] int number() const { return number_; }

  /// Of its own nginx, for send().
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string folder() const;

  /// Starts what does not run: some parts of scripts/start, or all. Returns when they are ready,
  /// for a database when it has everything. Throws if that fails.
  /// `environment`: assignments for the script.
  void start(const std::string& parts = "", const std::string& environment = "") const;
  void stop(const std::string& parts = "") const;

  /// Signals a part's process group; does nothing if it does not run.
  void signal(const std::string& part, int number) const;
  /// SIGKILL to everything on it, as if its power failed.
  void kill() const;

  /// Runs `sql` on its node as the database's administrator; returns the first column of the last
  /// row.
  [[nodiscard]] std::string query(const std::string& sql) const;
  /// The value of a status variable; empty if the node does not answer.
  [[nodiscard]] std::string status(const std::string& name) const;
  [[nodiscard]] bool is_synced() const { return status("wsrep_local_state_comment") == "Synced"; }
  /// Whether all its workers and its courier are connected to its own node.
  [[nodiscard]] bool is_home() const;

 private:
  int number_;
};

}  // namespace users::test
