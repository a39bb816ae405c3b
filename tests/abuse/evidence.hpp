// Looks for traces of an attack, and checks that the service still works.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/http_client.hpp"

namespace users::test {

/// An endpoint with well-formed arguments; `{}` in `path` is an id.
struct Endpoint {
  std::string method;
  std::string path;  ///< below /users/
  nlohmann::json arguments;
};

/// Every endpoint with arguments, for a phone.
std::vector<Endpoint> endpoints_of(const std::string& phone);

/// The content of the service's, nginx's and the workers' logs.
std::string all_logs();

/// Number of replies with code 9000 or 9001, by the metrics.
double internal_errors();

/// Checks that the service answers with all workers of both pools within 5 seconds.
void check_service_is_whole();

/// The secrets of the stack, as in their files.
std::vector<std::string> secrets_of_stack();

/// Counts the codes of `ask(i)` for 0 <= i < count on `threads` threads.
std::map<int, int> codes_in_parallel(int threads, int count, const std::function<int(int)>& ask);

/// Status codes of all replies received on a connection, in order.
std::vector<int> statuses_in(const std::string& bytes);

/// Runs `users-ctl` as the stack's operator and returns its output. Throws if it fails.
std::string as_operator(const std::string& arguments);

/// Every byte as %XX.
std::string percent_encoded(const std::string& text);

/// Returns a text that is different each time.
std::string unheard_of(const std::string& prefix);

}  // namespace users::test
