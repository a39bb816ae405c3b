// The route table: which function handles which method and path; what these functions share; and
// dispatch().
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/config.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"
#include "service/account_service.hpp"
#include "web/http.hpp"

namespace users::web {

/// Maximum length of an Idempotency-Key, in characters.
constexpr std::size_t kLongestRetryKey = 255;

constexpr std::string_view kBasePath = "/users/";

struct Context;

/// Handlers throw the two exceptions below, InvalidArguments, db::DatabaseError, and exceptions of
/// the standard library.
struct Route {
  std::string_view method;
  std::string_view path;  ///< below kBasePath; a final `/*` matches one segment
  Result (*handler)(Context&, const Request&);
  /// Codes 10xx get HTTP 200 while `regist_status = tutorial`.
  bool tutorial_status = false;
  /// The reply has a status and headers, never a body.
  bool bare = false;
  /// With `optional=true`, codes 10xx get HTTP 200.
  bool takes_optional = false;
};

struct RequestMetrics {
  Counter replies;
  Histogram seconds;
};

/// What handlers use; it outlives every request.
struct Context {
  using Time = std::chrono::steady_clock::time_point;

  const Config& config;
  db::Database& database;
  AccountService& accounts;
  Metrics& metrics;
  /// Kept because looking up a series takes time.
  std::map<std::pair<const Route*, ResultCode>, RequestMetrics> requests{};
  /// The last result of the database check; null: ready.
  std::exception_ptr not_ready{};
  Time next_database_check{};
  /// The last count of accounts with an imported hash.
  std::optional<std::uint64_t> imported_hashes{};
  Time next_hash_count{};
};

/// The session is missing, ended, for another account than the client names, or not usable by this
/// client here; becomes code 1009.
class NotLoggedIn : public std::exception {};

/// Nothing has this path; becomes code 9002.
class NoSuchResource : public std::exception {};

// Handlers for second factors (factor_handlers.cpp).
Result confirm(Context& context, const Request& request);
Result list_factors(Context& context, const Request& request);
Result begin_totp(Context& context, const Request& request);
Result confirm_totp(Context& context, const Request& request);
Result renew_recovery_codes(Context& context, const Request& request);
Result remove_factor(Context& context, const Request& request);

// Handlers for passkeys (passkey_handlers.cpp).
Result passkey_challenge(Context& context, const Request& request);
Result begin_passkey(Context& context, const Request& request);
Result add_passkey(Context& context, const Request& request);

// Handlers for monitoring (monitoring.cpp).
Result health_live(Context& context, const Request& request);
Result health_ready(Context& context, const Request& request);
Result metrics(Context& context, const Request& request);

std::span<const Route> routes();

/// The route for a method and a full path; null if there is none.
const Route* find_route(std::string_view method, std::string_view path);

/// The name for a route's number in the worker table, such as `POST regist`; empty if there is
/// none.
std::string name_of_request(std::uint32_t number);

/// The methods of a path, such as `GET, POST`; empty if no route has the path.
std::string allowed_methods(std::string_view path);

/// Never throws: each error becomes a reply, and its cause a line in the log.
Reply dispatch(Context& context, Request& request);

}  // namespace users::web
