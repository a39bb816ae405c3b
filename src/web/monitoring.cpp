#include "web/monitoring.hpp"

#include <chrono>
#include <map>
#include <string>

#include "accounts/user.hpp"
#include "base/log.hpp"
#include "db/migrations.hpp"
#include "sms/outbox.hpp"

namespace users::web {
namespace {

std::string label_of(const Route* route) {
  if (route == nullptr) return R"(route="other")";
  return std::string(R"(route=")").append(route->method).append(" ").append(route->path) + '"';
}

std::string label_of(ResultCode code) {
  return R"(code=")" + std::to_string(static_cast<int>(code)) + '"';
}

/// If the database is unavailable, reports users_database_up 0 and omits its gauges.
std::vector<GaugeSample> outbox_gauges(Context& context) {
  std::map<std::string, std::uint64_t> messages{
      {"failed", 0}, {"pending", 0}, {"sent", 0}, {"unsent", 0}};
  std::uint64_t oldest = 0;
  try {
    const auto depths = context.database.replay(
        [](db::Connection& connection) { return outbox::depth.all(connection); });
    for (const outbox::Depth& depth : depths) {
      messages[depth.state] = depth.messages;
      oldest += depth.oldest;
    }
  } catch (const db::DatabaseError& error) {
    log::warning({"metrics: ", error.what()});
    return {{MetricId::database_up, "", 0}};
  }
  std::vector<GaugeSample> gauges{{MetricId::database_up, "", 1},
                                  {MetricId::outbox_oldest, "", oldest}};
  for (const auto& [state, count] : messages) {
    gauges.push_back({MetricId::outbox_messages, "state=\"" + state + "\"", count});
  }
  return gauges;
}

/// Counting reads the whole users table, so do it at most every 10 minutes.
std::optional<std::uint64_t> imported_hashes(Context& context) {
  constexpr std::chrono::minutes kKept{10};
  ImportedHashes& hashes = context.imported_hashes;
  const auto now = std::chrono::steady_clock::now();
  if (now < hashes.next) return hashes.count;
  try {
    hashes.count = context.database.replay([&](db::Connection& connection) {
      return count_imported_hashes(connection, context.config);
    });
    hashes.next = now + kKept;
  } catch (const db::DatabaseError&) {  // outbox_gauges() has logged it
    hashes.count = std::nullopt;
  }
  return hashes.count;
}

}  // namespace

RequestMetrics::RequestMetrics(Metrics& metrics) : metrics_(metrics), routes_(routes().size() + 1) {
  for (RouteMetrics& route : routes_) route.replies.resize(result_codes().size());
}

void RequestMetrics::count(const Route* route, ResultCode code, std::chrono::nanoseconds took) {
  const auto index =
      route == nullptr ? routes().size() : static_cast<std::size_t>(route - routes().data());
  RouteMetrics& row = routes_.at(index);
  Counter& replies =
      row.replies.at(static_cast<std::size_t>(&describe(code) - result_codes().data()));
  if (!replies) {
    replies = metrics_.counter(MetricId::requests, label_of(route) + "," + label_of(code));
  }
  if (!row.seconds) row.seconds = metrics_.histogram(MetricId::request_seconds, label_of(route));
  replies.add();
  row.seconds.observe(took);
}

Result health_live(Context&, const Request&) {
  return {};
}

Result health_ready(Context& context, const Request&) {
  using Clock = std::chrono::steady_clock;
  // However many clients ask, each worker queries the database at most once a second.
  constexpr std::chrono::seconds kKept{1};
  Readiness& readiness = context.readiness;
  if (!readiness.known || Clock::now() - readiness.checked >= kKept) {
    readiness.failure = nullptr;
    try {
      db::require_schema(context.database.connection());
    } catch (const db::DatabaseError&) {
      readiness.failure = std::current_exception();
    }
    readiness.checked = Clock::now();
    readiness.known = true;
  }
  if (readiness.failure) std::rethrow_exception(readiness.failure);
  return {};
}

Result metrics(Context& context, const Request&) {
  std::vector<GaugeSample> gauges = outbox_gauges(context);
  const WorkerTable::Load load = context.metrics.workers().load();
  gauges.push_back({MetricId::workers, "", load.workers});
  gauges.push_back({MetricId::workers_busy, "", load.busy});
  if (const auto count = imported_hashes(context)) {
    gauges.push_back({MetricId::imported_hashes, "", *count});
  }
  gauges.push_back({MetricId::build_info, R"(version=")" USERS_FCGI_VERSION R"(")", 1});
  Result result;
  result.document = {"text/plain; version=0.0.4; charset=utf-8", context.metrics.render(gauges)};
  return result;
}

}  // namespace users::web
