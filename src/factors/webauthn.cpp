#include "factors/webauthn.hpp"

#include <algorithm>
#include <optional>

#include "base/json.hpp"
#include "factors/cbor.hpp"
#include "factors/cose.hpp"

namespace users::webauthn {
namespace {

/// Authenticator data, section 6.1.
struct AuthenticatorData {
  std::string_view rp_id_hash;
  bool user_present = false;
  bool user_verified = false;
  bool backup_eligible = false;
  bool backed_up = false;
  std::uint32_t sign_count = 0;
  std::string_view credential_id;  ///< empty: no attested credential
  std::string_view public_key;
};

std::string_view take(std::string_view& rest, std::size_t size) {
  if (size > rest.size()) throw Refused("authenticator data: truncated");
  const auto taken = rest.substr(0, size);
  rest.remove_prefix(size);
  return taken;
}

std::uint32_t take_number(std::string_view& rest, std::size_t size) {
  std::uint32_t number = 0;
  for (const char c : take(rest, size)) number = (number << 8U) | static_cast<unsigned char>(c);
  return number;
}

AuthenticatorData read_authenticator_data(std::string_view rest) {
  constexpr std::size_t kAaguid = 16;
  constexpr std::size_t kLongestId = 1023;
  AuthenticatorData data;
  data.rp_id_hash = take(rest, crypto::Digest{}.size());
  const std::uint32_t flags = take_number(rest, 1);
  data.user_present = (flags & 0x01U) != 0;
  data.user_verified = (flags & 0x04U) != 0;
  data.backup_eligible = (flags & 0x08U) != 0;
  data.backed_up = (flags & 0x10U) != 0;
  data.sign_count = take_number(rest, 4);
  if ((flags & 0x40U) != 0) {
    take(rest, kAaguid);
    const std::uint32_t length = take_number(rest, 2);
    if (length == 0 || length > kLongestId) throw Refused("credential id: not 1 to 1023 bytes");
    data.credential_id = take(rest, length);
    cbor::Reader key(rest);
    key.skip();
    data.public_key = take(rest, rest.size() - key.rest().size());
  }
  if ((flags & 0x80U) != 0) {
    cbor::Reader extensions(rest);
    cbor::Reader map = extensions;
    map.map();
    extensions.skip();
    rest = extensions.rest();
  }
  if (!rest.empty()) throw Refused("authenticator data: bytes left over");
  return data;
}

/// The checks that registrations and assertions share, in the order of the standard.
void check(const RelyingParty& site, const AuthenticatorData& data, UserVerification verification) {
  if (!crypto::equal(crypto::sha256(site.id), data.rp_id_hash)) throw Refused("another rp_id");
  if (!data.user_present) throw Refused("the user was not present");
  if (verification == UserVerification::required && !data.user_verified) {
    throw Refused("the user was not verified");
  }
  if (data.backed_up && !data.backup_eligible) throw Refused("backed up, but not eligible");
}

void check_client(const RelyingParty& site, const ClientData& client, std::string_view type) {
  if (client.type != type) throw ClientDataRefused("client data: another type");
  if (std::ranges::find(site.origins, client.origin) == site.origins.end()) {
    constexpr std::size_t kLongest = 200;
    throw ClientDataRefused("client data: another origin, " + client.origin.substr(0, kLongest));
  }
}

/// Returns the authenticator data in an attestation object (section 6.5).
std::string_view read_attestation_object(std::string_view object) {
  cbor::Reader reader(object);
  const std::size_t pairs = reader.map();
  std::optional<std::string_view> data;
  bool has_format = false;
  bool has_statement = false;
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::string_view name = reader.text();
    const bool is_first = name == "fmt" ? !has_format : name == "attStmt" ? !has_statement : !data;
    if (!is_first) throw Refused("attestation object: a member twice");
    if (name == "fmt") {
      reader.text();
      has_format = true;
    } else if (name == "attStmt") {
      cbor::Reader statement = reader;
      statement.map();
      reader.skip();
      has_statement = true;
    } else if (name == "authData") {
      data = reader.bytes();
    } else {
      throw Refused("attestation object: unknown member");
    }
  }
  if (!reader.rest().empty()) throw Refused("attestation object: bytes left over");
  if (!data || !has_format || !has_statement) throw Refused("attestation object: member missing");
  return *data;
}

/// Malformed CBOR becomes a refusal.
template <class Work>
auto read(const char* what, Work work) {
  try {
    return work();
  } catch (const cbor::Malformed& error) {
    throw Refused(std::string(what) + ": CBOR: " + error.what());
  }
}

}  // namespace

ClientData read_client_data(std::string_view text) {
  ClientData client;
  client.hash = crypto::sha256(text);
  std::string challenge;
  bool is_embedded = false;
  const auto bad = json::read_members(text, [&](std::string&& name, json::Scalar&& value) {
    auto* const string = std::get_if<std::string>(&value);
    if (name == "crossOrigin") {
      const bool* const crosses = std::get_if<bool>(&value);
      is_embedded = is_embedded || crosses == nullptr || *crosses;
    } else if (name == "topOrigin") {
      is_embedded = true;
    } else if (string == nullptr) {
      return;
    } else if (name == "type") {
      client.type = std::move(*string);
    } else if (name == "challenge") {
      challenge = std::move(*string);
    } else if (name == "origin") {
      client.origin = std::move(*string);
    }
  });
  // The parser takes a NUL for the end.
  if (bad || text.find('\0') != std::string_view::npos)
    throw ClientDataRefused("client data: bad JSON");
  if (is_embedded) throw ClientDataRefused("client data: crossOrigin or topOrigin");
  auto decoded = crypto::from_base64url(challenge);
  if (!decoded || decoded->empty()) throw ClientDataRefused("client data: no challenge");
  client.challenge = std::move(*decoded);
  return client;
}

Credential check_registration(const RelyingParty& site, const ClientData& client,
                              std::string_view attestation_object, UserVerification verification) {
  check_client(site, client, "webauthn.create");
  const auto data = read("attestation object", [&] {
    return read_authenticator_data(read_attestation_object(attestation_object));
  });
  check(site, data, verification);
  if (data.credential_id.empty()) throw Refused("no credential in a registration");
  read("public key", [&] { return cose::Key(data.public_key); });
  return {std::string(data.credential_id), std::string(data.public_key), data.sign_count,
          data.user_verified, data.backup_eligible};
}

Assertion check_assertion(const RelyingParty& site, const ClientData& client,
                          std::string_view authenticator_data, std::string_view signature,
                          const StoredKey& stored, UserVerification verification) {
  check_client(site, client, "webauthn.get");
  const auto data =
      read("authenticator data", [&] { return read_authenticator_data(authenticator_data); });
  check(site, data, verification);
  if (data.backup_eligible != stored.backup_eligible) throw Refused("eligible for backup or not");
  const auto key = read("public key", [&] { return cose::Key(stored.public_key); });
  const std::string message = std::string(authenticator_data).append(crypto::bytes_of(client.hash));
  if (!key.verify(message, signature)) throw Refused("wrong signature");
  return {data.sign_count, data.user_verified};
}

}  // namespace users::webauthn
