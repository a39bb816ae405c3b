// A worker's access to the database: one connection, reopened when it is lost (on another host if
// there is one), and the replay of whole transactions.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/config.hpp"
#include "db/statement.hpp"
#include "metrics/metrics.hpp"

namespace users::db {

/// Where the service's account connects, for each host.
Endpoint service_endpoint(const Config& config, const std::string& host);

/// A warning for the operator if a host is remote and database.tls is off; otherwise empty.
std::string clear_text_warning(const Config& config);

class Database {
 public:
  /// Connects at first use. Logs clear_text_warning(). All arguments must outlive this object.
  Database(const Config& config, const Secret& password, Metrics& metrics);

  /// Returns a live connection. If it was lost, connects to the next host that accepts. It tries
  /// the lost host after the others, and hosts that did not answer last. Until kPatience after the
  /// loss it keeps trying, because a cluster that has lost a node refuses everything for a moment.
  /// Then throws Unavailable. Throws SchemaMismatch if these programs cannot work with the tables.
  Connection& connection();

  /// Returns true if there is a live connection, after one attempt with each host that is due.
  /// Throws only SchemaMismatch.
  bool try_connect();

  /// Reconnects if that is due, and returns to the first host when it is back, without waiting for
  /// it. Call between requests. Throws only SchemaMismatch.
  void tend();

  /// Returns true if the connection is to the first host.
  [[nodiscard]] bool is_home() const { return connection_ && current_ == 0; }

  /// Returns true while a thread connects to the first host. The destructor would wait for it, up
  /// to the timeouts of a silent host, so a process that stops must exit without it.
  [[nodiscard]] bool is_connecting() const;

  /// Runs `work(Connection&)`, which must be safe to repeat. A transaction that failed as a whole,
  /// or whose outcome was soon lost, is replayed on a good connection for kReplayTime, or
  /// database.read_timeout if that is less, but after at most kMostLosses lost connections. Then
  /// rethrows the last error.
  template <class Work>
  auto replay(Work&& work) {
    const auto start = Clock::now();
    int losses = 0;
    for (int attempt = 1;; ++attempt) {
      try {
        return work(connection());
      } catch (const Deadlock& error) {
        pause_or_rethrow(attempt, start, error);
      } catch (const LockWaitTimeout& error) {
        pause_or_rethrow(attempt, start, error);
      } catch (const ConnectionLost& error) {
        // A hanging server would hold the worker for one timeout after another.
        if (connection_ && connection_->lost_after() > kSoonLost) throw;
        if (++losses >= kMostLosses) throw;
        pause_or_rethrow(attempt, start, error);
      }
    }
  }

  /// Runs `work(Transaction&)` as one changing transaction and commits it unless work refuses.
  /// Replays it as above. If only the reply to COMMIT was lost, the audit row of `operation` shows
  /// whether it was committed; if so, returns work's result. So work need not check for an earlier
  /// success of this process, but must insert the audit row. Throws DuplicateKey if another process
  /// has committed the operation.
  template <class Work>
  auto once(const OperationId& operation, Work&& work) {
    using Result = std::invoke_result_t<Work, Transaction&>;
    std::optional<Result> committing;  // of the last transaction whose COMMIT was sent
    return replay([&](Connection& connection) -> Result {
      const bool is_unknown = committing.has_value();
      if (is_unknown && is_done(connection, operation)) return *committing;
      std::optional<Result> refused;
      try {
        Transaction transaction(connection, operation);
        Result result = work(transaction);
        if (!transaction.is_refused()) {
          committing = std::move(result);
          transaction.commit();
          return *committing;
        }
        refused = std::move(result);
      } catch (const std::exception&) {
        if (is_unknown && is_done(connection, operation)) return *committing;
        throw;
      }
      // The server may have carried out the earlier COMMIT after the first look.
      return is_unknown && is_done(connection, operation) ? *committing : *refused;
    });
  }

  /// Returns true if the operation's transaction was committed, by this process or another.
  bool is_done(const OperationId& operation) {
    return replay([&](Connection& connection) { return is_done(connection, operation); });
  }

  static constexpr std::chrono::seconds kReplayTime{10};
  static constexpr int kMostLosses = 5;
  static constexpr std::chrono::seconds kSoonLost{1};
  /// Counted from the loss: during a longer outage, requests fail at once.
  static constexpr std::chrono::seconds kPatience{2};

 private:
  using Clock = std::chrono::steady_clock;

  static bool is_done(Connection& connection, const OperationId& operation);

  /// A server, and when to try it again.
  struct Host {
    std::string address;
    std::chrono::milliseconds wait{0};
    Clock::time_point next_attempt{};
    Clock::time_point avoided_until{};  ///< silent; until then other hosts are preferred
  };

  /// Returns true if it is now connected to this host.
  bool try_host(Host& host);
  /// Uses the original password; if that is refused, the one that is now in its file.
  [[nodiscard]] std::unique_ptr<Connection> connect(const Host& host) const;
  [[nodiscard]] std::unique_ptr<Connection> open(const Host& host) const;
  void use(Host& host, std::unique_ptr<Connection> fresh);
  void postpone(Host& host, Clock::time_point start, const std::exception& error);
  /// Connects to the first host in the background while another serves, and switches to it.
  void reconnect_to_preferred();
  /// Call only in a catch block.
  void pause_or_rethrow(int attempt, Clock::time_point start, const DatabaseError& error);

  const Config& config_;
  const Secret& password_;
  Metrics& metrics_;
  Counter connects_;
  Counter failed_connects_;
  Counter failovers_;
  std::vector<Host> hosts_;
  std::unique_ptr<Connection> connection_;
  std::size_t current_ = 0;      ///< the host that connection_ uses or used
  Clock::time_point lost_at_{};  ///< when the last connection was found lost
  Clock::time_point reconnection_start_{};
  /// To the first host, opened while another serves. Last: destroyed before what it uses.
  std::future<std::unique_ptr<Connection>> reconnection_;
};

/// Throws Unavailable if there is no schema yet, SchemaMismatch if these programs cannot work with
/// its version: can_work_with().
void require_schema(Connection& connection);

}  // namespace users::db
