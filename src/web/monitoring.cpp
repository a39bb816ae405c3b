// The handlers for monitoring.
#include <chrono>
#include <map>
#include <string>

#include "accounts/user.hpp"
#include "base/log.hpp"
#include "db/migrations.hpp"
#include "sms/outbox.hpp"
#include "web/routes.hpp"

namespace users::web {
namespace {

struct NodeStatus {
  std::uint64_t nodes = 0;
  std::uint64_t paused = 0;  ///< seconds
};
const db::Query<NodeStatus()> node_status{
    "node_status",
    db::kSelectLocally,
    {{"CAST(MAX(IF(VARIABLE_NAME = 'WSREP_CLUSTER_SIZE', VARIABLE_VALUE, 0)) AS UNSIGNED)",
      &NodeStatus::nodes},
     {"CAST(MAX(IF(VARIABLE_NAME = 'WSREP_FLOW_CONTROL_PAUSED_NS', VARIABLE_VALUE DIV 1000000000, "
      "0)) "
      "AS UNSIGNED)",
      &NodeStatus::paused}},
    "FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('WSREP_CLUSTER_SIZE', "
    "'WSREP_FLOW_CONTROL_PAUSED_NS') AND @@wsrep_on HAVING COUNT(*) > 0"};

/// If the database is unavailable, reports users_database_up 0 and omits its gauges.
std::vector<GaugeSample> database_gauges(Context& context) {
  std::map<std::string, std::uint64_t> messages{
      {"failed", 0}, {"pending", 0}, {"sent", 0}, {"unsent", 0}};
  std::uint64_t oldest = 0;
  std::optional<NodeStatus> node;
  try {
    const auto depths = context.database.replay([&](db::Connection& connection) {
      node = node_status.one(connection);
      return outbox::depth.all(connection);
    });
    for (const outbox::Depth& depth : depths) {
      messages[depth.state] = depth.messages;
      oldest += depth.oldest;
    }
  } catch (const db::DatabaseError& error) {
    log::warning({"metrics: ", error.what()});
    return {{MetricId::database_up, "", 0}};
  }
  std::vector<GaugeSample> gauges{
      {MetricId::database_up, "", 1},
      {MetricId::database_home, "", context.database.is_home() ? 1U : 0U},
      {MetricId::outbox_oldest, "", oldest}};
  if (node) {
    gauges.push_back({MetricId::cluster_nodes, "", node->nodes});
    gauges.push_back({MetricId::database_hosts, "", context.config.database_hosts.size()});
    gauges.push_back({MetricId::cluster_paused, "", node->paused});
  }
  for (const auto& [state, count] : messages) {
    gauges.push_back({MetricId::outbox_messages, "state=\"" + state + "\"", count});
  }
  return gauges;
}

/// Counting reads the whole users table, so do it at most every 10 minutes.
std::optional<std::uint64_t> imported_hashes(Context& context) {
  constexpr std::chrono::minutes kKept{10};
  const auto now = std::chrono::steady_clock::now();
  if (now < context.next_hash_count) return context.imported_hashes;
  try {
    context.imported_hashes = context.database.replay([&](db::Connection& connection) {
      return count_imported_hashes(connection, context.config);
    });
    context.next_hash_count = now + kKept;
  } catch (const db::DatabaseError&) {  // database_gauges() has logged it
    context.imported_hashes = std::nullopt;
  }
  return context.imported_hashes;
}

}  // namespace

Result health_live(Context&, const Request&) {
  return {};
}

Result health_ready(Context& context, const Request&) {
  using Clock = std::chrono::steady_clock;
  // However many clients ask, each worker queries the database at most once a second.
  constexpr std::chrono::seconds kKept{1};
  if (Clock::now() >= context.next_database_check) {
    context.not_ready = nullptr;
    try {
      context.database.replay(db::require_schema);
    } catch (const db::DatabaseError&) {
      context.not_ready = std::current_exception();
    }
    context.next_database_check = Clock::now() + kKept;
  }
  if (context.not_ready) std::rethrow_exception(context.not_ready);
  return {};
}

Result metrics(Context& context, const Request&) {
  std::vector<GaugeSample> gauges = database_gauges(context);
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
