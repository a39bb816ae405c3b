// Verification codes: requesting, checking and consuming one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/client.hpp"
#include "accounts/outcome.hpp"
#include "accounts/phone.hpp"
#include "base/config.hpp"
#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"

namespace users {

/// The purpose of a code; a code for another purpose is refused.
enum class Purpose { regist, login, reset, phone };
struct PurposeRow {
  std::string_view name;
  /// The code gives access to an existing account. It is sent only if the phone has an account, and
  /// becomes void when the account changes. Other codes only prove that the client has the phone.
  bool opens_account;
};
/// In the order of the purposes.
constexpr PurposeRow kPurposes[] = {
    {"regist", false}, {"login", true}, {"reset", true}, {"phone", false}};

std::optional<Purpose> parse_purpose(std::string_view name);
std::string_view name_of(Purpose purpose);

/// Parses a code as people type or paste it, without blanks and dashes. Returns nullopt unless it
/// has six digits.
std::optional<std::string> parse_code(std::string_view text);

/// What an operator may see of a code. Times are ISO 8601 in UTC.
struct SentCode {
  std::string purpose;
  std::string created;
  std::string expires;
  std::uint64_t tries = 0;          ///< failed ones
  std::string state;                ///< valid, used, guessed (too often), void or expired
  std::string message;              ///< pending, sent, failed, unsent, or gone
  std::uint64_t attempts = 0;       ///< attempts to send it
  std::optional<std::string> done;  ///< when it was sent or given up
};

constexpr std::size_t kCodeDigits = 6;

/// Failed attempts that void a code.
constexpr std::uint64_t kMostTries = 5;

class Verification {
 public:
  /// All arguments must outlive this object.
  Verification(const Config& config, const Secret& key, Metrics& metrics)
      : config_(config), key_(key), metrics_(metrics) {}

  /// Stores a new code and its message, replacing the last ones; returns too_many_requests if a
  /// limit is reached. Repeating the retry key (empty: the request id) sends nothing. `retry_after`
  /// says when the next code can be requested. For login and reset an unknown phone gets the same
  /// answer after the same work, but no message.
  Outcome request(db::Database& database, const Phone& phone, Purpose purpose,
                  std::string_view retry_key, const Client& client) const;

  /// Counts the attempt, committed, then compares in constant time. Returns ok, wrong_code,
  /// code_used_up or too_many_requests.
  Outcome check(db::Database& database, const Phone& phone, Purpose purpose,
                std::string_view code) const;

  /// Takes back the count of a right attempt that has permitted nothing: its second factor was
  /// missing or wrong.
  void give_back(db::Database& database, const Phone& phone, Purpose purpose,
                 std::string_view code) const;

  /// Consumes the code in the transaction of what it permits; false if another was faster.
  bool consume(db::Connection& connection, const Phone& phone, Purpose purpose,
               std::string_view code) const;

 private:
  [[nodiscard]] crypto::Digest hash_code(const Phone& phone, Purpose purpose,
                                         std::string_view code) const;
  [[nodiscard]] unsigned over_limit(db::Connection& connection, const Phone& phone,
                                    bool sent) const;

  const Config& config_;
  const Secret& key_;
  Metrics& metrics_;
};

/// The last code of each purpose, newest first.
extern const db::Query<SentCode(std::string_view phone)> list_codes;
/// Voids the phone's codes for login and reset but keeps the rows: a client that requested one
/// could otherwise see that they are gone.
extern const db::Write<void(std::string_view phone)> void_codes;
extern const db::Write<void(std::string_view phone)> delete_codes;

}  // namespace users
