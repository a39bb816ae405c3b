// A prepared statement, and what Connector/C's error numbers mean. Only for mysql.cpp: everything
// else speaks to a Connection.
#pragma once

#include <memory>
#include <vector>

#include <mysql.h>

#include "db/mysql.hpp"

namespace users::db {

/// Throws the type of errors.hpp that `number` has, of the server or of Connector/C.
[[noreturn]] void fail(std::string_view what, unsigned number, const char* text);

class Statement {
 public:
  Statement(MYSQL* connection, const StatementText& text);

  void execute(std::initializer_list<Parameter> parameters);
  /// All rows by one message to the server. Each must have as many values as there are `?`.
  void execute_bulk(const std::vector<BulkRow>& bulk);
  /// Of the last execute().
  std::vector<Row> rows();
  [[nodiscard]] std::uint64_t affected_rows() const;

 private:
  /// What MYSQL_BIND points into for one result column; lives as long as the statement.
  struct ResultColumn {
    bool integer = false;
    std::uint64_t number = 0;
    std::vector<char> bytes;
    unsigned long length = 0;
    my_bool is_null = 0;
  };
  struct Closer {
    void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
  };

  void bind_result();
  Row copy_row();
  void set_array_size(unsigned size);
  [[noreturn]] void raise();
  /// For an error that came in place of rows. Connector/C goes on believing that rows are pending,
  /// and the next execution would read until the read timeout for them.
  [[noreturn]] void raise_after_reset();

  std::string_view name_;
  std::unique_ptr<MYSQL_STMT, Closer> statement_;
  std::vector<ResultColumn> columns_;
};

}  // namespace users::db
