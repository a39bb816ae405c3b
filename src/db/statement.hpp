// Statements, defined where they are used: a name, the SQL, the types of the parameters, and the
// member that each column fills.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace users::db {

class Connection;

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

struct AsText {};
/// Marks a statement that cannot be prepared and is sent as text.
inline constexpr AsText kAsText;

/// A statement is created once and lives as long as the program. A new connection prepares all of
/// them, so a mismatch with the tables shows before the first request.
class Statement {
 public:
  Statement(std::string_view statement_name, std::string text, std::size_t parameter_count,
            std::vector<ColumnType> column_types = {});
  Statement(std::string_view statement_name, std::string text, AsText as_text);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// All statements of this program, by index; null for a destroyed one.
  static std::span<const Statement* const> all();

  [[nodiscard]] bool is_text() const { return is_text_; }

  const std::string_view name;  ///< for the log and the metrics
  const std::string sql;
  const std::size_t parameters;
  const std::vector<ColumnType> columns;
  const std::size_t index;

 private:
  bool is_text_ = false;
};

// Used by Query and Write; see Connection.
std::uint64_t execute(Connection& connection, const Statement& statement,
                      std::span<const Parameter> parameters);
void fetch(Connection& connection, const Statement& statement,
           std::span<const Parameter> parameters,
           const std::function<void(std::span<const Cell>)>& take);

/// An expression of the select list, and the member that receives its value.
template <class Row>
struct Column {
  std::string sql;
  std::variant<std::uint64_t Row::*, bool Row::*, std::string Row::*,
               std::optional<std::string> Row::*>
      member;

  [[nodiscard]] ColumnType type() const { return {member.index() < 2, member.index() == 3}; }
  void fill(Row& row, const Cell& cell) const {
    std::visit(
        [&](auto to) {
          using Member = std::remove_reference_t<decltype(row.*to)>;
          if constexpr (std::is_same_v<Member, std::string>) {
            row.*to = cell.text;
          } else if constexpr (std::is_same_v<Member, std::optional<std::string>>) {
            if (!cell.null) row.*to = cell.text;
          } else {
            row.*to = static_cast<Member>(cell.number);
          }
        },
        member);
  }
};

/// The row of a statement that returns one number.
struct Number {
  std::uint64_t value = 0;
};

/// The row of a statement that returns one text.
struct Text {
  std::string value;
};

/// A statement that returns rows: `Query<User(std::string_view phone)>`.
template <class Signature>
class Query;

template <class Row, class... Parameters>
class Query<Row(Parameters...)> {
 public:
  /// The SQL is `before`, then the columns separated by commas, then `after`.
  Query(std::string_view name, std::string_view before, std::vector<Column<Row>> columns,
        std::string_view after)
      : columns_(std::move(columns)),
        statement_(name, sql_of(before, columns_, after), sizeof...(Parameters),
                   types_of(columns_)) {}

  std::vector<Row> all(Connection& connection, Parameters... parameters) const {
    std::vector<Row> rows;
    const std::array<Parameter, sizeof...(Parameters)> values{Parameter(parameters)...};
    fetch(connection, statement_, values, [&](std::span<const Cell> cells) {
      Row& row = rows.emplace_back();
      for (std::size_t i = 0; i < cells.size(); ++i) columns_[i].fill(row, cells[i]);
    });
    return rows;
  }

  /// Returns the first row, or nullopt.
  std::optional<Row> one(Connection& connection, Parameters... parameters) const {
    auto rows = all(connection, parameters...);
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  }

  [[nodiscard]] const Statement& statement() const { return statement_; }

 private:
  static std::string sql_of(std::string_view before, const std::vector<Column<Row>>& columns,
                            std::string_view after) {
    std::string sql(before);
    for (const auto& column : columns) {
      sql.append(&column == &columns.front() ? " " : ", ").append(column.sql);
    }
    return after.empty() ? sql : sql.append(" ").append(after);
  }
  static std::vector<ColumnType> types_of(const std::vector<Column<Row>>& columns) {
    std::vector<ColumnType> types;
    for (const auto& column : columns) types.push_back(column.type());
    return types;
  }

  std::vector<Column<Row>> columns_;
  Statement statement_;
};

/// A statement that returns no rows: `Write<void(std::string_view phone)>`.
template <class Signature>
class Write;

template <class... Parameters>
class Write<void(Parameters...)> {
 public:
  Write(std::string_view name, std::string sql)
      : statement_(name, std::move(sql), sizeof...(Parameters)) {}

  /// Returns the number of rows found, inserted or deleted; an UPDATE also counts rows that already
  /// have their new values.
  std::uint64_t operator()(Connection& connection, Parameters... parameters) const {
    const std::array<Parameter, sizeof...(Parameters)> values{Parameter(parameters)...};
    return execute(connection, statement_, values);
  }

  [[nodiscard]] const Statement& statement() const { return statement_; }

 private:
  Statement statement_;
};

/// Formats a database time as ISO 8601 in UTC, for a select list.
std::string iso8601(std::string_view column);

}  // namespace users::db
