// The signed identity: a JSON Web Token (RFC 7519) by which a backend knows who a request is from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "accounts/identity_keys.hpp"
#include "accounts/session.hpp"
#include "db/database.hpp"

namespace users {

/// Signs with the active key, which it reads again in every second that it signs in. A session that
/// asks several times in a second, as for the parts of a page, gets the same token.
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
  /// A token's first part, with its dot.
  std::string head_;
  /// Since 1970, by the database's clock.
  std::uint64_t second_ = 0;
  /// Of this second, by their claims.
  std::unordered_map<std::string, std::string> tokens_;
};

}  // namespace users
