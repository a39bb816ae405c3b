// One connection to MariaDB with its prepared statements, and transactions on it. connection.cpp
// and prepared.* are the users of mysql.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "db/errors.hpp"
#include "db/statement.hpp"
#include "db/statement_metrics.hpp"

namespace users::db {

/// Where and as whom to connect. All timeouts in seconds; none is ever infinite. TCP hosts are
/// spoken to by TCP even where they are named localhost.
struct Endpoint {
  std::string host;  ///< a socket path (it holds a '/'), or host or host:port
  std::string database;
  std::string user;
  unsigned connect_timeout = 2;
  unsigned read_timeout = 10;
  unsigned write_timeout = 10;
  /// PEM file of the CAs by one of which a TCP host must prove its name with TLS; empty: no TLS.
  std::string tls_ca{};
};

/// Whether what is sent to `host` of an Endpoint leaves this machine: TCP, and to no loopback.
bool is_remote(const std::string& host);

/// The values of one row of a bulk, in the order of the `?`. The views must live until the call
/// returns.
using BulkRow = std::vector<std::optional<std::string_view>>;

/// One connection, used by one thread, one statement at a time. Every call throws the types of
/// errors.hpp; after ConnectionLost only the destructor is of use.
class Connection {
 public:
  /// Connects and sets up the session: utf8mb4, strict sql_mode, UTC, READ COMMITTED, lock waits
  /// and statements bounded below the read timeout. `metrics`, where given, counts the prepared
  /// statements and transactions, and must outlive this object.
  Connection(const Endpoint& endpoint, const Secret& password, StatementMetrics* metrics = nullptr);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Prepares every statement of this program. The tables must be there.
  void prepare_all();

  /// Runs a prepared statement that returns no row. Returns the rows it found or deleted; an UPDATE
  /// counts a row that has its new values already.
  std::uint64_t execute(const Statement& statement, std::span<const Parameter> parameters);

  /// Runs a prepared statement and gives `take` each of its rows.
  void fetch(const Statement& statement, std::span<const Parameter> parameters,
             const std::function<void(std::span<const Cell>)>& take);

  /// Runs a prepared INSERT once for each row, in one round trip; a statement that was run so is
  /// never run by execute(). To be called in a transaction: where a row fails, those before it are
  /// done, so roll back. Returns the rows inserted.
  std::uint64_t execute_bulk(const Statement& statement, const std::vector<BulkRow>& rows);

  /// The AUTO_INCREMENT value of the last insert.
  [[nodiscard]] std::uint64_t last_insert_id() const;

  /// Runs SQL text of our own files, several statements separated by `;`. Results are thrown away,
  /// but for the first column of the last row, which is returned.
  std::optional<std::string> run_script(const std::string& sql, std::string_view name);

  /// Runs the statement's text without preparing it, and counts it in the metrics.
  void run(const Statement& statement);

  /// The connection is known to be gone.
  [[nodiscard]] bool lost() const;
  /// How long the statement that lost it had waited.
  [[nodiscard]] std::chrono::steady_clock::duration lost_after() const;

  /// Says that the state of the connection is unknown: it counts as lost from now on.
  void give_up() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a transaction is known by; it stands in the transaction's audit row, where it is unique.
using OperationId = crypto::Digest;

/// Another one each time.
OperationId new_operation();

/// A transaction: rolled back when it goes, unless committed. Database::once makes them.
class Transaction {
 public:
  Transaction(Connection& connection, const OperationId& operation);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  [[nodiscard]] Connection& connection() const { return connection_; }
  [[nodiscard]] const OperationId& operation() const { return operation_; }

  /// Returns `outcome`, and nothing that was done so far is committed.
  template <class Outcome>
  Outcome refuse(Outcome outcome) {
    is_refused_ = true;
    return outcome;
  }
  [[nodiscard]] bool is_refused() const { return is_refused_; }

  /// Returns only where the server said that it is done. ConnectionLost means: unknown.
  void commit();

 private:
  Connection& connection_;
  OperationId operation_;
  bool is_open_ = true;
  bool is_refused_ = false;
};

}  // namespace users::db
