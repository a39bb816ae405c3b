#include "db/mysql_statement.hpp"

#include <array>

#include <errmsg.h>
#include <mysqld_error.h>

namespace users::db {
namespace {

constexpr std::size_t kMostParameters = 8;

/// The one place where a driver's number becomes a type.
[[noreturn]] void throw_error(unsigned number, const std::string& detail) {
  switch (number) {
    case ER_UNKNOWN_COM_ERROR:    // 1047: a cluster node outside the primary component
    case ER_ERROR_DURING_COMMIT:  // 1180: the outcome is unknown
    case ER_SERVER_SHUTDOWN:
    case ER_CONNECTION_KILLED:
      throw ConnectionLost(detail, number);
    case ER_NO_SUCH_TABLE:
      throw NoSuchTable(detail, number);
    case ER_DUP_ENTRY:
      throw DuplicateKey(detail, number);
    case ER_LOCK_DEADLOCK:
      throw Deadlock(detail, number);
    case ER_LOCK_WAIT_TIMEOUT:
      throw LockWaitTimeout(detail, number);
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
    case ER_ERROR_ON_WRITE:
    case ER_OPTION_PREVENTS_STATEMENT:  // 1290: read-only
    case ER_STATEMENT_TIMEOUT:
    case ER_QUERY_INTERRUPTED:
    case ER_OUT_OF_RESOURCES:
    case ER_OUTOFMEMORY:
      throw Unavailable(detail, number);
    default:
      // Connector/C could not send, or not read what came. What the server says next may belong to
      // an earlier statement.
      if (!DatabaseError(detail, number).is_answer()) throw ConnectionLost(detail, number);
      throw DatabaseError(detail, number);
  }
}

bool is_integer(enum_field_types type) {
  return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24 ||
         type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_LONGLONG;
}

/// What MYSQL_BIND points into for one column of a bulk.
struct BulkColumn {
  std::vector<const char*> texts;
  std::vector<unsigned long> lengths;
  std::vector<char> indicators;

  void add(const std::optional<std::string_view>& value) {
    texts.push_back(value && !value->empty() ? value->data() : "");
    lengths.push_back(value ? value->size() : 0);
    indicators.push_back(value ? STMT_INDICATOR_NONE : STMT_INDICATOR_NULL);
  }
  void bind(MYSQL_BIND& bind) {
    bind.buffer_type = MYSQL_TYPE_STRING;
    bind.buffer = static_cast<void*>(texts.data());
    bind.length = lengths.data();
    bind.u.indicator = indicators.data();
  }
};

void bind_parameter(MYSQL_BIND& bind, unsigned long& length, const Parameter& parameter) {
  if (const auto* number = std::get_if<std::uint64_t>(&parameter)) {
    bind.buffer_type = MYSQL_TYPE_LONGLONG;
    bind.buffer = const_cast<std::uint64_t*>(number);
    bind.is_unsigned = 1;
  } else if (const auto* text = std::get_if<std::string_view>(&parameter)) {
    length = text->size();
    bind.buffer_type = MYSQL_TYPE_STRING;
    // A view of nothing may point to nowhere, which would be sent as NULL.
    bind.buffer = const_cast<char*>(text->empty() ? "" : text->data());
    bind.buffer_length = length;
    bind.length = &length;
  } else {
    bind.buffer_type = MYSQL_TYPE_NULL;
  }
}

}  // namespace

void fail(std::string_view what, unsigned number, const char* text) {
  throw_error(number, std::string(what) + ": " + std::to_string(number) + " " + text);
}

Statement::Statement(MYSQL* connection, const StatementText& text) : name_(text.name) {
  statement_.reset(mysql_stmt_init(connection));
  if (!statement_) throw DatabaseError("no memory for a statement", 0);
  if (mysql_stmt_prepare(statement_.get(), text.sql.data(), text.sql.size()) != 0) raise();
  bind_result();
}

void Statement::execute(std::initializer_list<Parameter> parameters) {
  std::array<MYSQL_BIND, kMostParameters> binds{};
  std::array<unsigned long, kMostParameters> lengths{};
  if (parameters.size() != mysql_stmt_param_count(statement_.get()) ||
      parameters.size() > kMostParameters) {
    throw DatabaseError(std::string(name_) + ": wrong number of parameters", 0);
  }
  std::size_t index = 0;
  for (const Parameter& parameter : parameters) {
    bind_parameter(binds[index], lengths[index], parameter);
    ++index;
  }
  if (mysql_stmt_bind_param(statement_.get(), binds.data()) != 0) raise();
  if (mysql_stmt_execute(statement_.get()) != 0) raise();
}

// Column-wise array binding (MariaDB Connector/C, MYSQL_BIND): one COM_STMT_BULK_EXECUTE.
void Statement::execute_bulk(const std::vector<BulkRow>& bulk) {
  const std::size_t columns = mysql_stmt_param_count(statement_.get());
  std::vector<BulkColumn> values(columns);
  for (const BulkRow& row : bulk) {
    if (row.size() != columns) throw DatabaseError(std::string(name_) + ": wrong number", 0);
    for (std::size_t i = 0; i < columns; ++i) values[i].add(row[i]);
  }
  std::vector<MYSQL_BIND> binds(columns);
  for (std::size_t i = 0; i < columns; ++i) values[i].bind(binds[i]);
  set_array_size(static_cast<unsigned>(bulk.size()));
  const bool failed = mysql_stmt_bind_param(statement_.get(), binds.data()) != 0 ||
                      mysql_stmt_execute(statement_.get()) != 0;
  if (failed) raise();
}

std::vector<Row> Statement::rows() {
  // The server describes the columns of INSERT ... RETURNING at the execution only.
  if (columns_.empty()) bind_result();
  if (mysql_stmt_store_result(statement_.get()) != 0) raise_after_reset();
  std::vector<Row> rows;
  int status = 0;
  while ((status = mysql_stmt_fetch(statement_.get())) == 0) rows.push_back(copy_row());
  if (status == MYSQL_DATA_TRUNCATED) {
    throw ConnectionLost(std::string(name_) + ": the table was altered since it was prepared",
                         CR_NEW_STMT_METADATA);
  }
  if (status != MYSQL_NO_DATA) raise_after_reset();
  mysql_stmt_free_result(statement_.get());
  return rows;
}

std::uint64_t Statement::affected_rows() const {
  return mysql_stmt_affected_rows(statement_.get());
}

void Statement::bind_result() {
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> metadata(
      mysql_stmt_result_metadata(statement_.get()), &mysql_free_result);
  if (!metadata) return;
  const unsigned count = mysql_num_fields(metadata.get());
  columns_.resize(count);
  std::vector<MYSQL_BIND> binds(count);
  for (unsigned i = 0; i < count; ++i) {
    const MYSQL_FIELD* field = mysql_fetch_field_direct(metadata.get(), i);
    ResultColumn& column = columns_[i];
    MYSQL_BIND& bind = binds[i];
    column.integer = is_integer(field->type);
    if (column.integer) {
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.buffer = &column.number;
      bind.is_unsigned = 1;
    } else {
      column.bytes.resize(field->length);
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer = column.bytes.data();
      bind.buffer_length = column.bytes.size();
    }
    bind.length = &column.length;
    bind.is_null = &column.is_null;
  }
  if (mysql_stmt_bind_result(statement_.get(), binds.data()) != 0) raise();
}

Row Statement::copy_row() {
  Row row(columns_.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    const ResultColumn& column = columns_[i];
    row[i].null = column.is_null != 0;
    if (row[i].null) continue;
    if (column.integer) {
      row[i].number = column.number;
    } else {
      row[i].text.assign(column.bytes.data(),
                         std::min<std::size_t>(column.length, column.bytes.size()));
    }
  }
  return row;
}

void Statement::set_array_size(unsigned size) {
  if (mysql_stmt_attr_set(statement_.get(), STMT_ATTR_ARRAY_SIZE, &size) != 0) raise();
}

void Statement::raise() {
  const unsigned number = mysql_stmt_errno(statement_.get());
  const std::string text = mysql_stmt_error(statement_.get());
  fail(name_, number, text.c_str());
}

void Statement::raise_after_reset() {
  const unsigned number = mysql_stmt_errno(statement_.get());
  const std::string text = mysql_stmt_error(statement_.get());
  if (mysql_stmt_reset(statement_.get()) != 0) raise();
  fail(name_, number, text.c_str());
}

}  // namespace users::db
