// A prepared statement, and the meaning of Connector/C's error numbers. Only for connection.cpp;
// other code uses Connection.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <mysql.h>

#include "db/connection.hpp"

namespace users::db {

/// Throws the type of errors.hpp for `number`, an error of the server or of Connector/C.
[[noreturn]] void fail(std::string_view what, unsigned number, const char* text);

class Prepared {
 public:
  Prepared(MYSQL* connection, const Statement& statement);

  /// Returns the number of rows found, inserted or deleted.
  std::uint64_t execute(std::span<const Parameter> parameters);
  /// Sends all rows in one message. Each must have a value for every `?`.
  std::uint64_t execute_bulk(const std::vector<BulkRow>& bulk);
  /// Reads the rows of the last execute().
  void fetch(const std::function<void(std::span<const Cell>)>& take);

 private:
  /// The storage that MYSQL_BIND points to for one result column; lives as long as the statement.
  struct ResultColumn {
    std::uint64_t number = 0;
    std::vector<char> bytes;
    unsigned long length = 0;
    my_bool is_null = 0;
  };

  void bind_result();
  void read_row();
  [[noreturn]] void raise();
  /// For an error instead of rows. Connector/C would still expect rows, and the next execution
  /// would wait for them until the read timeout.
  [[noreturn]] void raise_after_reset();
  /// For a mistake in the program's description of the statement.
  [[noreturn]] void raise_mistake(const std::string& what) const;

  const Statement& statement_;
  std::unique_ptr<MYSQL_STMT, decltype(&mysql_stmt_close)> handle_;
  std::vector<ResultColumn> columns_;
  std::vector<Cell> cells_;
};

}  // namespace users::db
