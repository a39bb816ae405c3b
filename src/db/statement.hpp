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

/// The row of a statement that returns one text.
struct Text {
  std::string value;
};

/// Begins a query that only needs what this node of a cluster already has.
constexpr std::string_view kSelectLocally = "SET STATEMENT wsrep_sync_wait = 0 FOR SELECT";

/// A statement that returns rows: `Query<User(std::string_view phone)>`.
template <class Signature>
class Query;

template <class Row, class... Parameters>
class Query<Row(Parameters...)> : public Statement {
 public:
  /// The SQL is `before`, then the columns separated by commas, then `after`.
  Query(std::string_view query_name, std::string_view before, std::vector<Column<Row>> selected,
        std::string_view after)
      : Statement(query_name, sql_of(before, selected, after), sizeof...(Parameters),
                  types_of(selected)),
        selected_(std::move(selected)) {}

  std::vector<Row> all(Connection& connection, Parameters... values) const {
    std::vector<Row> rows;
    read(
        connection, [&](std::span<const Cell> cells) { fill(rows.emplace_back(), cells); },
        values...);
    return rows;
  }

  /// Returns the first row, or nullopt.
  std::optional<Row> one(Connection& connection, Parameters... values) const {
    std::optional<Row> row;
    read(
        connection,
        [&](std::span<const Cell> cells) {
          if (!row) fill(row.emplace(), cells);
        },
        values...);
    return row;
  }

 private:
  template <class Use>
  void read(Connection& connection, const Use& use, Parameters... values) const {
    const std::array<Parameter, sizeof...(Parameters)> bound{Parameter(values)...};
    connection.fetch(*this, bound, use);
  }
  /// Not inlined, or GCC 12 warns of kinds of members that a small row does not have.
  [[gnu::noinline]] void fill(Row& row, std::span<const Cell> cells) const {
    for (std::size_t i = 0; i < cells.size(); ++i) selected_[i].fill(row, cells[i]);
  }
  static std::string sql_of(std::string_view before, const std::vector<Column<Row>>& selected,
                            std::string_view after) {
    std::string text(before);
    for (const auto& column : selected) {
      text.append(&column == &selected.front() ? " " : ", ").append(column.sql);
    }
    return after.empty() ? text : text.append(" ").append(after);
  }
  static std::vector<ColumnType> types_of(const std::vector<Column<Row>>& selected) {
    std::vector<ColumnType> types;
    for (const auto& column : selected) types.push_back(column.type());
    return types;
  }

  std::vector<Column<Row>> selected_;
};

/// A statement that returns no rows: `Write<void(std::string_view phone)>`.
template <class Signature>
class Write;

template <class... Parameters>
class Write<void(Parameters...)> : public Statement {
 public:
  Write(std::string_view write_name, std::string text)
      : Statement(write_name, std::move(text), sizeof...(Parameters)) {}

  /// Returns the number of rows found, inserted or deleted; an UPDATE also counts rows that already
  /// have their new values.
  std::uint64_t operator()(Connection& connection, Parameters... values) const {
    const std::array<Parameter, sizeof...(Parameters)> bound{Parameter(values)...};
    return connection.execute(*this, bound);
  }
};

/// Formats a database time as ISO 8601 in UTC, for a select list.
inline std::string iso8601(std::string_view column) {
  return std::string("DATE_FORMAT(").append(column).append(", '%Y-%m-%dT%H:%i:%sZ')");
}

/// Seconds since a database time, for a select list; 0 if the clock was set back.
inline std::string seconds_since(std::string_view column) {
  return std::string("GREATEST(0, TIMESTAMPDIFF(SECOND, ")
      .append(column)
      .append(", UTC_TIMESTAMP()))");
}

}  // namespace users::db
