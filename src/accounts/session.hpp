// Sessions: opaque tokens; the table holds only their hashes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/client.hpp"
#include "accounts/user.hpp"
#include "base/config.hpp"
#include "base/crypto.hpp"
#include "db/statement.hpp"

namespace users {

/// Levels of authentication. An account with a second factor has sessions of kTwoFactors only.
constexpr std::uint64_t kOneFactor = 1;
constexpr std::uint64_t kTwoFactors = 2;

/// How the owner of a session has authenticated.
struct Authentication {
  std::uint64_t level = kOneFactor;
  /// Methods separated by spaces: pwd, sms, otp, mfa (RFC 8176), and recovery for a recovery code.
  std::string amr;
};

/// A live session.
struct Session {
  std::uint64_t user_id = 0;
  std::string phone;  ///< E.164
  std::uint64_t seconds_unseen = 0;
  std::uint64_t level = kOneFactor;
  std::string groups;  ///< of its owner, separated by commas
  crypto::Digest token_hash{};

  // For its owner's signed identity; read only if identity.sign = yes.
  std::string amr;
  std::uint64_t auth_time = 0;  ///< last authentication, in seconds since 1970
  std::uint64_t now = 0;        ///< by the database's clock, likewise
};

struct NewSession {
  std::string token;  ///< base64url, 43 characters; only here and at the client
  std::uint64_t user_id;
  std::uint64_t lifetime;  ///< seconds
  std::string expires_at;  ///< ISO 8601, UTC, by the database's clock
};

/// One line of the list that a user sees.
struct SessionRow {
  std::uint64_t id = 0;
  bool is_own = false;    ///< of the request that asks for the list
  std::string created;    ///< ISO 8601, UTC
  std::string last_seen;  ///< same format, up to 5 minutes old
  std::string address;
  std::string agent;
  std::uint64_t level = kOneFactor;
  std::string authenticated;  ///< last time, same format
  std::string amr;
};

/// A session that its owner ended.
struct EndedSession {
  bool is_own = false;  ///< of the request that ended it
};

/// What a session's owner sees about account and session.
struct SessionOwner {
  std::string created;  ///< of the account; ISO 8601, UTC
  std::uint64_t level = kOneFactor;
  std::string authenticated;  ///< last time, same format
  std::string amr;
};

class Sessions {
 public:
  /// Both must outlive this object.
  Sessions(const Config& config, const Secret& key) : config_(config), key_(key) {}

  /// Creates a session with a new token, in the caller's transaction. It is invalid from the start
  /// if all of the user's sessions were ended since `user` was read.
  NewSession open(db::Connection& connection, const User& user, const Client& client,
                  const Authentication& authentication) const;

  /// Finds the session of a token: one read by primary key, and one write if it was last seen 5
  /// minutes ago or more. Returns nullopt if it is unknown, ended, expired or idle for too long, or
  /// its user is disabled.
  std::optional<Session> find(db::Connection& connection, std::string_view token) const;

  /// The token's hash, as stored in the table.
  [[nodiscard]] crypto::Digest hash_of(std::string_view token) const;

  /// A user's live sessions, last seen first. `own`: that of the user who asks.
  std::vector<SessionRow> list(db::Connection& connection, std::uint64_t user_id,
                               const Session* own) const;

  /// Number of a user's live sessions.
  std::uint64_t count(db::Connection& connection, std::uint64_t user_id) const;

  /// Ends a user's sessions beyond session.per_account, those unseen for longest first. Call after
  /// a login has committed: of several at once, the last one sees all. Never throws, since the
  /// login is done.
  void end_surplus(db::Connection& connection, std::uint64_t user_id) const;

 private:
  [[nodiscard]] std::uint64_t idle_seconds() const;

  const Config& config_;
  const Secret& key_;
};

/// Returns nullopt if the account is deleted.
extern const db::Query<SessionOwner(std::string_view token_hash)> find_session_owner;
/// Seconds since a session's owner last authenticated.
extern const db::Query<db::Number(std::string_view token_hash)> find_authentication_age;
/// Records how a session's owner has just authenticated.
extern const db::Write<void(std::uint64_t level, std::string_view amr, std::string_view token_hash)>
    renew_authentication;
/// Records that a new TOTP was confirmed in the session. That does not make it fresh: the secret
/// was given to the same session, so the code proves nothing about its owner.
extern const db::Write<void(std::uint64_t level, std::string_view token_hash)> add_totp_to_session;
extern const db::Write<void(std::string_view token_hash)> delete_session;
/// Returns nullopt if the user has no such session.
extern const db::Query<EndedSession(std::uint64_t id, std::uint64_t user_id,
                                    std::string_view token_hash)>
    delete_session_by_id;
extern const db::Write<void(std::uint64_t user_id)> delete_sessions;
/// Reads the owner of a session, and locks both until the transaction ends. Returns nullopt if the
/// session was ended or the account disabled in the meantime.
std::optional<User> lock_owner(db::Connection& connection, const Session& session);
/// Ends all sessions of a user, also those of logins in progress, except `kept`, which must be
/// locked by lock_owner().
void end_sessions(db::Connection& connection, std::uint64_t user_id, const Session* kept);

}  // namespace users
