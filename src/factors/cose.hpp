// Public keys in COSE (RFC 9052, 9053), and their signatures: Ed25519 by libsodium, which takes
// half the time for it, the others by OpenSSL.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/evp.h>

namespace users::cose {

/// A key of one of the algorithms in webauthn::kAlgorithms: ES256 on P-256, Ed25519, or RS256 with
/// 2048 to 4096 bits.
class Key {
 public:
  /// Throws cbor::Malformed if the bytes are no such key.
  explicit Key(std::string_view bytes);

  /// Returns true if the key has signed the message. `signature` is DER with ES256.
  [[nodiscard]] bool verify(std::string_view message, std::string_view signature) const;

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{nullptr, &EVP_PKEY_free};
  std::string ed25519_;  ///< instead of key_
};

}  // namespace users::cose
