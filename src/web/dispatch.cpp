// From request to reply: finds the route, runs the handler, maps exceptions to results.
#include <algorithm>
#include <chrono>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "web/body.hpp"
#include "web/monitoring.hpp"
#include "web/routes.hpp"

namespace users::web {
namespace {

constexpr unsigned kRetryAfterSeconds = 1;  // the longest wait between two attempts to reconnect

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
  } catch (const db::ConnectionLost& error) {
    return unavailable(error);
  } catch (const db::Unavailable& error) {
    return unavailable(error);
  } catch (const db::Deadlock& error) {
    return unavailable(error);
  } catch (const db::LockWaitTimeout& error) {
    return unavailable(error);
  } catch (const db::SchemaMismatch& error) {
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

}  // namespace

Reply dispatch(Context& context, Request& request) {
  const auto start = std::chrono::steady_clock::now();
  if (!is_request_id(request.request_id)) request.request_id = crypto::random_hex(16);
  const log::RequestScope scope(request.request_id);
  const Route* route = find_route(request.method, request.path);
  context.metrics.workers().set_request(number_of(route));
  Result result = answer(route, context, request);
  result.bare = route != nullptr && route->bare;
  Reply reply = render(result, request, is_always_200(route, context.config, request));
  const auto time = std::chrono::steady_clock::now() - start;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(time);
  // Count before the reply is written, so that a client's reply is always counted.
  context.requests.count(route, result.code, time);
  log::info({request.method, " ", request.path, ": code ",
             std::to_string(static_cast<int>(result.code)), ", ", std::to_string(took.count()),
             " us"});
  return reply;
}

}  // namespace users::web
