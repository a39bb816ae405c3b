// The signed identity: a JSON Web Token (RFC 7519) by which a backend knows who a request is from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/identity_keys.hpp"
#include "accounts/session.hpp"
#include "db/database.hpp"

namespace users {

/// Signs with the active key, which it reads again in every second that it signs in.
class IdentitySigner {
 public:
  /// Both must outlive this object.
  IdentitySigner(const Config& config, const Secret& key) : config_(config), key_(key) {}

  /// Returns a token of 60 seconds for the site `host`. Throws db::DatabaseError;
  /// std::runtime_error if the key does not open.
  std::string sign(db::Database& database, const Session& session, const std::string& host);

 private:
  void read_key(db::Database& database);

  const Config& config_;
  const Secret& key_;
  std::optional<crypto::SigningKey> signing_;
  std::uint64_t read_at_ = 0;  ///< in seconds since 1970, by the database's clock
  std::string head_;           ///< the token's first part, with its dot
};

}  // namespace users
