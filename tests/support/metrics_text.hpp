// The text of GET metrics, read back.
#pragma once

#include <map>
#include <string>

#include "support/http_client.hpp"

namespace users::test {

/// The value of each sample, by its name with labels as they stand there.
using Samples = std::map<std::string, double>;

/// Throws where a line is neither a comment nor a sample, or a sample is there twice.
Samples read_metrics(const std::string& text);

/// The stack's metrics, through nginx. Throws where they do not come.
Samples scrape();

/// What has come to a sample since `before`; one that was not there counts as 0.
double grown(const Samples& before, const Samples& after, const std::string& sample);

/// The value of a sample; 0 where it is not there.
double value_of(const Samples& samples, const std::string& sample);

/// `users_requests_total` of a route and a code.
std::string requests(const std::string& route, int code);

}  // namespace users::test
