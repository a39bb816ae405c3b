// Assertions of passkeys. Input: the number of the key (0 to 2), then, each after its length in two
// bytes, the client data and the authenticator data; the rest is the signature.
#include <array>

#include "factors/webauthn.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/live_memory.hpp"
#include "support/webauthn_vectors.hpp"

namespace {

using users::fuzz::require;
using namespace users::webauthn;

const RelyingParty kSite{"example.org", {"https://example.org"}};

/// ES256, Ed25519 and RS256, from the vectors.
std::array<Credential, 3> credentials() {
  const auto vectors = users::test::read_webauthn_vectors();
  std::array<Credential, 3> all;
  std::size_t next = 0;
  for (const char* name : {"none-es256", "packed-eddsa", "packed-rs256"}) {
    const auto& vector = vectors.at(name);
    all.at(next++) =
        check_registration(kSite, read_client_data(vector.at("reg.clientDataJSON")),
                           vector.at("reg.attestationObject"), UserVerification::preferred);
  }
  return all;
}

std::string_view take(std::string_view& rest) {
  std::size_t size = 0;
  for (int i = 0; i < 2 && !rest.empty(); ++i) {
    size = (size << 8U) | static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
  }
  const auto taken = rest.substr(0, size);
  rest.remove_prefix(taken.size());
  return taken;
}

void look_at(const Credential& credential, std::string_view input) {
  try {
    const ClientData client = read_client_data(take(input));
    require(!client.challenge.empty(), "a challenge");
    const std::string_view data = take(input);
    const Assertion right = check_assertion(kSite, client, data, input,
                                            {credential.public_key, credential.backup_eligible},
                                            UserVerification::preferred);
    require(client.type == "webauthn.get" && client.origin == kSite.origins[0], "of this site");
    require(data.size() >= 37 || right.sign_count == 0, "whole authenticator data");
  } catch (const Refused&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<Credential, 3> all = credentials();
  auto input = users::fuzz::view(data, size);
  const std::size_t number = input.empty() ? 0 : static_cast<unsigned char>(input.front()) % 3;
  input.remove_prefix(input.empty() ? 0 : 1);
  static const bool is_ready = [&] {
    for (const Credential& credential : all) look_at(credential, input);
    users::fuzz::count_memory();
    return true;
  }();
  require(is_ready, "ready");
  users::fuzz::begin_input();
  look_at(all.at(number), input);
  require(users::fuzz::most_bytes <= users::fuzz::kMostMemory, "an input needs little memory");
  return 0;
}
