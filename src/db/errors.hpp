// What can go wrong in the database, one type for each reaction.
#pragma once

#include <stdexcept>
#include <string>

namespace users::db {

/// Any error of the server or the connection that has no reaction of its own. `what()` is for the
/// log only: it names the statement, the number and the server's text, never a bound value.
class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(const std::string& detail, unsigned number)
      : std::runtime_error(detail), number_(number) {}
  /// The server's or client's error number (MariaDB error code reference), 0 where there is none.
  [[nodiscard]] unsigned number() const { return number_; }
  /// True if the server answered; false if Connector/C (2000 to 2999, from 5000) could not reach
  /// it.
  [[nodiscard]] bool is_answer() const {
    constexpr unsigned kClient = 2000;
    constexpr unsigned kBehindClient = 3000;
    constexpr unsigned kConnector = 5000;
    return number_ < kClient || (number_ >= kBehindClient && number_ < kConnector);
  }

 private:
  unsigned number_;
};

/// The connection is gone, or cannot be relied on; whether its last statement took effect is
/// unknown. Reconnect, then ask.
class ConnectionLost : public DatabaseError {
  using DatabaseError::DatabaseError;
};

/// The server is there but cannot do it now: no connection left, shutting down, read-only, disk
/// full.
class Unavailable : public DatabaseError {
  using DatabaseError::DatabaseError;
};

/// 1146: a table is not there, so the schema is missing or half made.
class NoSuchTable : public DatabaseError {
  using DatabaseError::DatabaseError;
};

/// 1062: a unique key decided against the row.
class DuplicateKey : public DatabaseError {
  using DatabaseError::DatabaseError;
};

/// 1213: the whole transaction is gone; replay it from its start.
class Deadlock : public DatabaseError {
  using DatabaseError::DatabaseError;
};

/// 1205: the transaction is still open; roll it back, then replay it.
class LockWaitTimeout : public DatabaseError {
  using DatabaseError::DatabaseError;
};

/// The schema is of a version this program was not made for. Names both versions.
class SchemaMismatch : public DatabaseError {
 public:
  explicit SchemaMismatch(const std::string& detail) : DatabaseError(detail, 0) {}
};

}  // namespace users::db
