// One connection to MariaDB with its prepared statements, and transactions on it. Only
// connection.cpp and prepared.* use mysql.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "db/errors.hpp"
#include "metrics/metrics.hpp"

struct st_mysql;  // of mysql.h

namespace users::db {

/// Where and as whom to connect. Timeouts are in seconds and never infinite. Without a socket
/// path, TCP is used, even for localhost.
struct Endpoint {
  std::string host;  ///< a socket path (it contains a '/'), a host, or host:port
  std::string database;
  std::string user;
  unsigned connect_timeout = 2;
  unsigned read_timeout = 10;
  unsigned write_timeout = 10;
  /// PEM file of the CAs; one must have signed the certificate of a TCP host. Empty: no TLS.
  std::string tls_ca{};
};

/// Returns true if the connection leaves this machine: TCP to an address that is not loopback.
bool is_remote(const std::string& host);

/// A value for a `?`. Text is sent as bytes; the view must live until the call returns.
using Parameter = std::variant<std::uint64_t, std::string_view, std::nullptr_t>;

/// A column of the current row; valid until the next row is read.
struct Cell {
  std::uint64_t number = 0;  ///< of an integer column; never negative here
  std::string_view text{};   ///< of other columns, as bytes
  bool null = true;
};

/// The expected type of a column. Another type, or an unexpected NULL, is an error.
struct ColumnType {
  bool is_integer;
  bool can_be_null;
};

/// A statement is created once and lives as long as the program. A new connection prepares all of
/// them, so a mismatch with the tables shows before the first request.
class Statement {
 public:
  Statement(std::string_view statement_name, std::string text, std::size_t parameter_count,
            std::vector<ColumnType> column_types = {}, bool as_text = false);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// All statements of this program, by index; null for a destroyed one.
  static std::span<const Statement* const> all();

  const std::string_view name;  ///< for the log and the metrics
  const std::string sql;
  const std::size_t parameters;
  const std::vector<ColumnType> columns;
  const bool is_text;  ///< sent as text by Connection::run(), never prepared
  const std::size_t index;
};

/// One row of values for execute_bulk(), in the order of the `?`. The views must live until the
/// call returns.
using BulkRow = std::vector<std::optional<std::string_view>>;

class Prepared;

/// One connection, used by one thread, one statement at a time. Calls throw the types of
/// errors.hpp; after ConnectionLost only the destructor may be called.
class Connection {
 public:
  /// Connects and sets up the session: utf8mb4, strict sql_mode, UTC, READ COMMITTED, and lock
  /// waits and statements bounded below the read timeout. `metrics`, if given, counts statements
  /// and how they fail, by name, and must outlive this object.
  Connection(const Endpoint& endpoint, const Secret& password, Metrics* metrics = nullptr);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Prepares every statement of this program. The tables must exist.
  void prepare_all();

  /// Runs a prepared statement that returns no rows. Returns the number of rows found or deleted;
  /// an UPDATE also counts rows that already have their new values.
  std::uint64_t execute(const Statement& statement, std::span<const Parameter> parameters);

  /// Runs a prepared statement and calls `take` for each row.
  void fetch(const Statement& statement, std::span<const Parameter> parameters,
             const std::function<void(std::span<const Cell>)>& take);

  /// Runs a prepared INSERT for each row, in one round trip. Do not also run the statement with
  /// execute(). Call in a transaction: if a row fails, the rows before it are inserted, so roll
  /// back. Returns the number of rows inserted.
  std::uint64_t execute_bulk(const Statement& statement, const std::vector<BulkRow>& rows);

  /// The AUTO_INCREMENT value of the last insert.
  [[nodiscard]] std::uint64_t last_insert_id() const;

  /// Runs SQL text from our own files, several statements separated by `;`. Discards the results
  /// except the first column of the last row, which it returns.
  std::optional<std::string> run_script(const std::string& sql, std::string_view name);

  /// Runs the statement's text without preparing it, and counts it in the metrics.
  void run(const Statement& statement);

  /// Returns true if the connection is known to be lost.
  [[nodiscard]] bool lost() const { return lost_; }
  /// How long the statement that lost the connection had taken.
  [[nodiscard]] std::chrono::steady_clock::duration lost_after() const { return lost_after_; }

  /// Marks the connection as lost because its state is unknown.
  void give_up() noexcept { lost_ = true; }

 private:
  struct Closer {
    void operator()(st_mysql* mysql) const;
  };

  Prepared& prepare(const Statement& statement);
  [[noreturn]] void raise(std::string_view what);
  /// Runs `work` and records whether the connection was lost.
  template <class Work>
  auto guard(Work&& work);
  /// The same, with metrics.
  template <class Work>
  auto counted(const Statement& statement, Work&& work);

  std::unique_ptr<st_mysql, Closer> mysql_;
  // By Statement::index.
  std::vector<std::unique_ptr<Prepared>> prepared_;
  std::vector<Histogram> seconds_;
  Metrics* metrics_;
  bool lost_ = false;
  std::chrono::steady_clock::duration lost_after_{};
};

/// Identifies a transaction; stored in its audit row under a unique key.
using OperationId = crypto::Digest;

/// A new random id.
OperationId new_operation();

/// A transaction; rolled back on destruction unless committed. Database::once creates it.
class Transaction {
 public:
  Transaction(Connection& connection, const OperationId& operation);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  [[nodiscard]] Connection& connection() const { return connection_; }
  [[nodiscard]] const OperationId& operation() const { return operation_; }

  /// Returns `outcome`; nothing done so far is committed.
  template <class Outcome>
  Outcome refuse(Outcome outcome) {
    is_refused_ = true;
    return outcome;
  }
  [[nodiscard]] bool is_refused() const { return is_refused_; }

  /// Returns only if the server confirmed the commit. After ConnectionLost the outcome is unknown.
  void commit();

 private:
  Connection& connection_;
  OperationId operation_;
  bool is_open_ = true;
  bool is_refused_ = false;
};

}  // namespace users::db
