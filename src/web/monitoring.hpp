// For monitoring: the handlers it calls, and counts and times of the workers' replies.
#pragma once

#include <chrono>
#include <vector>

#include "metrics/metrics.hpp"
#include "web/result_code.hpp"
#include "web/routes.hpp"

namespace users::web {

class RequestMetrics {
 public:
  explicit RequestMetrics(Metrics& metrics);

  /// `route` is a row of routes(), or null, which counts as `other`: clients choose paths and
  /// methods.
  void count(const Route* route, ResultCode code, std::chrono::nanoseconds took);

 private:
  struct RouteMetrics {
    Histogram seconds;
    std::vector<Counter> replies;  ///< in the order of result_codes()
  };

  Metrics& metrics_;
  std::vector<RouteMetrics> routes_;  ///< in the order of routes(), then the one for `other`
};

Result health_live(Context& context, const Request& request);
Result health_ready(Context& context, const Request& request);
Result metrics(Context& context, const Request& request);

}  // namespace users::web
