// What the functions of the endpoints share. Errors are thrown: the two below, InvalidArguments,
// db::DatabaseError, and what the standard library throws.
#pragma once

#include <chrono>
#include <exception>
#include <optional>

#include "base/config.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"
#include "service/account_service.hpp"
#include "web/envelope.hpp"
#include "web/http.hpp"

namespace users::web {

/// Longest Idempotency-Key, in characters.
constexpr std::size_t kLongestRetryKey = 255;

class RequestMetrics;

/// Whether the database is ready, as it was found last.
struct Readiness {
  std::chrono::steady_clock::time_point checked{};
  std::exception_ptr failure{};
  bool known = false;
};

/// How many accounts have an imported hash, as they were counted last.
struct ImportedHashes {
  std::chrono::steady_clock::time_point next{};
  std::optional<std::uint64_t> count{};
};

/// What handlers work with; all of it outlives every request.
struct Context {
  const Config& config;
  db::Database& database;
  AccountService& accounts;
  Metrics& metrics;
  RequestMetrics& requests;
  Readiness readiness{};
  ImportedHashes imported_hashes{};
};

/// The session is missing, dead, of another account than the client names, or not the client's to
/// use here; becomes code 1009.
class NotLoggedIn : public std::exception {};

/// What the path names is not there; becomes code 9002.
class NoSuchResource : public std::exception {};

}  // namespace users::web
