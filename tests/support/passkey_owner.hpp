// A registered person with a passkey, at the site of the local stack.
#pragma once

#include <string>

#include "base/crypto.hpp"
#include "support/passkey_device.hpp"
#include "support/person.hpp"

namespace users::test {

/// The ceremony at the local stack's site.
inline Ceremony local(Ceremony ceremony) {
  ceremony.rp_id = "localhost";
  ceremony.origin = "http://localhost";
  return ceremony;
}

inline Arguments arguments_of(const Ceremony& creation) {
  return {{"client_data", crypto::to_base64url(creation.client_data())},
          {"attestation_object", crypto::to_base64url(creation.attestation_object())}};
}

inline Arguments arguments_of(const PasskeyDevice& device, const Ceremony& assertion,
                              const std::string& user_handle) {
  return {{"passkey_id", crypto::to_base64url(device.id())},
          {"passkey_client_data", crypto::to_base64url(assertion.client_data())},
          {"passkey_authenticator_data", crypto::to_base64url(assertion.authenticator_data())},
          {"passkey_signature", crypto::to_base64url(device.sign(assertion))},
          {"passkey_user_handle", user_handle}};
}

struct PasskeyOwner {
  Person person;
  std::string token;
  PasskeyDevice device;
  std::string user_handle;  ///< base64url
  std::string factor;       ///< its id

  PasskeyOwner() {
    person.regist();
    token = person.token();
    factor = enrol(device).text("id");
  }

  /// Enrols a passkey with `token`, whose session is fresh.
  HttpReply enrol(const PasskeyDevice& made, Arguments more = {}) {
    const HttpReply offer = call("POST", "factors/passkey/challenge", token);
    user_handle = offer.text("user_handle");
    const Arguments sent = arguments_of(local(made.creation(offer.text("challenge"))));
    more.insert(more.end(), sent.begin(), sent.end());
    return call("POST", "factors/passkey", token, {}, body_of(more));
  }

  /// A new challenge, base64url; for `confirm` that of the session `token`.
  [[nodiscard]] static std::string challenge(const std::string& purpose,
                                             const std::string& token = "") {
    return call("POST", "passkey/challenge", token, {}, body_of({{"purpose", purpose}}))
        .text("challenge");
  }
  [[nodiscard]] Ceremony assertion(const std::string& challenge) const {
    return local(device.assertion(challenge));
  }
  [[nodiscard]] Arguments sent(const Ceremony& assertion) const {
    return arguments_of(device, assertion, user_handle);
  }
  /// A good assertion with a challenge of its own.
  [[nodiscard]] Arguments good(const std::string& purpose, const std::string& of = "") const {
    return sent(assertion(challenge(purpose, of)));
  }
  [[nodiscard]] HttpReply login() const { return post("login", good("login")); }
};

}  // namespace users::test
