#include "factors/passkeys.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "base/text.hpp"

namespace users {
namespace {

constexpr std::size_t kLongestName = 64;        // code points
constexpr std::size_t kLongestTransports = 64;  // characters

std::string_view name_of(Ceremony ceremony) {
  constexpr std::array<std::string_view, 4> kNames{"login", "second_factor", "confirm", "enrol"};
  return kNames.at(static_cast<std::size_t>(ceremony));
}

struct StoredPasskey {
  std::uint64_t id = 0;
  std::uint64_t user_id = 0;
  std::string public_key;
  std::uint64_t sign_count = 0;
  bool backup_eligible = false;
};
const db::Query<StoredPasskey(std::string_view credential)> find_passkey{
    "find_passkey",
    "SELECT",
    {{"id", &StoredPasskey::id},
     {"user_id", &StoredPasskey::user_id},
     {"IFNULL(publicKey, '')", &StoredPasskey::public_key},
     {"signCount", &StoredPasskey::sign_count},
     {"backupEligible", &StoredPasskey::backup_eligible}},
    "FROM factors WHERE credential = ?"};
const db::Write<void(std::uint64_t sign_count, std::uint64_t id)> use_passkey{
    "use_passkey", "UPDATE factors SET signCount = ?, useTime = UTC_TIMESTAMP() WHERE id = ?"};
const db::Write<void(std::uint64_t user_id, db::Parameter name, std::string_view credential,
                     std::string_view public_key, std::string_view rp_id_hash,
                     std::uint64_t sign_count, std::uint64_t backup_eligible,
                     std::string_view transports)>
    insert_passkey{"insert_passkey",
                   "INSERT INTO factors (user_id, kind, name, credential, publicKey, rpIdHash, "
                   "signCount, backupEligible, transports, createTime) VALUES (?, 'passkey', ?, ?, "
                   "?, ?, ?, ?, ?, UTC_TIMESTAMP())"};
const db::Write<void(std::string_view challenge, std::string_view purpose, std::string_view session,
                     std::uint64_t seconds)>
    put_challenge{"put_challenge",
                  "INSERT INTO passkey_challenges (challenge, purpose, session, expireTime) VALUES "
                  "(?, ?, ?, UTC_TIMESTAMP() + INTERVAL ? SECOND)"};
/// Only one of several requests with the same challenge finds a row.
const db::Write<void(std::string_view challenge, std::string_view purpose,
                     std::string_view session)>
    take_challenge{"take_challenge",
                   "DELETE FROM passkey_challenges WHERE challenge = ? AND purpose = ? AND session "
                   "= ? AND expireTime > UTC_TIMESTAMP()"};
const db::Write<void(std::string_view challenge)> spend_challenge{
    "spend_challenge", "DELETE FROM passkey_challenges WHERE challenge = ?"};

const db::Query<KnownPasskey(std::uint64_t user_id, std::string_view rp_id_hash)> list_passkeys{
    "list_passkeys",
    "SELECT",
    // base64url without padding.
    {{"REPLACE(REPLACE(REPLACE(REPLACE(TO_BASE64(credential), '\n', ''), '=', ''), '+', '-'), '/', "
      "'_')",
      &KnownPasskey::id},
     {"transports", &KnownPasskey::transports}},
    "FROM factors WHERE user_id = ? AND kind = 'passkey' AND rpIdHash = ? ORDER BY id"};

std::string decoded(std::string_view text) {
  auto bytes = crypto::from_base64url(text);
  if (!bytes) throw webauthn::Refused("not base64url");
  return std::move(*bytes);
}

bool is_base64url(std::string_view text) {
  return !text.empty() && crypto::from_base64url(text).has_value();
}

/// Returns true for names such as `internal,hybrid`.
bool are_transports(std::string_view text) {
  return text.size() <= kLongestTransports && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || c == '-' || c == ',';
         });
}

}  // namespace

decltype(count_passkeys) count_passkeys{"count_passkeys",
                                        "SELECT",
                                        {{"COUNT(*)", &db::Number::value}},
                                        "FROM factors WHERE user_id = ? AND kind = 'passkey'"};
decltype(find_own_passkey) find_own_passkey{"find_own_passkey",
                                            "SELECT",
                                            {{"id", &db::Number::value}},
                                            "FROM factors WHERE user_id = ? AND credential = ?"};
decltype(count_foreign_passkeys) count_foreign_passkeys{
    "count_foreign_passkeys",
    "SELECT",
    {{"COUNT(*)", &db::Number::value}},
    "FROM factors WHERE kind = 'passkey' AND rpIdHash <> ?"};

Outcome check_form(const SentPasskey& sent) {
  return require(
      {{is_base64url(sent.id), kPasskeyId},
       {is_base64url(sent.client_data), kPasskeyClientData},
       {is_base64url(sent.authenticator_data), kPasskeyAuthenticatorData},
       {is_base64url(sent.signature), kPasskeySignature},
       {!sent.user_handle || sent.user_handle->empty() || is_base64url(*sent.user_handle),
        kPasskeyUserHandle}});
}

Passkeys::Passkeys(const Config& config, const Secret& key, Metrics& metrics)
    : config_(config),
      key_(key),
      right_(metrics.counter(MetricId::passkeys, R"(result="right")")),
      wrong_(metrics.counter(MetricId::passkeys, R"(result="wrong")")),
      fell_back_(metrics.counter(MetricId::passkeys, R"(result="counter")")) {}

webauthn::UserVerification Passkeys::verification_for(Ceremony ceremony) {
  return ceremony == Ceremony::second_factor ? webauthn::UserVerification::preferred
                                             : webauthn::UserVerification::required;
}

std::string Passkeys::new_challenge(db::Database& database, Ceremony ceremony,
                                    std::string_view session) const {
  const crypto::Digest challenge = crypto::random_digest();
  database.replay([&](db::Connection& connection) {
    put_challenge(connection, crypto::bytes_of(challenge), name_of(ceremony), session,
                  kChallengeSeconds);
  });
  return crypto::to_base64url(crypto::bytes_of(challenge));
}

std::optional<RightPasskey> Passkeys::judge(db::Database& database, const SentPasskey& sent,
                                            Ceremony ceremony, std::string_view session,
                                            std::optional<std::uint64_t> owner) const {
  std::string challenge;
  try {
    RightPasskey right = verify(database, sent, ceremony, owner, challenge);
    right.session = session;
    return right;
  } catch (const webauthn::Refused& refused) {
    log::warning({"passkey refused: ", refused.what()});
    wrong_.add();
  }
  if (!challenge.empty()) {
    database.replay([&](db::Connection& connection) { spend_challenge(connection, challenge); });
  }
  return std::nullopt;
}

RightPasskey Passkeys::verify(db::Database& database, const SentPasskey& sent, Ceremony ceremony,
                              std::optional<std::uint64_t> owner, std::string& challenge) const {
  const webauthn::ClientData client = webauthn::read_client_data(decoded(sent.client_data));
  challenge = client.challenge;
  const auto stored = database.replay(
      [&](db::Connection& connection) { return find_passkey.one(connection, decoded(sent.id)); });
  if (!stored) throw webauthn::Refused("unknown credential id");
  if (owner && stored->user_id != *owner) throw webauthn::Refused("of another account");
  const std::string handle = decoded(sent.user_handle.value_or(""));
  // A login knows the account by the handle alone; elsewhere browsers may leave it out.
  const bool may_lack_handle = handle.empty() && ceremony != Ceremony::login;
  if (!may_lack_handle && handle != handle_of(stored->user_id)) {
    throw webauthn::Refused("user handle: missing, or of another account");
  }
  const auto assertion = webauthn::check_assertion(
      site(), client, decoded(sent.authenticator_data), decoded(sent.signature),
      {stored->public_key, stored->backup_eligible}, verification_for(ceremony));
  const bool counts = assertion.sign_count != 0 || stored->sign_count != 0;
  return {.factor_id = stored->id,
          .user_id = stored->user_id,
          .challenge = challenge,
          .ceremony = ceremony,
          .session = {},
          .sign_count = assertion.sign_count,
          .counter_fell_back = counts && assertion.sign_count <= stored->sign_count};
}

bool Passkeys::consume(db::Connection& connection, const RightPasskey& right) const {
  if (take_challenge(connection, right.challenge, name_of(right.ceremony), right.session) != 1) {
    log::warning({"passkey refused: challenge unknown, used, late or for something else, user ",
                  std::to_string(right.user_id)});
    wrong_.add();
    return false;
  }
  if (use_passkey(connection, right.sign_count, right.factor_id) != 1) return false;
  right_.add();
  if (right.counter_fell_back) {
    log::warning({"passkey: its counter fell back, so it may have been copied: user ",
                  std::to_string(right.user_id), ", factor ", std::to_string(right.factor_id)});
    fell_back_.add();
  }
  return true;
}

Outcome Passkeys::judge_registration(const SentRegistration& sent, NewPasskey& made) const {
  const std::string_view name = trim(sent.name.value_or(""));
  const std::string_view transports = sent.transports.value_or("");
  if (Outcome shape = require({{is_base64url(sent.client_data), kClientData},
                               {is_base64url(sent.attestation_object), kAttestationObject},
                               {count_code_points(name) <= kLongestName, "name"},
                               {are_transports(transports), "transports"}});
      !shape.is_ok())
    return shape;
  const auto refuse = [&](const webauthn::Refused& refused, std::string_view field) {
    log::warning({"passkey not enrolled: ", refused.what()});
    wrong_.add();
    return require({{false, field}});
  };
  try {
    const webauthn::ClientData client = webauthn::read_client_data(decoded(sent.client_data));
    made.credential = webauthn::check_registration(site(), client, decoded(sent.attestation_object),
                                                   webauthn::UserVerification::required);
    made.challenge = client.challenge;
  } catch (const webauthn::ClientDataRefused& refused) {
    return refuse(refused, kClientData);
  } catch (const webauthn::Refused& refused) {
    return refuse(refused, kAttestationObject);
  }
  made.name = name;
  made.transports = transports;
  return {};
}

Outcome Passkeys::enrol(db::Connection& connection, std::uint64_t user_id, std::string_view session,
                        const NewPasskey& made) const {
  if (take_challenge(connection, made.challenge, name_of(Ceremony::enrol), session) != 1) {
    log::warning({"passkey not enrolled: challenge unknown, used, late or for something else"});
    return require({{false, kClientData}});
  }
  if (list(connection, user_id).size() >= kMostPasskeys) return require({{false, kPasskeys}});
  insert_passkey(connection, user_id, made.name.empty() ? db::Parameter(nullptr) : made.name,
                 made.credential.id, made.credential.public_key, crypto::bytes_of(rp_id_hash()),
                 made.credential.sign_count, made.credential.backup_eligible ? 1 : 0,
                 made.transports);
  return {};
}

std::vector<KnownPasskey> Passkeys::list(db::Connection& connection, std::uint64_t user_id) const {
  return list_passkeys.all(connection, user_id, crypto::bytes_of(rp_id_hash()));
}

std::string Passkeys::handle_of(std::uint64_t user_id) const {
  return std::string(
      crypto::bytes_of(crypto::keyed_hash(key_, "passkey user handle", std::to_string(user_id))));
}

crypto::Digest Passkeys::rp_id_hash() const {
  return crypto::sha256(config_.passkey_rp_id);
}

webauthn::RelyingParty Passkeys::site() const {
  return {config_.passkey_rp_id, config_.passkey_origins};
}

}  // namespace users
