// What an operator may change: the rules behind users-ctl. Knows no terminal and no JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/identity_keys.hpp"
#include "accounts/password.hpp"
#include "accounts/phone.hpp"
#include "accounts/throttle.hpp"
#include "base/config.hpp"
#include "db/database.hpp"
#include "service/changes.hpp"
#include "sms/outbox.hpp"

namespace users {

/// What the limits have counted for an account, its sessions and its factors.
struct Standing {
  std::uint64_t sessions;
  std::uint64_t factors;  ///< authenticator apps and passkeys
  std::uint64_t passkeys;
  std::uint64_t recovery_codes;  ///< not used yet
  throttle::Count logins;        ///< attempts since the last right password
  throttle::Count guesses;
  throttle::Count sends;  ///< in a day
  throttle::Count second_factors;
};

/// Nothing was changed; the text tells the operator why.
class ChangeRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ChangeResult {
  bool changed;  ///< false: it was so already
  std::uint64_t user_id;
};

/// What after_restore() removed, and the number of the next account.
struct Restored {
  std::uint64_t sessions;
  std::uint64_t codes;
  std::uint64_t messages;  ///< pending ones
  std::uint64_t recovery_codes;
  std::uint64_t identity_keys;
  std::uint64_t next_id;  ///< number of the next account
};

/// Calls throw db::DatabaseError if the outcome is unknown or the database is unavailable. A change
/// is one transaction with an audit row under the operator's name, committed when the call returns.
/// Changes throw ChangeRefused, also if no account has the phone.
class Administration {
 public:
  /// All arguments must outlive this object. `operator_name`: at most 64 code points.
  Administration(const Config& config, const Secret& key, db::Database& database, Metrics& metrics,
                 std::string operator_name);

  Standing standing(const User& user);

  /// Refuses passwords (1008) as after too many wrong ones (throttle::kLogins); sessions stay.
  ChangeResult lock(const Phone& phone);
  /// Clears what the limits of the phone and of its account have counted. The phone needs no
  /// account: codes for a registration are counted before there is one.
  ChangeResult unlock(const Phone& phone);
  /// Prevents logins and ends all sessions for good.
  ChangeResult disable(const Phone& phone);
  ChangeResult enable(const Phone& phone);
  /// Applies the rules of a registration.
  ChangeResult set_password(const Phone& phone, std::string_view password);
  /// Sets a hash from another system, with a form and cost that import accepts.
  ChangeResult set_hash(const Phone& phone, std::string_view hash);
  ChangeResult set_phone(const Phone& phone, const Phone& new_phone);
  ChangeResult end_sessions(const Phone& phone);
  /// For owners who have lost theirs: a login needs only its first factor again.
  ChangeResult remove_factors(const Phone& phone);
  ChangeResult remove(const Phone& phone);

  /// Both keep sessions and take effect at the account's next request.
  ChangeResult add_to_group(const Phone& phone, const std::string& group);
  ChangeResult remove_from_group(const Phone& phone, const std::string& group);

  /// Makes the next identity key. Returns false if there is one already.
  bool rotate_identity();
  /// Withdraws an identity key. If it is the active one, the next one, or a new one, signs at once.
  /// Throws ChangeRefused if there is no such key.
  void revoke_identity(std::string_view kid);

  /// Makes pending messages due now, in the order of `ids`. Skips those that a courier is sending.
  /// Returns their states as outbox::retry() does.
  std::vector<std::string> retry_messages(const std::vector<std::uint64_t>& ids);
  /// The same for all pending messages that are not expired. Returns how many.
  std::uint64_t retry_all_messages();

  /// How far account numbers jump after a restore: beyond all that were given out since the backup.
  static constexpr std::uint64_t kIdsAhead = 1'000'000;

  /// Call once on a database that is older than what clients have seen (a restored backup or
  /// snapshot, a replica that was behind), before the service starts. It ends every session, since
  /// ended ones are alive again; voids every code, since used ones are unused again; cancels every
  /// pending message; deletes the recovery codes, since used ones are alive again; replaces
  /// the identity keys, since revoked ones sign again; and skips
  /// account numbers, since backends may know deleted accounts by theirs. Users, audit and limit
  /// counters stay. A second run does no harm. `next_id` is the number of the next account, instead
  /// of kIdsAhead beyond the greatest. Throws std::invalid_argument if that number may have been
  /// given out.
  Restored after_restore(std::optional<std::uint64_t> next_id = {});

 private:
  /// Runs `work` on the account's locked row. Returns unchanged if work returns false.
  ChangeResult change(const Phone& phone, const std::function<bool(const Change&)>& work);

  const Config& config_;
  const Secret& key_;
  db::Database& database_;
  std::string operator_name_;
  Client client_;
  Sessions sessions_;
  PasswordCheck passwords_;
};

}  // namespace users
