// Sessions: opaque tokens of which the table holds only the hash.
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
#include "db/connection.hpp"

namespace users {

/// A session that was found alive.
struct Session {
  std::uint64_t id = 0;
  std::uint64_t user_id = 0;
  std::string phone;  ///< E.164
  std::uint64_t seconds_unseen = 0;
  crypto::Digest token_hash{};
};

struct NewSession {
  std::string token;  ///< base64url, 43 characters; exists here and at the client only
  std::uint64_t user_id;
  std::uint64_t lifetime;  ///< seconds
  std::string expires_at;  ///< ISO 8601, UTC, by the database's clock
};

/// One line of the list a user sees.
struct SessionRow {
  std::uint64_t id = 0;
  std::string created;    ///< ISO 8601, UTC
  std::string last_seen;  ///< the same, at most 5 minutes old
  std::string address;
  std::string agent;
};

class Sessions {
 public:
  /// Both must outlive this object.
  Sessions(const Config& config, const Secret& key) : config_(config), key_(key) {}

  /// Makes one under a fresh token, in the caller's transaction. It is over at once if all of the
  /// user's were ended since `user` was read.
  NewSession open(db::Connection& connection, const User& user, const Client& client) const;

  /// Returns the session of a token: one read by primary key, and one write if it was last seen 5
  /// minutes ago. Returns nullopt if it is unknown, ended, expired, idle too long, or its user is
  /// disabled.
  std::optional<Session> find(db::Connection& connection, std::string_view token) const;

  /// What the table holds of a token.
  [[nodiscard]] crypto::Digest hash_of(std::string_view token) const;

  /// Those of a user that are alive, last seen first.
  std::vector<SessionRow> list(db::Connection& connection, std::uint64_t user_id) const;

  /// How many of a user are alive.
  std::uint64_t count(db::Connection& connection, std::uint64_t user_id) const;

  static void end(db::Connection& connection, const Session& session);
  /// Returns false if the user has no such session.
  static bool end_by_id(db::Connection& connection, std::uint64_t user_id, std::uint64_t id);
  /// Ends all sessions of a user, but for `kept`. Returns false if that one was ended meanwhile.
  [[nodiscard]] static bool end_all(db::Connection& connection, std::uint64_t user_id,
                                    const Session* kept);
  static void delete_all(db::Connection& connection, std::uint64_t user_id);

  /// Ends the sessions of a user beyond config session.per_account, those unseen for longest first.
  /// Call it after the commit of a login: of several at once the last one sees them all. Never
  /// throws, since the login stands.
  void end_surplus(db::Connection& connection, std::uint64_t user_id) const;

 private:
  [[nodiscard]] std::uint64_t idle_seconds() const;

  const Config& config_;
  const Secret& key_;
};

}  // namespace users
