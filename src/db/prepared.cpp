#include "db/prepared.hpp"

#include <array>

#include <errmsg.h>
#include <mysqld_error.h>

namespace users::db {
namespace {

constexpr std::size_t kMostParameters = 8;

/// The only place that maps a driver's number to a type.
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
      // Connector/C could not send, or not read the reply. What the server sends next may belong to
      // an earlier statement.
      if (!DatabaseError(detail, number).is_answer()) throw ConnectionLost(detail, number);
      throw DatabaseError(detail, number);
  }
}

bool is_integer(enum_field_types type) {
  return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24 ||
         type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_LONGLONG;
}

/// The storage that MYSQL_BIND points to for one column of a bulk insert.
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
    // An empty view may be a null pointer, which would be sent as NULL.
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

Prepared::Prepared(MYSQL* connection, const Statement& statement)
    : statement_(statement), handle_(mysql_stmt_init(connection), &mysql_stmt_close) {
  if (!handle_) throw DatabaseError("no memory for a statement", 0);
  if (mysql_stmt_prepare(handle_.get(), statement.sql.data(), statement.sql.size()) != 0) raise();
  if (mysql_stmt_param_count(handle_.get()) != statement.parameters) {
    raise_mistake("its parameters are not as many as its question marks");
  }
  bind_result();
}

std::uint64_t Prepared::execute(std::span<const Parameter> parameters) {
  std::array<MYSQL_BIND, kMostParameters> binds{};
  std::array<unsigned long, kMostParameters> lengths{};
  if (parameters.size() != statement_.parameters || parameters.size() > kMostParameters) {
    raise_mistake("wrong number of parameters");
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    bind_parameter(binds[i], lengths[i], parameters[i]);
  }
  if (mysql_stmt_bind_param(handle_.get(), binds.data()) != 0) raise();
  if (mysql_stmt_execute(handle_.get()) != 0) raise();
  return mysql_stmt_affected_rows(handle_.get());
}

// Column-wise array binding (MariaDB Connector/C, MYSQL_BIND): one COM_STMT_BULK_EXECUTE.
std::uint64_t Prepared::execute_bulk(const std::vector<BulkRow>& bulk) {
  std::vector<BulkColumn> values(statement_.parameters);
  for (const BulkRow& row : bulk) {
    if (row.size() != values.size()) raise_mistake("wrong number of parameters");
    for (std::size_t i = 0; i < values.size(); ++i) values[i].add(row[i]);
  }
  std::vector<MYSQL_BIND> binds(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i].bind(binds[i]);
  const auto size = static_cast<unsigned>(bulk.size());
  if (mysql_stmt_attr_set(handle_.get(), STMT_ATTR_ARRAY_SIZE, &size) != 0 ||
      mysql_stmt_bind_param(handle_.get(), binds.data()) != 0 ||
      mysql_stmt_execute(handle_.get()) != 0) {
    raise();
  }
  return mysql_stmt_affected_rows(handle_.get());
}

void Prepared::fetch(const std::function<void(std::span<const Cell>)>& take) {
  // For INSERT ... RETURNING the server describes the columns only at execution.
  if (columns_.empty()) bind_result();
  if (mysql_stmt_store_result(handle_.get()) != 0) raise_after_reset();
  int status = 0;
  while ((status = mysql_stmt_fetch(handle_.get())) == 0) {
    read_row();
    take(cells_);
  }
  if (status == MYSQL_DATA_TRUNCATED) {
    throw ConnectionLost(
        std::string(statement_.name) + ": the table was altered since it was prepared",
        CR_NEW_STMT_METADATA);
  }
  if (status != MYSQL_NO_DATA) raise_after_reset();
  mysql_stmt_free_result(handle_.get());
}

void Prepared::bind_result() {
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> metadata(
      mysql_stmt_result_metadata(handle_.get()), &mysql_free_result);
  if (!metadata) return;
  const std::size_t count = mysql_num_fields(metadata.get());
  if (count != statement_.columns.size()) raise_mistake("wrong number of columns");
  columns_.resize(count);
  cells_.resize(count);
  std::vector<MYSQL_BIND> binds(count);
  for (unsigned i = 0; i < count; ++i) {
    const MYSQL_FIELD* field = mysql_fetch_field_direct(metadata.get(), i);
    ResultColumn& column = columns_[i];
    MYSQL_BIND& bind = binds[i];
    if (is_integer(field->type) != statement_.columns[i].is_integer) {
      raise_mistake("column " + std::to_string(i + 1) + " is of another type");
    }
    if (statement_.columns[i].is_integer) {
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
  if (mysql_stmt_bind_result(handle_.get(), binds.data()) != 0) raise();
}

void Prepared::read_row() {
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const ResultColumn& column = columns_[i];
    const bool is_null = column.is_null != 0;
    if (is_null && !statement_.columns[i].can_be_null) {
      raise_mistake("column " + std::to_string(i + 1) + " is NULL");
    }
    cells_[i] = {is_null ? 0 : column.number,
                 {column.bytes.data(),
                  is_null ? 0 : std::min<std::size_t>(column.length, column.bytes.size())},
                 is_null};
  }
}

void Prepared::raise() {
  fail(statement_.name, mysql_stmt_errno(handle_.get()), mysql_stmt_error(handle_.get()));
}

void Prepared::raise_after_reset() {
  const unsigned number = mysql_stmt_errno(handle_.get());
  const std::string text = mysql_stmt_error(handle_.get());
  if (mysql_stmt_reset(handle_.get()) != 0) raise();
  fail(statement_.name, number, text.c_str());
}

void Prepared::raise_mistake(const std::string& what) const {
  throw DatabaseError(std::string(statement_.name) + ": " + what, 0);
}

}  // namespace users::db
