// How long statements take and how they fail, counted by name.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "db/errors.hpp"
#include "db/statements.hpp"
#include "metrics/metrics.hpp"

namespace users::db {

/// What ends a transaction or begins one is no prepared statement, but counted like one.
enum class Control { begin, commit, rollback, count_ };

/// The words of a transaction, as SQL and as a name.
const StatementText& text_of(Control control);

/// Outlives the connections whose statements it counts.
class StatementMetrics {
 public:
  explicit StatementMetrics(Metrics& metrics) : metrics_(metrics) {}

  void observe(StatementId id, std::chrono::nanoseconds took) { observe(index_of(id), took); }
  void observe(Control control, std::chrono::nanoseconds took) { observe(index_of(control), took); }
  void count(StatementId id, const DatabaseError& error) { count(index_of(id), error); }
  void count(Control control, const DatabaseError& error) { count(index_of(control), error); }

 private:
  static constexpr std::size_t kCount = kStatementCount + static_cast<std::size_t>(Control::count_);
  static constexpr std::size_t kErrors = 6;

  static std::size_t index_of(StatementId id) { return static_cast<std::size_t>(id); }
  static std::size_t index_of(Control control) {
    return kStatementCount + static_cast<std::size_t>(control);
  }
  void observe(std::size_t index, std::chrono::nanoseconds took);
  void count(std::size_t index, const DatabaseError& error);

  Metrics& metrics_;
  std::array<Histogram, kCount> seconds_;
  std::array<std::array<Counter, kErrors>, kCount> errors_;
};

}  // namespace users::db
