// Passkeys: their rows, their challenges, and what an assertion permits. webauthn.hpp verifies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/outcome.hpp"
#include "accounts/session.hpp"
#include "base/config.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "factors/webauthn.hpp"
#include "metrics/metrics.hpp"

namespace users {

/// What a challenge is for: it counts for nothing else. Those of confirm and enrol belong to a
/// session.
enum class Ceremony { login, second_factor, confirm, enrol };

/// An assertion as sent: unchecked text, base64url.
struct SentPasskey {
  std::string_view id;
  std::string_view client_data;
  std::string_view authenticator_data;
  std::string_view signature;
  std::optional<std::string_view> user_handle{};
};

/// A registration as sent: unchecked text, the first two base64url.
struct SentRegistration {
  std::string_view client_data;
  std::string_view attestation_object;
  std::optional<std::string_view> name{};
  std::optional<std::string_view> transports{};  ///< separated by commas
};

// Arguments.
constexpr std::string_view kPasskeyId = "passkey_id";
constexpr std::string_view kPasskeyClientData = "passkey_client_data";
constexpr std::string_view kPasskeyAuthenticatorData = "passkey_authenticator_data";
constexpr std::string_view kPasskeySignature = "passkey_signature";
constexpr std::string_view kPasskeyUserHandle = "passkey_user_handle";
constexpr std::string_view kPasskey = "passkey";    ///< as second factor
constexpr std::string_view kPasskeys = "passkeys";  ///< there are too many
constexpr std::string_view kClientData = "client_data";
constexpr std::string_view kAttestationObject = "attestation_object";

constexpr std::uint64_t kMostPasskeys = 10;
constexpr std::uint64_t kChallengeSeconds = std::uint64_t{5} * 60;

/// A passkey that browsers are told of.
struct KnownPasskey {
  std::string id;          ///< base64url
  std::string transports;  ///< separated by commas
};

/// An assertion that is right, but whose challenge is not consumed yet.
struct RightPasskey {
  std::uint64_t factor_id = 0;  ///< 0: none
  std::uint64_t user_id = 0;
  std::string challenge;
  Ceremony ceremony{};
  std::string session;  ///< token hash; empty: the challenge is of anybody
  std::uint32_t sign_count = 0;
  bool counter_fell_back = false;
};

/// A registration that is right, but whose challenge is not consumed yet.
struct NewPasskey {
  std::string challenge;
  webauthn::Credential credential;
  std::string name;
  std::string transports;
};

/// Checks the form alone. Returns invalid_arguments with the names of the bad ones.
Outcome check_form(const SentPasskey& sent);

class Passkeys {
 public:
  /// All must outlive this object.
  Passkeys(const Config& config, const Secret& key, Metrics& metrics);

  /// With a password or a code, possession of the device is enough.
  static webauthn::UserVerification verification_for(Ceremony ceremony);

  /// Whether the site has them: passkey.rp_id.
  [[nodiscard]] bool is_on() const { return !config_.passkey_rp_id.empty(); }

  /// Stores a new challenge for kChallengeSeconds and returns it, base64url. `session`: the token
  /// hash of the session it belongs to, or empty.
  [[nodiscard]] std::string new_challenge(db::Database& database, Ceremony ceremony,
                                          std::string_view session) const;

  /// Verifies an assertion, except that its challenge is alive. `owner`: whose passkey it must be;
  /// nullopt: anybody's. Returns nullopt if it is refused: the log has the reason, and the
  /// challenge is spent.
  std::optional<RightPasskey> judge(db::Database& database, const SentPasskey& sent,
                                    Ceremony ceremony, std::string_view session,
                                    std::optional<std::uint64_t> owner) const;

  /// Consumes the challenge in the transaction of what it permits. Returns false if it is unknown,
  /// used, late, or for something else, or if the passkey was removed meanwhile.
  bool consume(db::Connection& connection, const RightPasskey& right) const;

  /// Verifies a registration, except that its challenge is alive. Returns invalid_arguments if it
  /// is refused: the log has the reason. Sets `made` if ok.
  Outcome judge_registration(const SentRegistration& sent, NewPasskey& made) const;

  /// Consumes the challenge of `session` and adds the passkey, in the caller's transaction with the
  /// user's row locked. Returns ok, or invalid_arguments. Throws db::DuplicateKey if an account has
  /// this passkey already.
  Outcome enrol(db::Connection& connection, std::uint64_t user_id, std::string_view session,
                const NewPasskey& made) const;

  /// Those of an account that can be used: made for this rp_id.
  std::vector<KnownPasskey> list(db::Connection& connection, std::uint64_t user_id) const;

  /// An account's handle for authenticators: 32 bytes that tell nothing.
  [[nodiscard]] std::string handle_of(std::uint64_t user_id) const;

 private:
  [[nodiscard]] crypto::Digest rp_id_hash() const;
  [[nodiscard]] webauthn::RelyingParty site() const;
  RightPasskey verify(db::Database& database, const SentPasskey& sent, Ceremony ceremony,
                      std::optional<std::uint64_t> owner, std::string& challenge) const;

  const Config& config_;
  const Secret& key_;
  Counter right_;
  Counter wrong_;
  Counter fell_back_;
};

/// Includes those that were made for another rp_id.
extern const db::Query<db::Number(std::uint64_t user_id)> count_passkeys;
/// The number of a passkey, by its credential id.
extern const db::Query<db::Number(std::uint64_t user_id, std::string_view credential)>
    find_own_passkey;
/// Passkeys that were made for another rp_id than the one with this hash.
extern const db::Query<db::Number(std::string_view rp_id_hash)> count_foreign_passkeys;

}  // namespace users
