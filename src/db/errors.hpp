// What can go wrong in the database: one type for each reaction.
#pragma once

#include <stdexcept>
#include <string>

namespace users::db {

/// Any error of the server or the connection without a type of its own. `what()` is only for the
/// log: it contains the statement's name, the number and the server's text, never a bound value.
class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(const std::string& detail, unsigned number)
      : std::runtime_error(detail), number_(number) {}
  /// The number from the server or client (MariaDB error code reference); 0 if there is none.
  [[nodiscard]] unsigned number() const { return number_; }
  /// Returns true if the server answered, false for Connector/C's own errors (2000 to 2999, from
  /// 5000).
  [[nodiscard]] bool is_answer() const {
    constexpr unsigned kClient = 2000;
    constexpr unsigned kBehindClient = 3000;
    constexpr unsigned kConnector = 5000;
    return number_ < kClient || (number_ >= kBehindClient && number_ < kConnector);
  }

 private:
  unsigned number_;
};

/// The request may succeed later.
class Temporary : public DatabaseError {
  using DatabaseError::DatabaseError;
};

/// The connection is lost or unreliable. Whether its last statement took effect is unknown:
/// reconnect and look.
class ConnectionLost : public Temporary {
  using Temporary::Temporary;
};

/// The server cannot do it now: no connections left, shutting down, read-only, disk full.
class Unavailable : public Temporary {
  using Temporary::Temporary;
};

/// 1146: a table is missing, so the schema is missing or incomplete.
class NoSuchTable : public DatabaseError {
  using DatabaseError::DatabaseError;
};

/// 1062: a unique key refused the row.
class DuplicateKey : public DatabaseError {
  using DatabaseError::DatabaseError;
};

/// 1213: the whole transaction was rolled back; replay it from the start.
class Deadlock : public Temporary {
  using Temporary::Temporary;
};

/// 1205: the transaction is still open; roll it back, then replay it.
class LockWaitTimeout : public Temporary {
  using Temporary::Temporary;
};

/// The schema has a version that this program was not made for. The text names both versions.
class SchemaMismatch : public Temporary {
 public:
  explicit SchemaMismatch(const std::string& detail) : Temporary(detail, 0) {}
};

}  // namespace users::db
