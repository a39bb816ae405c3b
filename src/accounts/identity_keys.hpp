// The keys that sign identities (Ed25519), as rows. The newest key whose time has come is active.
// The next one is published an hour before it signs; a retired one for another hour, then it is
// deleted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/crypto.hpp"
#include "db/statement.hpp"

namespace users {

/// The id of the oldest published key, for a condition: the newest one that has been active for an
/// hour.
constexpr const char* kOldestPublished =
    "IFNULL((SELECT MAX(k.id) FROM identity_keys k WHERE k.activeTime < UTC_TIMESTAMP() - INTERVAL "
    "1 HOUR), 0)";

struct IdentityKey {
  std::uint64_t id = 0;    ///< counts up from 1; a restored database may use one again
  std::string public_key;  ///< 32 bytes
  std::string sealed;      ///< its seed
  std::string created;     ///< ISO 8601, UTC
  std::string active;      ///< from when on, same format
  std::string state;       ///< next, active or retired
  std::uint64_t seconds_active = 0;
};

/// The published keys, newest first.
extern const db::Query<IdentityKey()> list_identity_keys;

/// Returns the active key; makes the first one.
IdentityKey active_identity_key(db::Connection& connection, const Secret& key);

/// Makes the first key, which is active at once, or the next one. Returns false if there is a next
/// one, or another process made it at the same time.
bool add_next_identity_key(db::Connection& connection, const Secret& key);

/// Makes the next key once the active one is identity.key_days old. Returns false if none was made.
bool rotate_identity_keys(db::Connection& connection, const Config& config, const Secret& key);

/// Deletes a key. If it is the active one, the next one, or a new one, is active at once.
void withdraw_identity_key(db::Connection& connection, const Secret& key,
                           const IdentityKey& identity);

/// Deletes all keys, and if there were any, makes one that is active at once. Returns how many.
std::uint64_t replace_identity_keys(db::Connection& connection, const Secret& key);

/// Returns the seed. Throws std::runtime_error if it was sealed with another key.
Secret seed_of(const IdentityKey& identity, const Secret& key);

/// The thumbprint of the key (RFC 7638), by which tokens and key sets name it: 43 characters.
std::string kid_of(std::string_view public_key);

/// A JWK Set (RFC 7517, 8037).
std::string key_set_of(const std::vector<IdentityKey>& keys);

}  // namespace users
