#include "support/metrics_text.hpp"

#include <sstream>
#include <stdexcept>

#include "support/stack.hpp"

namespace users::test {

Samples read_metrics(const std::string& text) {
  Samples samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ") || line.starts_with("# TYPE ")) continue;
    const auto blank = line.rfind(' ');
    if (blank == std::string::npos) throw std::runtime_error("no sample: " + line);
    const auto [place, fresh] =
        samples.emplace(line.substr(0, blank), std::stod(line.substr(blank + 1)));
    if (!fresh) throw std::runtime_error("twice: " + line);
  }
  return samples;
}

Samples scrape() {
  const HttpReply reply =
      send(base_url(), {.method = "GET", .path = "/users/metrics", .headers = {}});
  if (reply.status != 200) throw std::runtime_error("no metrics: " + reply.body);
  return read_metrics(reply.body);
}

double value_of(const Samples& samples, const std::string& sample) {
  const auto found = samples.find(sample);
  return found == samples.end() ? 0 : found->second;
}

double sum_of(const Samples& samples, const std::string& metric) {
  double sum = 0;
  for (const auto& [name, value] : samples) {
    if (name.substr(0, name.find('{')) == metric) sum += value;
  }
  return sum;
}

double grown(const Samples& before, const Samples& after, const std::string& sample) {
  return value_of(after, sample) - value_of(before, sample);
}

std::string requests(const std::string& route, int code) {
  return "users_requests_total{route=\"" + route + "\",code=\"" + std::to_string(code) + "\"}";
}

}  // namespace users::test
