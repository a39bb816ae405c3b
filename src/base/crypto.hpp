// Cryptography, all by libsodium: argon2id, keyed hashes, random bytes. Only this module includes
// sodium.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace users::crypto {

/// A keyed hash, stored as BINARY(32).
using Digest = std::array<unsigned char, 32>;

/// Must be called once, before anything else here. Throws std::runtime_error if no random source
/// works.
void start();

/// argon2id, RFC 9106; parallelism is always 1.
struct PasswordCost {
  unsigned memory_kib;
  unsigned passes;
};

/// Returns a PHC string of at most 127 ASCII characters. Throws std::bad_alloc if memory is short.
std::string hash_password(const Secret& password, PasswordCost cost);

/// Returns true if the PHC string was made from this password. False for any string that is not an
/// argon2 hash. If memory is short, throws std::bad_alloc for our own hashes; for those of other
/// programs (other parameters) it returns false.
bool verify_password(const Secret& password, const std::string& phc);

/// Bytes of the service's key: 32 random bytes as hexadecimal digits. BLAKE2b takes no longer key.
constexpr std::size_t kKeyLength = 64;

/// Returns true if the hash has another cost, or is not argon2id.
bool needs_rehash(const std::string& phc, PasswordCost cost);

/// The same text as sha256sum(1): 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

/// SHA-256.
Digest sha256(std::string_view bytes);

/// base64url without padding (RFC 4648, section 5).
std::string to_base64url(std::string_view bytes);
/// Returns nullopt for padding, a character outside of the alphabet, or bits left over.
std::optional<std::string> from_base64url(std::string_view text);

/// Returns true if the 32 bytes are a point that an Ed25519 key may be (RFC 8032): on the curve,
/// not of small order.
bool is_ed25519_key(std::string_view bytes);

/// Returns true if the key, which is_ed25519_key accepts, has signed the message.
bool is_ed25519_signature(std::string_view signature, std::string_view message,
                          std::string_view key);

/// A key that signs by Ed25519 (RFC 8032).
class SigningKey {
 public:
  static constexpr std::size_t kSeedLength = 32;

  explicit SigningKey(const Secret& seed);

  /// 32 bytes.
  [[nodiscard]] const std::string& public_key() const { return public_key_; }
  /// Returns 64 bytes.
  [[nodiscard]] std::string sign(std::string_view message) const;

 private:
  std::string public_key_;
  Secret secret_;
};

/// BLAKE2b with the service's key. `purpose` (without a NUL) separates the uses of the key.
Digest keyed_hash(const Secret& key, std::string_view purpose, std::string_view message);

/// Recognises bytes that this process has seen before: SipHash-2-4 with a random key. Without the
/// key nobody can construct other bytes with the same fingerprint.
class Fingerprinter {
 public:
  Fingerprinter();
  [[nodiscard]] std::uint64_t of(std::string_view bytes) const;

 private:
  std::array<unsigned char, 16> key_{};
};

/// Compares in constant time; only a difference in length shows.
bool equal(std::string_view a, std::string_view b);
bool equal(const Digest& digest, std::string_view bytes);

/// A view of the digest's bytes, for a statement or a message.
std::string_view bytes_of(const Digest& digest);

/// Encrypts and authenticates: a random nonce, then XSalsa20-Poly1305.
std::string seal(const Digest& key, std::string_view message);
/// Returns nullopt if the bytes were not sealed with this key.
std::optional<Secret> open_sealed(const Digest& key, std::string_view sealed);

/// 32 random bytes in base64url: 43 characters.
std::string random_token();

/// 32 random bytes.
Digest random_digest();

std::string random_bytes(std::size_t size);

/// `bytes` random bytes in lower-case hexadecimal.
std::string random_hex(std::size_t bytes);

/// Uniform in [0, bound).
std::uint32_t random_below(std::uint32_t bound);

}  // namespace users::crypto
