// Looks after workers that are stuck in a request.
#pragma once

#include <chrono>

#include "base/config.hpp"
#include "metrics/metrics.hpp"

namespace users {

class Watchdog {
 public:
  /// Both must outlive this object.
  Watchdog(const Config& config, Metrics& metrics)
      : limit_(config.worker_request_limit),
        metrics_(metrics),
        ended_(metrics.counter(MetricId::workers_ended)) {}

  /// Ends the workers that have been in one request for too long; looks at most once a second,
  /// however often it is called.
  void tend() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::seconds(1);
    for (unsigned ended = metrics_.workers().end_stuck(limit_); ended > 0; --ended) ended_.add();
  }

 private:
  std::chrono::seconds limit_;
  Metrics& metrics_;
  Counter ended_;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace users
