#include "accounts/throttle.hpp"

#include <string>

namespace users::throttle {
namespace {

std::string bucket_of(const Limit& limit, std::string_view subject) {
  return std::string(limit.name).append(":").append(subject);
}

}  // namespace

unsigned hit(db::Connection& connection, Metrics& metrics, const Limit& limit,
             std::string_view subject) {
  const std::uint64_t restart_at = limit.locks ? limit.most : 0;
  const auto row =
      connection.query_one(db::StatementId::hit_throttle,
                           {bucket_of(limit, subject), std::uint64_t{limit.seconds}, restart_at});
  if (!row) throw db::DatabaseError("hit_throttle: no row was returned", 0);
  if ((*row)[0].number <= limit.most) return 0;
  // Looked up each time: it is rare, and little beside the statement.
  metrics.counter(MetricId::throttled, std::string("limit=\"").append(limit.name).append("\""))
      .add();
  return static_cast<unsigned>((*row)[1].number);
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
