#include "db/statement_metrics.hpp"

#include <string>
#include <string_view>

namespace users::db {
namespace {

constexpr std::string_view kErrorNames[] = {"deadlock",        "lock_wait",   "duplicate",
                                            "connection_lost", "unavailable", "other"};

/// The index of an error's name in kErrorNames.
std::size_t kind_of(const DatabaseError& error) {
  if (dynamic_cast<const Deadlock*>(&error) != nullptr) return 0;
  if (dynamic_cast<const LockWaitTimeout*>(&error) != nullptr) return 1;
  if (dynamic_cast<const DuplicateKey*>(&error) != nullptr) return 2;
  if (dynamic_cast<const ConnectionLost*>(&error) != nullptr) return 3;
  if (dynamic_cast<const Unavailable*>(&error) != nullptr) return 4;
  return std::size(kErrorNames) - 1;
}

std::string label_of(const Statement& statement) {
  return std::string("statement=\"").append(statement.name).append("\"");
}

}  // namespace

void StatementMetrics::observe(const Statement& statement, std::chrono::nanoseconds took) {
  Histogram& seconds = seconds_.at(statement.index);
  if (!seconds) seconds = metrics_.histogram(MetricId::statement_seconds, label_of(statement));
  seconds.observe(took);
}

void StatementMetrics::count(const Statement& statement, const DatabaseError& error) {
  static_assert(std::size(kErrorNames) == kErrors);
  const std::size_t kind = kind_of(error);
  Counter& errors = errors_.at(statement.index).at(kind);
  if (!errors) {
    errors = metrics_.counter(
        MetricId::statement_errors,
        label_of(statement).append(",error=\"").append(kErrorNames[kind]).append("\""));
  }
  errors.add();
}

}  // namespace users::db
