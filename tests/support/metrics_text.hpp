// Parses the text of GET metrics.
#pragma once

#include <map>
#include <string>

#include "support/http_client.hpp"

namespace users::test {

/// Value of each sample, by its name with labels.
using Samples = std::map<std::string, double>;

/// Throws if a line is neither a comment nor a sample, or if a sample is repeated.
Samples read_metrics(const std::string& text);

/// Reads the stack's metrics through nginx. Throws if that fails.
Samples scrape();

/// How much a sample has grown since `before`; a missing one counts as 0.
double grown(const Samples& before, const Samples& after, const std::string& sample);

/// The value of a sample, or 0.
double value_of(const Samples& samples, const std::string& sample);

/// The sum over all labels of a metric.
double sum_of(const Samples& samples, const std::string& metric);

/// Name of the sample of `users_requests_total` for a route and a code.
std::string requests(const std::string& route, int code);

}  // namespace users::test
