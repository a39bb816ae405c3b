#include "db/statement.hpp"

#include <utility>

namespace users::db {
namespace {

std::vector<const Statement*>& registered() {
  static std::vector<const Statement*> all;
  return all;
}

}  // namespace

Statement::Statement(std::string_view statement_name, std::string text, std::size_t parameter_count,
                     std::vector<ColumnType> column_types)
    : name(statement_name),
      sql(std::move(text)),
      parameters(parameter_count),
      columns(std::move(column_types)),
      index(registered().size()) {
  registered().push_back(this);
}

Statement::Statement(std::string_view statement_name, std::string text, AsText)
    : Statement(statement_name, std::move(text), 0) {
  is_text_ = true;
}

Statement::~Statement() {
  registered()[index] = nullptr;
}

std::span<const Statement* const> Statement::all() {
  return registered();
}

std::string iso8601(std::string_view column) {
  return std::string("DATE_FORMAT(").append(column).append(", '%Y-%m-%dT%H:%i:%sZ')");
}

}  // namespace users::db
