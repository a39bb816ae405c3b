#include "accounts/throttle.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/crypto.hpp"

namespace users::throttle {
namespace {

constexpr unsigned kBudgetRows = 8;
/// The count of a lock, which attempts do not reach.
constexpr std::uint64_t kLocked = 1'000'000;

// A reset time further ahead than this means that the clock was set back: restart the limit, or it
// would last as long as the clock was wrong. Clock differences between nodes must not void a limit.
const std::string kClockTolerance = " + INTERVAL 10 MINUTE";
const std::string kIsOver =
    "resetTime <= UTC_TIMESTAMP() OR resetTime > VALUES(resetTime)" + kClockTolerance;
const std::string kSecondsLeft = "GREATEST(1, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), resetTime))";

// Assignments run from left to right, so the second sees the new count and the old time.
const db::Query<Count(std::string_view bucket, std::uint64_t seconds, std::uint64_t restart_at)>
    hit_throttle{"hit_throttle",
                 "INSERT INTO throttle (bucket, used, resetTime) VALUES (?, 1, UTC_TIMESTAMP() + "
                 "INTERVAL ? SECOND) ON DUPLICATE KEY UPDATE used = IF(" +
                     kIsOver + ", 1, used + 1), resetTime = IF(" + kIsOver +
                     " OR used = ?, VALUES(resetTime), resetTime) RETURNING",
                 {{"used", &Count::used}, {kSecondsLeft, &Count::seconds}},
                 ""};

struct BudgetRow : Count {
  std::uint64_t number = 0;
};
const db::Query<BudgetRow(std::string_view name, std::string_view same_name, std::uint64_t seconds)>
    find_budget{"find_budget",
                "SELECT",
                {{"CAST(SUBSTRING_INDEX(bucket, ':', -1) AS UNSIGNED)", &BudgetRow::number},
                 {"used", &BudgetRow::used},
                 {kSecondsLeft, &BudgetRow::seconds}},
                "FROM throttle WHERE bucket >= CONCAT(?, ':') AND bucket < CONCAT(?, ';') AND "
                "resetTime > UTC_TIMESTAMP() AND resetTime <= UTC_TIMESTAMP() + INTERVAL ? SECOND" +
                    kClockTolerance};

const db::Query<Count(std::string_view bucket)> find_throttle{
    "find_throttle",
    "SELECT",
    {{"used", &Count::used}, {kSecondsLeft, &Count::seconds}},
    "FROM throttle WHERE bucket = ? AND resetTime > UTC_TIMESTAMP()"};
const db::Write<void(std::string_view bucket, std::uint64_t used, std::uint64_t seconds)>
    put_throttle{"put_throttle",
                 "REPLACE INTO throttle (bucket, used, resetTime) VALUES (?, ?, UTC_TIMESTAMP() + "
                 "INTERVAL ? SECOND)"};
const db::Write<void(std::string_view bucket)> forgive_throttle{
    "forgive_throttle", "UPDATE throttle SET used = used - 1 WHERE bucket = ? AND used > 0"};
const db::Write<void(std::string_view bucket)> clear_throttle{
    "clear_throttle", "DELETE FROM throttle WHERE bucket = ?"};
const db::Write<void(std::string_view bucket, std::uint64_t locked)> clear_attempts_throttle{
    "clear_attempts", "DELETE FROM throttle WHERE bucket = ? AND used < ?"};

std::string bucket_of(const Limit& limit, std::string_view subject) {
  return std::string(limit.name).append(":").append(subject);
}

/// Adds one to `bucket`. Returns the new count and the seconds until its reset.
Count count_one(db::Connection& connection, std::string_view bucket, const Limit& limit) {
  const std::uint64_t restart_at = limit.locks ? limit.most : 0;
  const auto count = hit_throttle.one(connection, bucket, limit.seconds, restart_at);
  if (!count) throw db::DatabaseError("hit_throttle: no row was returned", 0);
  return *count;
}

unsigned refuse(Metrics& metrics, const Limit& limit, std::uint64_t seconds) {
  // Looked up each time: it is rare and cheap compared with the statement.
  metrics.counter(MetricId::throttled, std::string("limit=\"").append(limit.name).append("\""))
      .add();
  return static_cast<unsigned>(seconds);
}

/// The part of the budget that one row may count; the parts add up to the budget.
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

unsigned hit(db::Database& database, Metrics& metrics, const Limit& limit,
             std::string_view subject) {
  return database.replay(
      [&](db::Connection& connection) { return hit(connection, metrics, limit, subject); });
}

unsigned spend(db::Connection& connection, Metrics& metrics, const Limit& budget, bool charged) {
  const unsigned start = crypto::random_below(kBudgetRows);
  // If another request takes the last one of a row between the read and the count, read again.
  for (unsigned tries = 0; tries < kBudgetRows; ++tries) {
    std::array<Count, kBudgetRows> counts{};
    for (const auto& row : find_budget.all(connection, budget.name, budget.name, budget.seconds)) {
      if (row.number < kBudgetRows) counts[row.number] = row;
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
  put_throttle(connection, bucket_of(limit, subject), kLocked, limit.seconds);
}

Count count_of(db::Connection& connection, const Limit& limit, std::string_view subject) {
  return find_throttle.one(connection, bucket_of(limit, subject)).value_or(Count{});
}

void forgive(db::Connection& connection, const Limit& limit, std::string_view subject) {
  forgive_throttle(connection, bucket_of(limit, subject));
}

void clear(db::Connection& connection, const Limit& limit, std::string_view subject) {
  clear_throttle(connection, bucket_of(limit, subject));
}

void clear_attempts(db::Connection& connection, const Limit& limit, std::string_view subject) {
  clear_attempts_throttle(connection, bucket_of(limit, subject), kLocked);
}

void clear_attempts(db::Database& database, const Limit& limit, std::string_view subject) {
  database.replay([&](db::Connection& connection) { clear_attempts(connection, limit, subject); });
}

}  // namespace users::throttle
