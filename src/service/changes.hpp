// What a change to an account does, whether its owner (authenticated) or an operator makes it. Each
// is part of a transaction, writes an audit row, and ends the sessions except `kept`, which must be
// locked by lock_owner().
#pragma once

#include <string>
#include <string_view>

#include "accounts/client.hpp"
#include "accounts/outcome.hpp"
#include "accounts/session.hpp"
#include "accounts/user.hpp"
#include "db/connection.hpp"
#include "factors/second_factor.hpp"

namespace users {

/// The audit's event of something permitted; says if `outcome` used a recovery code, or if the
/// counter of the passkey in `right` fell back.
std::string event_of(std::string_view event, const Outcome& outcome, const RightFactor& right);

struct Change {
  db::Transaction& transaction;
  const User& user;
  const Client& client;
  const Session* kept = nullptr;

  /// Ends the sessions and voids the outstanding codes, which could be used to log in again.
  void end_sessions(std::string_view event) const;
  /// Also clears the count of wrong passwords.
  void set_password(std::string_view hash, std::string_view event) const;
  /// Voids the codes of both phones and clears the wrong passwords of the new one: strangers must
  /// not have locked its owner out. Throws db::DuplicateKey if the phone is taken.
  void set_phone(std::string_view phone) const;
  /// Also deletes the recovery codes: a login needs only its first factor again.
  void remove_totp() const;
  /// The TOTP, the recovery codes, and all passkeys.
  void remove_factors() const;
  /// Deletes the account with its sessions, codes, factors and groups; the audit stays.
  void remove() const;
};

}  // namespace users
