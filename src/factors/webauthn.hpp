// Verifies what a passkey's authenticator returns (WebAuthn Level 3): registrations (7.1) and
// assertions (7.2) with ES256, Ed25519 and RS256. Attestation statements are ignored. Knows no
// database: the caller compares the challenge, the credential id and the user handle.
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"

namespace users::webauthn {

/// Why a registration or an assertion does not count; what() is for the log, never for the client.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The same, of the client data.
class ClientDataRefused : public Refused {
 public:
  using Refused::Refused;
};

/// The site, as passkeys know it.
struct RelyingParty {
  std::string id;                    ///< a domain
  std::vector<std::string> origins;  ///< scheme, host and port, as browsers write them
};

/// COSE algorithms that are offered and accepted, the best one first.
constexpr std::array<std::int64_t, 3> kAlgorithms{-8, -7, -257};

constexpr std::size_t kChallengeBytes = 32;

/// The members of clientDataJSON that count.
struct ClientData {
  std::string type;
  std::string challenge;  ///< decoded
  std::string origin;
  crypto::Digest hash{};  ///< SHA-256 of the JSON
};

/// Reads clientDataJSON. Throws ClientDataRefused, also if a page of another origin embeds the
/// page.
ClientData read_client_data(std::string_view json);

/// Whether the authenticator must have checked a PIN, a fingerprint or the like.
enum class UserVerification { required, preferred };

/// What a registration creates.
struct Credential {
  std::string id;          ///< 1 to 1023 bytes
  std::string public_key;  ///< COSE_Key (RFC 9052), at most 600 bytes
  std::uint32_t sign_count = 0;
  bool user_verified = false;
  bool backup_eligible = false;  ///< may be synchronised to other devices
};

/// Verifies a registration, except its challenge. Throws Refused.
Credential check_registration(const RelyingParty& site, const ClientData& client,
                              std::string_view attestation_object, UserVerification verification);

/// What is stored of a credential and needed for its assertions.
struct StoredKey {
  std::string_view public_key;
  bool backup_eligible = false;
};

struct Assertion {
  std::uint32_t sign_count = 0;
  bool user_verified = false;
};

/// Verifies an assertion, except its challenge, credential id, user handle and count. Throws
/// Refused.
Assertion check_assertion(const RelyingParty& site, const ClientData& client,
                          std::string_view authenticator_data, std::string_view signature,
                          const StoredKey& key, UserVerification verification);

}  // namespace users::webauthn
