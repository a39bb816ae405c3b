// The worker's way to the database: one connection, remade when it is lost, on another host where
// there is one, and the replay of whole transactions.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/config.hpp"
#include "db/connection.hpp"
#include "metrics/metrics.hpp"

namespace users::db {

/// Where the service's account connects, host by host.
Endpoint service_endpoint(const Config& config, const std::string& host);

/// What to tell the operator where a host is another machine and database.tls is off; else empty.
std::string clear_text_warning(const Config& config);

class Database {
 public:
  /// Connects at first use. Logs clear_text_warning(). All must outlive this object.
  Database(const Config& config, const Secret& password, Metrics& metrics);

  /// Returns the live connection. If it was lost, connects to the next host that takes it; the lost
  /// one comes last, after it those that were silent. Throws Unavailable if none does (at once
  /// while the wait before the next attempt lasts, at most 0.8 s), SchemaMismatch if the tables are
  /// of another version.
  Connection& connection();

  /// Whether there is a live connection, after an attempt if one is due. Throws SchemaMismatch
  /// only.
  bool try_connect();

  /// Reconnects if that is due, and goes home to the first host when it is back, without waiting
  /// for it; to be called between requests. Throws SchemaMismatch only.
  void tend();

  /// Whether a thread is still connecting to the first host. The destructor would wait for it, that
  /// is for the timeouts of a host that is silent: a process that stops has to end without it.
  [[nodiscard]] bool is_connecting() const;

  /// Runs `work(Connection&)`, which must be safe to run again: a transaction that failed as a
  /// whole, or whose outcome was lost soon, is replayed on a good connection, at most kMostAttempts
  /// times and within kReplayTime. The last error is thrown on.
  template <class Work>
  auto replay(Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    for (int attempt = 1;; ++attempt) {
      try {
        return work(connection());
      } catch (const Deadlock& error) {
        pause_or_rethrow(attempt, start, error);
      } catch (const LockWaitTimeout& error) {
        pause_or_rethrow(attempt, start, error);
      } catch (const ConnectionLost& error) {
        // A server that hangs would hold the worker for one time-out after the other.
        if (connection_ && connection_->lost_after() > kSoonLost) throw;
        pause_or_rethrow(attempt, start, error);
      }
    }
  }

  /// Runs `work(Transaction&)` as one transaction that changes something, and commits it unless
  /// work refuses. It is replayed as above; when only the reply to COMMIT was lost, the audit row
  /// of `operation` tells whether the transaction stands, and what work() returned is returned. So
  /// no work asks whether an earlier try of it has succeeded. The audit row is work's to insert.
  template <class Work>
  auto once(const OperationId& operation, Work&& work) {
    std::invoke_result_t<Work, Transaction&> outcome{};
    bool is_committing = false;
    replay([&](Connection& connection) {
      if (std::exchange(is_committing, false) && is_done(connection, operation)) return;
      Transaction transaction(connection, operation);
      outcome = work(transaction);
      if (transaction.is_refused()) return;
      is_committing = true;
      transaction.commit();
    });
    return outcome;
  }

  /// Whether the transaction of this operation was committed, by this process or another.
  bool is_done(const OperationId& operation) {
    return replay([&](Connection& connection) { return is_done(connection, operation); });
  }

  static constexpr int kMostAttempts = 5;
  static constexpr std::chrono::seconds kReplayTime{15};
  static constexpr std::chrono::seconds kSoonLost{1};

 private:
  using Clock = std::chrono::steady_clock;

  static bool is_done(Connection& connection, const OperationId& operation);

  /// A server, and when to try it again.
  struct Host {
    std::string address;
    std::chrono::milliseconds wait{0};
    Clock::time_point next_attempt{};
    Clock::time_point avoided_until{};  ///< it was silent; until then any other host is preferred
  };

  /// Whether it is connected to this host now.
  bool try_host(Host& host);
  /// With the password that this was made with; if that is refused, with the one in its file now.
  [[nodiscard]] std::unique_ptr<Connection> connect(const Host& host) const;
  [[nodiscard]] std::unique_ptr<Connection> open(const Host& host) const;
  void use(Host& host, std::unique_ptr<Connection> fresh);
  void postpone(Host& host, Clock::time_point start, const DatabaseError& error);
  void go_home();
  /// To be called in a catch block.
  void pause_or_rethrow(int attempt, Clock::time_point start, const DatabaseError& error);

  const Config& config_;
  const Secret& password_;
  mutable StatementMetrics statements_;
  Counter connects_;
  Counter failed_connects_;
  Counter replays_;
  std::vector<Host> hosts_;
  std::unique_ptr<Connection> connection_;
  std::size_t current_ = 0;  ///< the host that connection_ is to, or was
  Clock::time_point left_for_home_{};
  /// A connection to the first host, made while another serves. Last: it ends before what it uses.
  std::future<std::unique_ptr<Connection>> home_;
};

/// Throws Unavailable where there is no schema yet, SchemaMismatch where it is of another version
/// than kSchemaVersion.
void require_schema(Connection& connection);

}  // namespace users::db
