#include "factors/cose.hpp"

#include <array>
#include <bitset>
#include <stdexcept>
#include <string>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "base/crypto.hpp"
#include "factors/cbor.hpp"

namespace users::cose {
namespace {

using cbor::Malformed;
using Pkey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// The parameters of a key, by their labels: those below 0 depend on the type.
struct Parameters {
  std::int64_t type = 0;       ///< 1
  std::int64_t algorithm = 0;  ///< 3
  std::int64_t curve = 0;      ///< -1, unless RSA
  std::string_view first;      ///< -2: x; RSA, -1: n
  std::string_view second;     ///< -3: y; RSA, -2: e
};

constexpr std::int64_t kOkp = 1;
constexpr std::int64_t kEc2 = 2;
constexpr std::int64_t kRsa = 3;

Parameters read(std::string_view bytes) {
  Parameters key;
  std::bitset<8> seen;
  cbor::Reader reader(bytes);
  const std::size_t pairs = reader.map();
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::int64_t label = reader.integer();
    if (label < -3 || label > 3) throw Malformed("unknown parameter of a key");
    const auto bit = static_cast<std::size_t>(label + 3);
    if (seen.test(bit)) throw Malformed("a parameter of a key twice");
    seen.set(bit);
    // In the canonical order the type comes first.
    if (label == 1) {
      key.type = reader.integer();
    } else if (label == 3) {
      key.algorithm = reader.integer();
    } else if (label == -1 && key.type != kRsa) {
      key.curve = reader.integer();
    } else if (label == -1 || (label == -2 && key.type != kRsa)) {
      key.first = reader.bytes();
    } else if (label == -2 || (label == -3 && key.type == kEc2)) {
      key.second = reader.bytes();
    } else {
      throw Malformed("unknown parameter of a key");
    }
  }
  if (!reader.rest().empty()) throw Malformed("bytes left over behind a key");
  return key;
}

/// Errors left in OpenSSL's queue would be taken for those of the TLS connection to the database.
void forget_errors() {
  ERR_clear_error();
}

Pkey from_parameters(const char* type, OSSL_PARAM* parameters) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), &EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    forget_errors();
    throw Malformed("not a valid key");
  }
  return {key, &EVP_PKEY_free};
}

/// OpenSSL refuses a point that is not on the curve.
Pkey p256(std::string_view x, std::string_view y) {
  std::string point = std::string("\x04").append(x).append(y);
  std::string group = "P-256";
  std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  return from_parameters("EC", parameters.data());
}

/// `modulus` and `exponent` are big-endian.
Pkey rsa(std::string_view modulus, std::string_view exponent) {
  // OpenSSL takes numbers in the machine's order, which is little-endian where Debian runs.
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  std::string n(modulus.rbegin(), modulus.rend());
  std::string e(exponent.rbegin(), exponent.rend());
  const auto number = [](const char* name, std::string& bytes) {
    return OSSL_PARAM_construct_BN(name, reinterpret_cast<unsigned char*>(bytes.data()),
                                   bytes.size());
  };
  std::array<OSSL_PARAM, 3> parameters{number(OSSL_PKEY_PARAM_RSA_N, n),
                                       number(OSSL_PKEY_PARAM_RSA_E, e),
                                       OSSL_PARAM_construct_end()};
  return from_parameters("RSA", parameters.data());
}

/// Returns true for a modulus of 2048 to 4096 bits and an odd exponent above 1 of at most 32 bits,
/// without leading zeros.
bool is_usable_rsa(std::string_view modulus, std::string_view exponent) {
  constexpr std::size_t kShortest = 2048 / 8;
  constexpr std::size_t kLongest = 4096 / 8;
  if (modulus.size() < kShortest || modulus.size() > kLongest || exponent.empty()) return false;
  const auto first = static_cast<unsigned char>(modulus.front());
  const auto last = static_cast<unsigned char>(exponent.back());
  const bool is_long = modulus.size() > kShortest ? first != 0 : first >= 0x80U;
  return is_long && exponent.size() <= 4 && exponent.front() != 0 && (last & 1U) != 0 &&
         exponent != "\x01";
}

}  // namespace

Key::Key(std::string_view bytes) {
  constexpr std::int64_t kP256 = 1;
  constexpr std::int64_t kEd25519 = 6;
  constexpr std::int64_t kEs256 = -7;
  constexpr std::int64_t kEdDsa = -8;
  constexpr std::int64_t kRs256 = -257;
  constexpr std::size_t kCoordinate = 32;
  const Parameters key = read(bytes);
  if (key.type == kEc2 && key.algorithm == kEs256 && key.curve == kP256 &&
      key.first.size() == kCoordinate && key.second.size() == kCoordinate) {
    key_ = p256(key.first, key.second);
  } else if (key.type == kOkp && key.algorithm == kEdDsa && key.curve == kEd25519 &&
             key.second.empty() && crypto::is_ed25519_key(key.first)) {
    ed25519_ = key.first;
  } else if (key.type == kRsa && key.algorithm == kRs256 && key.curve == 0 &&
             is_usable_rsa(key.first, key.second)) {
    key_ = rsa(key.first, key.second);
  } else {
    throw Malformed("a key of another kind than was offered, or not a valid one");
  }
}

bool Key::verify(std::string_view message, std::string_view signature) const {
  if (!ed25519_.empty()) return crypto::is_ed25519_signature(signature, message, ed25519_);
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  if (!context ||
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1) {
    throw std::runtime_error("OpenSSL cannot verify with this key");
  }
  const bool is_right = EVP_DigestVerify(context.get(), bytes(signature), signature.size(),
                                         bytes(message), message.size()) == 1;
  if (!is_right) forget_errors();
  return is_right;
}

}  // namespace users::cose
