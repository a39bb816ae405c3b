// Counts how long statements take and how they fail, by name.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <vector>

#include "db/errors.hpp"
#include "db/statement.hpp"
#include "metrics/metrics.hpp"

namespace users::db {

/// Must outlive the connections that use it.
class StatementMetrics {
 public:
  explicit StatementMetrics(Metrics& metrics) : metrics_(metrics) {}

  void observe(const Statement& statement, std::chrono::nanoseconds took);
  void count(const Statement& statement, const DatabaseError& error);

 private:
  static constexpr std::size_t kErrors = 6;

  Metrics& metrics_;
  // By Statement::index.
  std::vector<Histogram> seconds_{Statement::all().size()};
  std::vector<std::array<Counter, kErrors>> errors_{Statement::all().size()};
};

}  // namespace users::db
