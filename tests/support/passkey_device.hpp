// An authenticator in software: makes passkeys, registers them and signs with them. Every part of
// what it sends can be changed before.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/evp.h>

namespace users::test {

/// What a client sends of a ceremony, part by part. The defaults are those of a good one.
struct Ceremony {
  std::string type;       ///< webauthn.create or webauthn.get
  std::string challenge;  ///< base64url
  std::string origin = "https://example.org";
  std::string more_json;  ///< members added to the client data, each after a comma
  std::string rp_id = "example.org";
  unsigned flags = 0x05;  ///< UP and UV; registrations have AT too
  std::uint32_t count = 0;
  std::string id;          ///< of the credential
  std::string public_key;  ///< COSE
  std::string extensions;  ///< CBOR
  std::string more_data;   ///< added to the authenticator data
  std::string statement = std::string(
      "\x63"
      "fmt\x64none\x67"
      "attStmt\xa0");       ///< two pairs of the object
  std::string more_object;  ///< added to the attestation object

  [[nodiscard]] std::string client_data() const;
  [[nodiscard]] std::string authenticator_data() const;
  [[nodiscard]] std::string attestation_object() const;
};

/// CBOR: an item's head with its length or value; types as in RFC 8949, 0 to 7.
std::string cbor_head(unsigned type, std::uint64_t value);
std::string cbor_bytes(std::string_view bytes);

/// An RSA key of 8,192 bits, COSE. Nobody can sign with it: making one takes seconds by chance.
std::string large_rsa_key();

enum class Algorithm { es256, ed25519, rs256 };

class PasskeyDevice {
 public:
  explicit PasskeyDevice(Algorithm algorithm = Algorithm::es256, unsigned rsa_bits = 2048);

  [[nodiscard]] const std::string& id() const { return id_; }
  /// COSE.
  [[nodiscard]] std::string public_key() const;

  /// `challenge`: base64url.
  [[nodiscard]] Ceremony creation(std::string_view challenge) const;
  [[nodiscard]] Ceremony assertion(std::string_view challenge) const;
  /// Over the authenticator data and the hash of the client data.
  [[nodiscard]] std::string sign(const Ceremony& ceremony) const;

 private:
  Algorithm algorithm_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::string id_;
};

}  // namespace users::test
