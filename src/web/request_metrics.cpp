#include "web/request_metrics.hpp"

#include <string>

namespace users::web {
namespace {

std::string label_of(const Route* route) {
  if (route == nullptr) return R"(route="other")";
  return std::string(R"(route=")").append(route->method).append(" ").append(route->path) + '"';
}

std::string label_of(ResultCode code) {
  return R"(code=")" + std::to_string(static_cast<int>(code)) + '"';
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

}  // namespace users::web
