#include "accounts/throttle.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/crypto.hpp"

namespace users::throttle {
namespace {

constexpr unsigned kBudgetRows = 8;

std::string bucket_of(const Limit& limit, std::string_view subject) {
  return std::string(limit.name).append(":").append(subject);
}

/// Adds one to `bucket`. Returns the new count and the seconds until it is reset.
Count count_one(db::Connection& connection, std::string_view bucket, const Limit& limit) {
  const std::uint64_t restart_at = limit.locks ? limit.most : 0;
  const auto row = connection.query_one(db::StatementId::hit_throttle,
                                        {bucket, std::uint64_t{limit.seconds}, restart_at});
  if (!row) throw db::DatabaseError("hit_throttle: no row was returned", 0);
  return {(*row)[0].number, (*row)[1].number};
}

unsigned refuse(Metrics& metrics, const Limit& limit, std::uint64_t seconds) {
  // Looked up each time: it is rare, and little beside the statement.
  metrics.counter(MetricId::throttled, std::string("limit=\"").append(limit.name).append("\""))
      .add();
  return static_cast<unsigned>(seconds);
}

/// The part of a budget that one of its rows may count; all parts together are the budget.
unsigned share_of(const Limit& budget, unsigned row) {
  const auto up_to = [&](std::uint64_t rows) {
    return static_cast<unsigned>(budget.most * rows / kBudgetRows);
  };
  return up_to(row + 1) - up_to(row);
}

}  // namespace

unsigned hit(db::Connection& connection, Metrics& metrics, const Limit& limit,
             std::string_view subject) {
  const Count count = count_one(connection, bucket_of(limit, subject), limit);
  return count.used <= limit.most ? 0 : refuse(metrics, limit, count.seconds);
}

unsigned spend(db::Connection& connection, Metrics& metrics, const Limit& budget, bool charged) {
  const unsigned start = crypto::random_below(kBudgetRows);
  // Another request may take the last one of a row between the look and the count: then look again.
  for (unsigned tries = 0; tries < kBudgetRows; ++tries) {
    std::array<Count, kBudgetRows> counts{};
    for (const auto& row :
         connection.query(db::StatementId::find_budget,
                          {budget.name, budget.name, std::uint64_t{budget.seconds}})) {
      const std::uint64_t number = row[0].number;
      if (number < kBudgetRows) counts[number] = {row[1].number, row[2].number};
    }
    std::uint64_t wait = budget.seconds;
    std::optional<unsigned> free;
    for (unsigned i = 0; i < kBudgetRows && !free; ++i) {
      const unsigned row = (start + i) % kBudgetRows;
      if (counts[row].used < share_of(budget, row)) free = row;
      if (counts[row].used > 0) wait = std::min(wait, counts[row].seconds);
    }
    if (!free) return refuse(metrics, budget, wait);
    const std::string bucket =
        std::string(budget.name) + (charged ? ":" : "-unsent:") + std::to_string(*free);
    const Count count = count_one(connection, bucket, budget);
    if (!charged || count.used <= share_of(budget, *free)) return 0;
  }
  return refuse(metrics, budget, 1);
}

void exhaust(db::Connection& connection, const Limit& limit, std::string_view subject) {
  connection.execute(
      db::StatementId::put_throttle,
      {bucket_of(limit, subject), std::uint64_t{limit.most}, std::uint64_t{limit.seconds}});
}

Count count_of(db::Connection& connection, const Limit& limit, std::string_view subject) {
  const auto row =
      connection.query_one(db::StatementId::find_throttle, {bucket_of(limit, subject)});
  return row ? Count{(*row)[0].number, (*row)[1].number} : Count{};
}

void clear(db::Connection& connection, const Limit& limit, std::string_view subject) {
  connection.execute(db::StatementId::clear_throttle, {bucket_of(limit, subject)});
}

}  // namespace users::throttle
