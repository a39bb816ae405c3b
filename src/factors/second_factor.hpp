// The second factor of an account: a TOTP, recovery codes for its loss, or a passkey. Enrolling,
// judging and consuming. Passing it needs a session's first factor too; that is the service's rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/outcome.hpp"
#include "accounts/session.hpp"
#include "accounts/user.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "factors/passkeys.hpp"
#include "factors/recovery_codes.hpp"
#include "metrics/metrics.hpp"

namespace users {

/// A second factor as sent: unchecked UTF-8 text. If several are sent, the first of these decides.
struct SentFactor {
  std::optional<std::string_view> totp{};
  std::optional<std::string_view> recovery_code{};
  std::optional<SentPasskey> passkey{};

  [[nodiscard]] bool is_given() const { return totp || recovery_code || passkey; }
};

/// Arguments, which are also the names of what an account accepts.
constexpr std::string_view kTotp = "totp";
constexpr std::string_view kRecoveryCode = "recovery_code";

/// Checks the form alone. Returns invalid_arguments with the names of the bad ones.
Outcome check_form(const SentFactor& sent);

/// How long a new TOTP secret waits for its first code.
constexpr std::uint64_t kEnrolmentSeconds = std::uint64_t{10} * 60;

/// A factor as its owner sees it. Times are ISO 8601 in UTC.
struct Factor {
  std::uint64_t id = 0;
  std::string kind;
  std::optional<std::string> name;
  std::string created;
  std::optional<std::string> last_used;
};

/// What was right, but is not consumed yet. Default: the account needs none. A passkey may also be
/// the only factor.
struct RightFactor {
  std::uint64_t totp_id = 0;  ///< 0: not a TOTP
  std::uint64_t step = 0;
  std::string recovery_hash;  ///< empty: not a recovery code
  RightPasskey passkey;

  [[nodiscard]] bool is_given() const {
    return totp_id != 0 || !recovery_hash.empty() || passkey.factor_id != 0;
  }
};

class SecondFactor {
 public:
  /// All must outlive this object.
  SecondFactor(const Secret& key, Metrics& metrics, const Passkeys& passkeys);

  /// Counts the attempt, committed, then judges it. Returns ok at once if the account needs no
  /// second factor, second_factor_required if none was sent, wrong_code or locked. Sets `right` if
  /// ok. Throws std::runtime_error if the TOTP's secret cannot be opened.
  Outcome judge(db::Database& database, const User& user, const SentFactor& sent,
                RightFactor& right) const;

  /// Consumes the factor in the transaction of what it permits and takes the attempt's count back.
  /// Returns ok, or wrong_code if another request was faster; wrong_credentials of a passkey that
  /// is the only factor. Call with the user's current row: returns second_factor_required if the
  /// account needs a factor by now.
  Outcome consume(db::Connection& connection, const User& user, const RightFactor& right) const;

  /// Level and methods of a session that `method` (pwd or sms) and, if the account needs it, the
  /// second factor have opened.
  static Authentication authentication(const User& user, std::string_view method,
                                       const SentFactor& sent);

  /// Stores a new secret, which waits kEnrolmentSeconds for its first code, and returns it. It
  /// replaces one that waits already.
  Secret begin_totp(db::Database& database, std::uint64_t user_id) const;

  /// A first code that fits the waiting secret, or that has enrolled the account's TOTP already: a
  /// client sends it again if it got no reply.
  struct FirstCode {
    std::uint64_t step = 0;
    std::string sealed;  ///< the waiting secret
    bool is_repeated = false;
  };
  /// Counts the attempt, then compares the code. Returns ok, wrong_code or locked. Sets `first` if
  /// ok.
  Outcome judge_first_code(db::Database& database, std::uint64_t user_id, std::string_view code,
                           FirstCode& first) const;
  /// Makes the waiting secret the account's TOTP, in place of an older one, with its first recovery
  /// codes. Call in a transaction with the user's row locked. Returns false if another secret
  /// waits by now.
  bool enrol_totp(db::Connection& connection, std::uint64_t user_id, const FirstCode& first) const;

  /// The recovery codes that came with the account's TOTP: always the same, so that a confirmation
  /// that is sent again gets them again. Empty if the account has none.
  std::vector<Secret> first_recovery_codes(db::Connection& connection, std::uint64_t user_id) const;

 private:
  [[nodiscard]] crypto::Digest totp_key(std::uint64_t user_id) const;
  [[nodiscard]] Secret open(std::uint64_t user_id, std::string_view sealed) const;
  /// Returns ok, or locked if there were too many attempts.
  Outcome count_attempt(db::Database& database, std::uint64_t user_id) const;
  /// In the metrics and in the log, by which an operator finds the account.
  void count_wrong(std::uint64_t user_id) const;
  /// `code` and what the account accepts.
  Outcome refuse(ResultCode code, db::Connection& connection, std::uint64_t user_id) const;

  const Secret& key_;
  Metrics& metrics_;
  const Passkeys& passkeys_;
  RecoveryCodes recovery_;
  Counter asked_;
  Counter right_;
  Counter wrong_;
  Counter recovery_used_;
};

extern const db::Query<Factor(std::uint64_t user_id)> list_factors;
/// The kind of an account's factor.
extern const db::Query<db::Text(std::uint64_t id, std::uint64_t user_id)> find_kind;
extern const db::Write<void(std::uint64_t id)> delete_factor;
/// Deletes an account's TOTP, recovery codes and waiting secret.
void delete_totp(db::Connection& connection, std::uint64_t user_id);
/// Deletes these and its passkeys.
void delete_factors(db::Connection& connection, std::uint64_t user_id);

}  // namespace users
