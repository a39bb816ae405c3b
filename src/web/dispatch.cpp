// From request to reply: finds the route, runs the handler, maps exceptions to results.
#include <algorithm>
#include <chrono>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "web/body.hpp"
#include "web/routes.hpp"

namespace users::web {
namespace {

constexpr unsigned kRetryAfterSeconds = 1;  // the longest wait between two attempts to reconnect

bool has_path(const Route& route, std::string_view path) {
  // Only nginx can ask for this one.
  if (path.starts_with(kCheckPath)) return route.path == "auth";
  if (!path.starts_with(kBasePath)) return false;
  path.remove_prefix(kBasePath.size());
  if (!route.path.ends_with("/*")) return path == route.path;
  const auto folder = route.path.substr(0, route.path.size() - 1);
  const bool matches = path.size() > folder.size() && path.starts_with(folder) &&
                       path.find('/', folder.size()) == std::string_view::npos;
  // An exact path goes first: factors/totp does not name a factor.
  return matches && std::ranges::none_of(routes(), [&](const Route& other) {
           return other.path == path && !other.path.ends_with("/*");
         });
}

std::string name_of(const Route& route) {
  return std::string(route.method).append(" ").append(route.path);
}

/// A route's number in the worker table, from 1; 0 for none.
std::uint32_t number_of(const Route* route) {
  return route == nullptr ? 0 : static_cast<std::uint32_t>(route - routes().data()) + 1;
}

bool is_request_id(std::string_view id) {
  constexpr std::size_t kLongest = 64;
  return !id.empty() && id.size() <= kLongest && std::ranges::all_of(id, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  });
}

Result unavailable(const std::exception& error) {
  log::error({"temporarily unavailable: ", error.what()});
  return {.code = ResultCode::unavailable, .retry_after = kRetryAfterSeconds};
}

/// The only place that catches exceptions. what() goes to the log, never to the client.
Result run(const Route& route, Context& context, const Request& request) {
  try {
    return route.handler(context, request);
  } catch (const InvalidArguments& error) {
    return {.code = ResultCode::invalid_arguments, .fields = error.fields()};
  } catch (const NotLoggedIn&) {
    return {.code = ResultCode::not_logged_in};
  } catch (const NoSuchResource&) {
    return {.code = ResultCode::no_such_resource};
  } catch (const db::Temporary& error) {
    return unavailable(error);
  } catch (const std::bad_alloc& error) {
    return unavailable(error);
  } catch (const std::exception& error) {
    log::error({"internal error: ", error.what()});
    return {.code = ResultCode::internal_error};
  }
}

Result answer(const Route* route, Context& context, const Request& request) {
  if (request.method.empty() || request.path.empty()) {
    // The web server closed the connection while it sent the parameters.
    return {.code = ResultCode::invalid_arguments, .fields = {"request"}};
  }
  if (route == nullptr) {
    std::string allow = allowed_methods(request.path);
    if (allow.empty()) return {.code = ResultCode::no_such_resource};
    return {.code = ResultCode::method_not_allowed, .headers = {{"Allow", std::move(allow)}}};
  }
  if (request.body_state == BodyState::too_large) return {.code = ResultCode::request_too_large};
  return run(*route, context, request);
}

/// Returns true if codes 10xx get HTTP 200.
bool is_always_200(const Route* route, const Config& config, const Request& request) {
  if (route == nullptr) return false;
  return (route->tutorial_status && config.regist_status == RegistStatus::tutorial) ||
         (route->takes_optional && request.optional == "true");
}

/// Clients choose paths and methods: those without a route count as `other`.
void count(Context& context, const Route* route, ResultCode code, std::chrono::nanoseconds took) {
  auto& [replies, seconds] = context.requests[{route, code}];
  if (!replies || !seconds) {
    const std::string label = "route=\"" + (route == nullptr ? "other" : name_of(*route)) + '"';
    const std::string number = std::to_string(static_cast<int>(code));
    replies = context.metrics.counter(MetricId::requests, label + ",code=\"" + number + '"');
    seconds = context.metrics.histogram(MetricId::request_seconds, label);
  }
  replies.add();
  seconds.observe(took);
}

}  // namespace

const Route* find_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  for (const Route& route : routes()) {
    if (route.method == method && has_path(route, path)) return &route;
  }
  return nullptr;
}

std::string name_of_request(std::uint32_t number) {
  return number == 0 || number > routes().size() ? "" : name_of(routes()[number - 1]);
}

std::string allowed_methods(std::string_view path) {
  std::string methods;
  for (const Route& route : routes()) {
    if (!has_path(route, path)) continue;
    if (!methods.empty()) methods += ", ";
    methods += route.method;
    if (route.method == "GET") methods += ", HEAD";
  }
  return methods;
}

Reply dispatch(Context& context, Request& request) {
  const auto start = std::chrono::steady_clock::now();
  if (!is_request_id(request.request_id)) request.request_id = crypto::random_hex(16);
  const log::RequestScope scope(request.request_id);
  const Route* route = find_route(request.method, request.path);
  context.metrics.workers().set_request(number_of(route));
  Result result = answer(route, context, request);
  result.bare = route != nullptr && route->bare;
  const ResultCode code = result.code;
  Reply reply = render(std::move(result), request, is_always_200(route, context.config, request));
  const auto time = std::chrono::steady_clock::now() - start;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(time);
  // Count before the reply is written, so that a client's reply is always counted.
  count(context, route, code, time);
  log::info({request.method, " ", request.path, ": code ", std::to_string(static_cast<int>(code)),
             ", ", std::to_string(took.count()), " us"});
  return reply;
}

}  // namespace users::web
