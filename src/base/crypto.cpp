#include "base/crypto.hpp"

#include <bit>
#include <charconv>
#include <new>
#include <stdexcept>

#include <sodium.h>

namespace users::crypto {
namespace {

constexpr int kBase64url = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

const unsigned char* unsigned_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hex_of(std::string_view bytes) {
  std::string hex(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), unsigned_bytes(bytes), bytes.size());
  hex.pop_back();
  return hex;
}

/// The parts of a PHC string from hash_password().
struct Argon2id {
  PasswordCost cost{};
  std::array<unsigned char, crypto_pwhash_SALTBYTES> salt{};
  Digest hash{};
};

/// Returns nullopt if hash_password() did not make the string.
std::optional<Argon2id> parse(std::string_view phc) {
  Argon2id own;
  const auto skip = [&](std::string_view expected) {
    const bool found = phc.starts_with(expected);
    phc.remove_prefix(found ? expected.size() : 0);
    return found;
  };
  const auto read_number = [&](unsigned& number) {
    const auto [end, error] = std::from_chars(phc.data(), phc.data() + phc.size(), number);
    phc.remove_prefix(static_cast<std::size_t>(end - phc.data()));
    return error == std::errc{};
  };
  const auto read_bytes = [&](auto& bytes) {
    std::size_t size = 0;
    const char* end = phc.data();
    const bool decoded =
        sodium_base642bin(bytes.data(), bytes.size(), phc.data(), phc.size(), nullptr, &size, &end,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0;
    phc.remove_prefix(static_cast<std::size_t>(end - phc.data()));
    return decoded && size == bytes.size();
  };
  const bool is_own = skip("$argon2id$v=19$m=") && read_number(own.cost.memory_kib) &&
                      skip(",t=") && read_number(own.cost.passes) && skip(",p=1$") &&
                      read_bytes(own.salt) && skip("$") && read_bytes(own.hash) && phc.empty();
  const bool is_possible = own.cost.memory_kib >= crypto_pwhash_MEMLIMIT_MIN / 1024 &&
                           own.cost.passes >= crypto_pwhash_OPSLIMIT_MIN;
  return is_own && is_possible ? std::optional(own) : std::nullopt;
}

}  // namespace

void start() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium found no random source");
}

std::string hash_password(const Secret& password, PasswordCost cost) {
  std::array<char, crypto_pwhash_STRBYTES> phc{};
  const auto text = password.reveal();
  if (crypto_pwhash_str_alg(phc.data(), text.data(), text.size(), cost.passes,
                            std::size_t{cost.memory_kib} * 1024,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    throw std::bad_alloc();
  }
  return phc.data();
}

bool verify_password(const Secret& password, const std::string& phc) {
  const auto text = password.reveal();
  const auto own = parse(phc);
  if (!own) return crypto_pwhash_str_verify(phc.c_str(), text.data(), text.size()) == 0;
  // If memory is short, crypto_pwhash_str_verify() would reject the right password.
  Digest digest{};
  if (crypto_pwhash(digest.data(), digest.size(), text.data(), text.size(), own->salt.data(),
                    own->cost.passes, std::size_t{own->cost.memory_kib} * 1024,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    throw std::bad_alloc();
  }
  return equal(digest, bytes_of(own->hash));
}

bool needs_rehash(const std::string& phc, PasswordCost cost) {
  return crypto_pwhash_str_needs_rehash(phc.c_str(), cost.passes,
                                        std::size_t{cost.memory_kib} * 1024) != 0 ||
         !phc.starts_with(crypto_pwhash_argon2id_STRPREFIX);
}

Digest sha256(std::string_view bytes) {
  static_assert(Digest{}.size() == crypto_hash_sha256_BYTES);
  Digest digest{};
  crypto_hash_sha256(digest.data(), unsigned_bytes(bytes), bytes.size());
  return digest;
}

std::string sha256_hex(std::string_view bytes) {
  return hex_of(bytes_of(sha256(bytes)));
}

std::string to_base64url(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), kBase64url), '\0');
  sodium_bin2base64(text.data(), text.size(), unsigned_bytes(bytes), bytes.size(), kBase64url);
  text.pop_back();  // the trailing NUL
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes(text.size() * 3 / 4, '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &size, nullptr, kBase64url) != 0) {
    return std::nullopt;
  }
  bytes.resize(size);
  return bytes;
}

bool is_ed25519_key(std::string_view bytes) {
  return bytes.size() == crypto_core_ed25519_BYTES &&
         crypto_core_ed25519_is_valid_point(unsigned_bytes(bytes)) == 1;
}

bool is_ed25519_signature(std::string_view signature, std::string_view message,
                          std::string_view key) {
  return signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(unsigned_bytes(signature), unsigned_bytes(message),
                                     message.size(), unsigned_bytes(key)) == 0;
}

SigningKey::SigningKey(const Secret& seed) : public_key_(crypto_sign_PUBLICKEYBYTES, '\0') {
  static_assert(kSeedLength == crypto_sign_SEEDBYTES);
  if (seed.reveal().size() != kSeedLength) throw std::invalid_argument("a seed has 32 bytes");
  std::string secret(crypto_sign_SECRETKEYBYTES, '\0');
  crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(public_key_.data()),
                           reinterpret_cast<unsigned char*>(secret.data()),
                           unsigned_bytes(seed.reveal()));
  secret_ = Secret(std::move(secret));
}

std::string SigningKey::sign(std::string_view message) const {
  std::string signature(crypto_sign_BYTES, '\0');
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                       unsigned_bytes(message), message.size(), unsigned_bytes(secret_.reveal()));
  return signature;
}

Digest keyed_hash(const Secret& key, std::string_view purpose, std::string_view message) {
  static_assert(Digest{}.size() == crypto_generichash_BYTES);
  static_assert(kKeyLength == crypto_generichash_KEYBYTES_MAX);
  const unsigned char separator = 0;
  crypto_generichash_state state;
  crypto_generichash_init(&state, unsigned_bytes(key.reveal()), key.reveal().size(),
                          Digest{}.size());
  crypto_generichash_update(&state, unsigned_bytes(purpose), purpose.size());
  crypto_generichash_update(&state, &separator, 1);
  crypto_generichash_update(&state, unsigned_bytes(message), message.size());
  Digest digest{};
  crypto_generichash_final(&state, digest.data(), digest.size());
  sodium_memzero(&state, sizeof state);
  return digest;
}

Fingerprinter::Fingerprinter() {
  static_assert(sizeof key_ == crypto_shorthash_KEYBYTES);
  randombytes_buf(key_.data(), key_.size());
}

std::uint64_t Fingerprinter::of(std::string_view bytes) const {
  std::array<unsigned char, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), unsigned_bytes(bytes), bytes.size(), key_.data());
  return std::bit_cast<std::uint64_t>(hash);
}

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool equal(const Digest& digest, std::string_view bytes) {
  return equal(bytes_of(digest), bytes);
}

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string seal(const Digest& key, std::string_view message) {
  static_assert(Digest{}.size() == crypto_secretbox_KEYBYTES);
  constexpr std::size_t kNonce = crypto_secretbox_NONCEBYTES;
  std::string sealed(kNonce + crypto_secretbox_MACBYTES + message.size(), '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(sealed.data());
  randombytes_buf(bytes, kNonce);
  crypto_secretbox_easy(bytes + kNonce, unsigned_bytes(message), message.size(), bytes, key.data());
  return sealed;
}

std::optional<Secret> open_sealed(const Digest& key, std::string_view sealed) {
  constexpr std::size_t kNonce = crypto_secretbox_NONCEBYTES;
  constexpr std::size_t kOverhead = kNonce + crypto_secretbox_MACBYTES;
  if (sealed.size() < kOverhead) return std::nullopt;
  std::string message(sealed.size() - kOverhead, '\0');
  const unsigned char* bytes = unsigned_bytes(sealed);
  if (crypto_secretbox_open_easy(reinterpret_cast<unsigned char*>(message.data()), bytes + kNonce,
                                 sealed.size() - kNonce, bytes, key.data()) != 0) {
    return std::nullopt;
  }
  return Secret(std::move(message));
}

Digest random_digest() {
  Digest digest{};
  randombytes_buf(digest.data(), digest.size());
  return digest;
}

std::string random_token() {
  Digest raw = random_digest();
  std::string text = to_base64url(bytes_of(raw));
  sodium_memzero(raw.data(), raw.size());
  return text;
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

std::string random_hex(std::size_t bytes) {
  return hex_of(random_bytes(bytes));
}

std::uint32_t random_below(std::uint32_t bound) {
  return randombytes_uniform(bound);
}

}  // namespace users::crypto
