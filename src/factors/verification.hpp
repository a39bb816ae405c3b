// Verification codes: asking for one, checking one, using one up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/client.hpp"
#include "accounts/outcome.hpp"
#include "accounts/phone.hpp"
#include "base/config.hpp"
#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"

namespace users {

/// What a code is for; one of another purpose does not pass.
enum class Purpose { regist, login, reset, phone };

/// From `regist`, `login`, `reset`, `phone`.
std::optional<Purpose> parse_purpose(std::string_view name);
std::string_view name_of(Purpose purpose);

/// A code as people type and paste it, without its blanks and dashes. Returns nullopt if it is not
/// of six digits.
std::optional<std::string> parse_code(std::string_view text);

/// A code that was made for a phone, as far as it may be told. Times are ISO 8601 in UTC.
struct SentCode {
  std::string purpose;
  std::string created;
  std::string expires;
  std::uint64_t tries = 0;     ///< without the one that used it up
  std::string state;           ///< valid, used, guessed (too often), void or expired
  std::string message;         ///< pending, sent, failed, unsent (nobody had the phone), or gone
  std::uint64_t attempts = 0;  ///< to send it
  std::optional<std::string> done;  ///< when it was sent or given up
};

/// Seconds a code lives (NIST SP 800-63B-4 3.1.3.2: at most 10 minutes).
constexpr unsigned kCodeLifetime = 600;

constexpr std::size_t kCodeDigits = 6;

/// Wrong tries that end a code.
constexpr std::uint64_t kMostTries = 5;

class Verification {
 public:
  /// All must outlive this object.
  Verification(const Config& config, const Secret& key, Metrics& metrics)
      : config_(config), key_(key), metrics_(metrics) {}

  /// Stores a new code and its message in place of the last ones, unless a limit says
  /// too_many_requests. The same retry key (empty: the request id) again sends nothing.
  /// `retry_after` says when the next can be had. For login and reset a phone without an account
  /// gets the same answer after the same work, and no message.
  Outcome request(db::Database& database, const Phone& phone, Purpose purpose,
                  std::string_view retry_key, const Client& client) const;

  /// Counts the try, committed, then compares in constant time. Returns ok, wrong_code,
  /// code_used_up or too_many_requests. Not to be called in a transaction.
  Outcome check(db::Connection& connection, const Phone& phone, Purpose purpose,
                std::string_view code) const;

  /// Uses the code up in the transaction of what it permits. Returns false if another was faster.
  bool consume(db::Connection& connection, const Phone& phone, Purpose purpose,
               std::string_view code) const;

  /// The last of each purpose, newest first.
  static std::vector<SentCode> list(db::Connection& connection, const Phone& phone);

 private:
  [[nodiscard]] crypto::Digest hash_code(const Phone& phone, Purpose purpose,
                                         std::string_view code) const;
  [[nodiscard]] unsigned over_limit(db::Connection& connection, const Phone& phone,
                                    bool sent) const;

  const Config& config_;
  const Secret& key_;
  Metrics& metrics_;
};

/// The phone's codes for login and reset stop working, but stay as rows: without them, whoever
/// requested one could tell.
extern const db::Command<void(std::string_view phone)> void_codes;
extern const db::Command<void(std::string_view phone)> delete_codes;

}  // namespace users
