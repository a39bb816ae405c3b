// Typed statements, defined where they are used: a name, the SQL, the types of the parameters, and
// the member that each column fills.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "db/connection.hpp"

namespace users::db {

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
    connection.fetch(statement_, values, [&](std::span<const Cell> cells) {
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
    return connection.execute(statement_, values);
  }

  [[nodiscard]] const Statement& statement() const { return statement_; }

 private:
  Statement statement_;
};

/// Formats a database time as ISO 8601 in UTC, for a select list.
inline std::string iso8601(std::string_view column) {
  return std::string("DATE_FORMAT(").append(column).append(", '%Y-%m-%dT%H:%i:%sZ')");
}

}  // namespace users::db
