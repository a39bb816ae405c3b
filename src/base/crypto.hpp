// Cryptography, all of it libsodium's: argon2id, keyed hashes, random bytes. The one user of
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

/// A keyed hash, as it is stored in BINARY(32).
using Digest = std::array<unsigned char, 32>;

/// Must be called once, before anything else here. Throws std::runtime_error where there is no
/// working random source.
void start();

/// argon2id, RFC 9106; parallelism is always 1.
struct PasswordCost {
  unsigned memory_kib;
  unsigned passes;
};

/// A PHC string of at most 127 ASCII characters. Throws std::bad_alloc when the memory cannot be
/// had.
std::string hash_password(const Secret& password, PasswordCost cost);

/// True where the password is the one the PHC string was made from. A string that is no argon2 hash
/// verifies nothing. Throws std::bad_alloc when the memory cannot be had; a hash that another
/// program made, with other parameters, then verifies nothing.
bool verify_password(const Secret& password, const std::string& phc);

/// Bytes of the service's key: 32 random ones in hexadecimal, and as long as BLAKE2b takes a key.
constexpr std::size_t kKeyLength = 64;

/// True where the PHC string was made with another cost, or is no argon2id hash at all.
bool needs_rehash(const std::string& phc, PasswordCost cost);

/// As sha256sum(1) prints it: 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

/// BLAKE2b keyed with the service's key. `purpose` (without a NUL) keeps the uses of the key apart.
Digest keyed_hash(const Secret& key, std::string_view purpose, std::string_view message);

/// Tells within one process whether bytes are those seen before: SipHash-2-4 under a random key of
/// its own. Nobody who does not know the key can choose other bytes with the same fingerprint.
class Fingerprinter {
 public:
  Fingerprinter();
  [[nodiscard]] std::uint64_t of(std::string_view bytes) const;

 private:
  std::array<unsigned char, 16> key_{};
};

/// Compares without telling by time where they differ.
bool equal(const Digest& digest, std::string_view bytes);

/// The same of texts, but for their lengths.
bool equal_text(std::string_view a, std::string_view b);

/// The bytes of a digest, for a statement or a message; a view into it.
std::string_view bytes_of(const Digest& digest);

/// Encrypts and authenticates (XSalsa20-Poly1305 under a random nonce, which stands in front).
std::string seal(const Digest& key, std::string_view message);
/// Nothing where the bytes were not sealed with this key.
std::optional<Secret> open_sealed(const Digest& key, std::string_view sealed);

/// 32 random bytes in base64url without padding (RFC 4648 5): 43 characters.
std::string random_token();

/// 32 random bytes.
Digest random_digest();

/// `bytes` random bytes in lower-case hexadecimal.
std::string random_hex(std::size_t bytes);

/// Uniform in [0, bound).
std::uint32_t random_below(std::uint32_t bound);

}  // namespace users::crypto
