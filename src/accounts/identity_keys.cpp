#include "accounts/identity_keys.hpp"

#include <stdexcept>

#include "base/json.hpp"
#include "base/log.hpp"

namespace users {
namespace {

/// Verifiers keep the published keys for some minutes (jose: 10, PyJWT: 5). A key that signed
/// before they have it would be refused.
constexpr std::uint64_t kPublishedBefore = 3600;

/// The id of the active key. If the clock was set back, no key's time may have come: then it is the
/// first one's.
const std::string kActive =
    "IFNULL((SELECT MAX(k.id) FROM identity_keys k WHERE k.activeTime <= UTC_TIMESTAMP()), (SELECT "
    "MIN(k.id) FROM identity_keys k))";

const std::vector<db::Column<IdentityKey>> kIdentityKey{
    {"i.id", &IdentityKey::id},
    {"i.publicKey", &IdentityKey::public_key},
    {"i.sealed", &IdentityKey::sealed},
    {db::iso8601("i.createTime"), &IdentityKey::created},
    {db::iso8601("i.activeTime"), &IdentityKey::active},
    {"IF(i.id = " + kActive + ", 'active', IF(i.activeTime > UTC_TIMESTAMP(), 'next', 'retired'))",
     &IdentityKey::state},
    {db::seconds_since("i.activeTime"), &IdentityKey::seconds_active}};

const db::Query<IdentityKey()> find_active_identity_key{
    "find_active_identity_key", "SELECT", kIdentityKey,
    "FROM identity_keys i WHERE i.id = " + kActive};
const db::Query<IdentityKey()> find_newest_identity_key{
    "find_newest_identity_key", "SELECT", kIdentityKey,
    "FROM identity_keys i ORDER BY i.id DESC LIMIT 1"};

/// The first of several at once decides.
const db::Write<void(std::uint64_t id, std::string_view public_key, std::string_view sealed,
                     std::uint64_t delay)>
    insert_identity_key{
        "insert_identity_key",
        "INSERT IGNORE INTO identity_keys (id, publicKey, sealed, createTime, activeTime) VALUES "
        "(?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL ? SECOND)"};

const db::Write<void(std::uint64_t id)> activate_identity_key{
    "activate_identity_key", "UPDATE identity_keys SET activeTime = UTC_TIMESTAMP() WHERE id = ?"};
const db::Write<void(std::uint64_t id)> delete_identity_key{
    "delete_identity_key", "DELETE FROM identity_keys WHERE id = ?"};
const db::Write<void()> delete_identity_keys{"delete_identity_keys", "DELETE FROM identity_keys"};

crypto::Digest sealing_key(const Secret& key) {
  return crypto::keyed_hash(key, "identity key", "");
}

/// The kid of its key must not look like an option of `users-ctl identity revoke`.
Secret make_seed() {
  for (;;) {
    Secret seed(crypto::random_bytes(crypto::SigningKey::kSeedLength));
    if (!kid_of(crypto::SigningKey(seed).public_key()).starts_with('-')) return seed;
  }
}

/// Makes a key that is active in `delay` seconds. Returns false if another one has this id.
bool add_identity_key(db::Connection& connection, const Secret& key, std::uint64_t id,
                      std::uint64_t delay) {
  const Secret seed = make_seed();
  const crypto::SigningKey signing(seed);
  const std::string sealed = crypto::seal(sealing_key(key), seed.reveal());
  const bool is_made =
      insert_identity_key(connection, id, signing.public_key(), sealed, delay) == 1;
  if (is_made) {
    log::info({"identity: made key ", kid_of(signing.public_key()), ", which signs ",
               delay == 0 ? "from now on" : "in an hour"});
  }
  return is_made;
}

}  // namespace

decltype(list_identity_keys) list_identity_keys{
    "list_identity_keys", "SELECT", kIdentityKey,
    std::string("FROM identity_keys i WHERE i.id >= ") + kOldestPublished + " ORDER BY i.id DESC"};

IdentityKey active_identity_key(db::Connection& connection, const Secret& key) {
  if (auto found = find_active_identity_key.one(connection)) return std::move(*found);
  add_identity_key(connection, key, 1, 0);
  // Another process may have been faster.
  if (auto found = find_active_identity_key.one(connection)) return std::move(*found);
  throw std::runtime_error("there is no identity key");
}

bool add_next_identity_key(db::Connection& connection, const Secret& key) {
  const auto newest = find_newest_identity_key.one(connection);
  if (!newest) return add_identity_key(connection, key, 1, 0);
  return newest->state != "next" &&
         add_identity_key(connection, key, newest->id + 1, kPublishedBefore);
}

bool rotate_identity_keys(db::Connection& connection, const Config& config, const Secret& key) {
  const auto newest = find_newest_identity_key.one(connection);
  const std::uint64_t lifetime = config.identity_key_days * kDay - kPublishedBefore;
  return (!newest || newest->seconds_active >= lifetime) && add_next_identity_key(connection, key);
}

void withdraw_identity_key(db::Connection& connection, const Secret& key,
                           const IdentityKey& identity) {
  if (identity.state == "active") {
    // Ids count up without gaps from the active one on.
    add_identity_key(connection, key, identity.id + 1, 0);
    activate_identity_key(connection, identity.id + 1);
  }
  delete_identity_key(connection, identity.id);
}

std::uint64_t replace_identity_keys(db::Connection& connection, const Secret& key) {
  const auto newest = find_newest_identity_key.one(connection);
  if (!newest) return 0;
  const std::uint64_t deleted = delete_identity_keys(connection);
  add_identity_key(connection, key, newest->id + 1, 0);
  return deleted;
}

Secret seed_of(const IdentityKey& identity, const Secret& key) {
  auto seed = crypto::open_sealed(sealing_key(key), identity.sealed);
  if (seed) return std::move(*seed);
  throw std::runtime_error("identity key " + kid_of(identity.public_key) +
                           " does not open: it was sealed with another secrets.key_file; restore "
                           "that file, or run users-ctl identity revoke with this key");
}

std::string kid_of(std::string_view public_key) {
  const std::string jwk =
      R"({"crv":"Ed25519","kty":"OKP","x":")" + crypto::to_base64url(public_key) + R"("})";
  return crypto::to_base64url(crypto::bytes_of(crypto::sha256(jwk)));
}

std::string key_set_of(const std::vector<IdentityKey>& keys) {
  json::Array set;
  for (const IdentityKey& identity : keys) {
    set.push_back(json::Object{{"kty", "OKP"},
                               {"crv", "Ed25519"},
                               {"alg", "EdDSA"},
                               {"use", "sig"},
                               {"kid", kid_of(identity.public_key)},
                               {"x", crypto::to_base64url(identity.public_key)}});
  }
  return json::text(json::Object{{"keys", std::move(set)}});
}

}  // namespace users
