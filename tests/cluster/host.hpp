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

  [[nodiscard]] std::string address() const;
  /// The base URL of its own nginx, for send().
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string folder() const;

  /// The name of its network namespace, if the hosts have some.
  [[nodiscard]] std::string network_namespace() const;

  /// Starts the parts that are not running: those in `parts`, or all. Returns when they are ready;
  /// a database is ready when it is synced. Throws if that fails. `environment`: assignments for
  /// the script.
  void start(const std::string& parts = "", const std::string& environment = "") const;
  void stop(const std::string& parts = "") const;

  /// Signals a part's process group. Does nothing if the part is not running.
  void signal(const std::string& part, int number) const;
  void signal_all(int number) const;

  /// A connection to its node as the database's administrator.
  [[nodiscard]] std::unique_ptr<db::Connection> connect() const;
  /// Runs `sql` on its node as the database's administrator; returns the first column of the last
  /// row.
  [[nodiscard]] std::string query(const std::string& sql) const;
  /// The value of a status variable; empty if the node does not answer.
  [[nodiscard]] std::string status(const std::string& name) const;
  [[nodiscard]] bool is_synced() const { return status("wsrep_local_state_comment") == "Synced"; }
  /// The number of the last commit of a node that is not running, by mariadbd --wsrep-recover.
  [[nodiscard]] long last_commit() const;
  /// Whether all its workers and its courier are connected to its own node.
  [[nodiscard]] bool is_home() const;

 private:
  int number_;
};

}  // namespace users::test
