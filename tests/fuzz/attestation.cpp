// Registrations of passkeys. Input: an attestation object for example.org.
#include "factors/webauthn.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/live_memory.hpp"

namespace {

using users::fuzz::require;
using namespace users::webauthn;

const RelyingParty kSite{"example.org", {"https://example.org"}};

ClientData client_data() {
  ClientData client;
  client.type = "webauthn.create";
  client.origin = "https://example.org";
  return client;
}

void look_at(std::string_view object) {
  try {
    const Credential made =
        check_registration(kSite, client_data(), object, UserVerification::preferred);
    require(!made.id.empty() && made.id.size() <= 1023, "an id has 1 to 1023 bytes");
    require(!made.public_key.empty() && made.public_key.size() <= 600, "a key fits its column");
    require(object.find(made.public_key) != std::string_view::npos, "the key is the one sent");
  } catch (const Refused&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto object = users::fuzz::view(data, size);
  // The first one also makes what OpenSSL keeps.
  static const bool is_ready = [&] {
    look_at(object);
    users::fuzz::count_memory();
    return true;
  }();
  require(is_ready, "ready");
  users::fuzz::begin_input();
  look_at(object);
  require(users::fuzz::most_bytes <= users::fuzz::kMostMemory, "an input needs little memory");
  return 0;
}
