// The catalogue of metrics: the name, the kind and the meaning of each.
#pragma once

#include <cstdint>
#include <string_view>

namespace users {

enum class MetricId {
  build_info,
  cluster_nodes,
  cluster_paused,
  database_connects,
  database_failovers,
  database_home,
  database_hosts,
  database_up,
  imported_hashes,
  log_failures,
  logins,
  outbox_messages,
  outbox_oldest,
  password_hash,
  registrations,
  request_seconds,
  requests,
  second_factors,
  passkeys,
  sms,
  statement_errors,
  statement_seconds,
  throttled,
  transaction_replays,
  workers,
  workers_busy,
  workers_ended,

  count_,  // last: the number of metrics
};

/// Stored in the metrics' file, except gauges: their values are read at scrape time.
enum class MetricKind : std::uint32_t { counter = 1, histogram = 2, gauge = 3 };

struct MetricRow {
  MetricId id;
  std::string_view name;
  MetricKind kind;
  bool labelled;
  std::string_view help;
};

const MetricRow& describe(MetricId id);

}  // namespace users
