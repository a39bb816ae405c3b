#include "support/passkey_device.hpp"

#include <stdexcept>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "base/crypto.hpp"

namespace users::test {
namespace {

constexpr unsigned kText = 3;
constexpr unsigned kMap = 5;

std::string big_endian(std::uint64_t value, std::size_t size) {
  std::string bytes(size, '\0');
  for (; size > 0; value >>= 8U) bytes[--size] = static_cast<char>(value & 0xFFU);
  return bytes;
}

std::string number_of(const EVP_PKEY* key, const char* name, std::size_t size = 0) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) throw std::runtime_error(name);
  std::string bytes(size == 0 ? static_cast<std::size_t>(BN_num_bytes(number)) : size, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  BN_free(number);
  return bytes;
}

std::string rsa_key(std::string_view modulus, std::string_view exponent) {
  return std::string("\xa4\x01\x03\x03\x39\x01\x00\x20", 8) + cbor_bytes(modulus) + "\x21" +
         cbor_bytes(exponent);
}

EVP_PKEY* new_key(Algorithm algorithm, unsigned rsa_bits) {
  switch (algorithm) {
    case Algorithm::es256:
      return EVP_EC_gen("P-256");
    case Algorithm::ed25519:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    case Algorithm::rs256:
      return EVP_RSA_gen(rsa_bits);
  }
  return nullptr;
}

}  // namespace

std::string cbor_head(unsigned type, std::uint64_t value) {
  const auto first = [&](unsigned information) {
    return std::string(1, static_cast<char>(type << 5U | information));
  };
  if (value < 24) return first(static_cast<unsigned>(value));
  if (value < 0x100) return first(24) + big_endian(value, 1);
  if (value < 0x10000) return first(25) + big_endian(value, 2);
  return first(26) + big_endian(value, 4);
}

std::string cbor_bytes(std::string_view bytes) {
  return cbor_head(2, bytes.size()).append(bytes);
}

std::string large_rsa_key() {
  return rsa_key(std::string(8192 / 8, '\xff'), std::string("\x01\x00\x01", 3));
}

std::string Ceremony::client_data() const {
  return R"({"type":")" + type + R"(","challenge":")" + challenge + R"(","origin":")" + origin +
         "\"" + more_json + "}";
}

std::string Ceremony::authenticator_data() const {
  std::string data(crypto::bytes_of(crypto::sha256(rp_id)));
  data += static_cast<char>(flags);
  data += big_endian(count, 4);
  if (!public_key.empty())
    data += std::string(16, 'a') + big_endian(id.size(), 2) + id + public_key;
  return data + extensions + more_data;
}

std::string Ceremony::attestation_object() const {
  return cbor_head(kMap, 3) + statement + cbor_head(kText, 8) + "authData" +
         cbor_bytes(authenticator_data()) + more_object;
}

PasskeyDevice::PasskeyDevice(Algorithm algorithm, unsigned rsa_bits)
    : algorithm_(algorithm), key_(new_key(algorithm, rsa_bits), &EVP_PKEY_free) {
  if (!key_) throw std::runtime_error("OpenSSL makes no key");
  crypto::start();
  id_ = crypto::random_bytes(16);
}

std::string PasskeyDevice::public_key() const {
  const std::string minus2 = "\x21";
  switch (algorithm_) {
    case Algorithm::es256:
      return std::string("\xa5\x01\x02\x03\x26\x20\x01").append(minus2) +
             cbor_bytes(number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, 32)) + "\x22" +
             cbor_bytes(number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, 32));
    case Algorithm::ed25519: {
      std::string raw(32, '\0');
      std::size_t size = raw.size();
      EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
      return std::string("\xa4\x01\x01\x03\x27\x20\x06").append(minus2) + cbor_bytes(raw);
    }
    case Algorithm::rs256:
      return rsa_key(number_of(key_.get(), OSSL_PKEY_PARAM_RSA_N),
                     number_of(key_.get(), OSSL_PKEY_PARAM_RSA_E));
  }
  return "";
}

Ceremony PasskeyDevice::creation(std::string_view challenge) const {
  Ceremony ceremony;
  ceremony.type = "webauthn.create";
  ceremony.challenge = challenge;
  ceremony.flags |= 0x40U;
  ceremony.id = id_;
  ceremony.public_key = public_key();
  return ceremony;
}

Ceremony PasskeyDevice::assertion(std::string_view challenge) const {
  Ceremony ceremony;
  ceremony.type = "webauthn.get";
  ceremony.challenge = challenge;
  return ceremony;
}

std::string PasskeyDevice::sign(const Ceremony& ceremony) const {
  const std::string message = ceremony.authenticator_data().append(
      crypto::bytes_of(crypto::sha256(ceremony.client_data())));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const EVP_MD* const hash = algorithm_ == Algorithm::ed25519 ? nullptr : EVP_sha256();
  EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, key_.get());
  const auto* const bytes = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t size = 0;
  EVP_DigestSign(context.get(), nullptr, &size, bytes, message.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                 message.size());
  signature.resize(size);
  return signature;
}

}  // namespace users::test
