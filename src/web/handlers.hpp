// Shared by the endpoints' functions. They throw the two exceptions below, InvalidArguments,
// db::DatabaseError, and exceptions of the standard library.
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

/// Maximum length of an Idempotency-Key, in characters.
constexpr std::size_t kLongestRetryKey = 255;

class RequestMetrics;

/// The last result of the database check.
struct Readiness {
  std::chrono::steady_clock::time_point checked{};
  std::exception_ptr failure{};
  bool known = false;
};

/// The last count of accounts with an imported hash.
struct ImportedHashes {
  std::chrono::steady_clock::time_point next{};
  std::optional<std::uint64_t> count{};
};

/// What handlers use; it outlives every request.
struct Context {
  const Config& config;
  db::Database& database;
  AccountService& accounts;
  Metrics& metrics;
  RequestMetrics& requests;
  Readiness readiness{};
  ImportedHashes imported_hashes{};
};

/// The session is missing, ended, for another account than the client names, or not usable by this
/// client here; becomes code 1009.
class NotLoggedIn : public std::exception {};

/// Nothing has this path; becomes code 9002.
class NoSuchResource : public std::exception {};

}  // namespace users::web
