// A prepared statement, and what Connector/C's error numbers mean. Only for connection.cpp:
// everything else speaks to a Connection.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <mysql.h>

#include "db/connection.hpp"

namespace users::db {

/// Throws the type of errors.hpp that `number` has, of the server or of Connector/C.
[[noreturn]] void fail(std::string_view what, unsigned number, const char* text);

class Prepared {
 public:
  Prepared(MYSQL* connection, const Statement& statement);

  /// Returns the rows that were found, inserted or deleted.
  std::uint64_t execute(std::span<const Parameter> parameters);
  /// All rows by one message to the server. Each must have as many values as there are `?`.
  std::uint64_t execute_bulk(const std::vector<BulkRow>& bulk);
  /// Of the last execute().
  void fetch(const std::function<void(std::span<const Cell>)>& take);

 private:
  /// What MYSQL_BIND points into for one result column; lives as long as the statement.
  struct ResultColumn {
    std::uint64_t number = 0;
    std::vector<char> bytes;
    unsigned long length = 0;
    my_bool is_null = 0;
  };
  struct Closer {
    void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
  };

  void bind_result();
  void read_row();
  [[noreturn]] void raise();
  /// For an error that came in place of rows. Connector/C goes on believing that rows are pending,
  /// and the next execution would read until the read timeout for them.
  [[noreturn]] void raise_after_reset();
  /// For a statement that is not what the program takes it for.
  [[noreturn]] void raise_mistake(const std::string& what) const;

  const Statement& statement_;
  std::unique_ptr<MYSQL_STMT, Closer> handle_;
  std::vector<ResultColumn> columns_;
  std::vector<Cell> cells_;
};

}  // namespace users::db
