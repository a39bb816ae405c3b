// What an attack leaves behind, and what every attack must leave: a service that works.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/http_client.hpp"

namespace users::test {

/// An endpoint with arguments that are good as to their form; `{}` of `path` is an id.
struct Endpoint {
  std::string method;
  std::string path;  ///< below /users/
  nlohmann::json arguments;
};

/// Every endpoint that takes arguments, for a phone.
std::vector<Endpoint> endpoints_of(const std::string& phone);

/// What all files of the service's log, of nginx's and of the workers' hold.
std::string all_logs();

/// Replies of code 9000 or 9001 that the service has counted.
double internal_errors();

/// The service answers, and both pools have all their workers, within 5 seconds.
void check_service_is_whole();

/// The secrets of the stack, as their files hold them.
std::vector<std::string> secrets_of_stack();

/// How often `ask(i)` gave each code, asked for 0 <= i < count on `threads` threads.
std::map<int, int> codes_in_parallel(int threads, int count, const std::function<int(int)>& ask);

/// Status codes of all replies in what a connection brought, first to last.
std::vector<int> statuses_in(const std::string& bytes);

/// What `users-ctl` prints with these arguments, as the stack's operator. Throws where it fails.
std::string as_operator(const std::string& arguments);

/// Whether the token opens a session.
bool is_alive(const std::string& token);

/// Every byte as %XX.
std::string percent_encoded(const std::string& text);

/// A text that no other call has returned.
std::string unheard_of(const std::string& prefix);

}  // namespace users::test
