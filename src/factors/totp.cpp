#include "factors/totp.hpp"

#include <array>
#include <memory>
#include <stdexcept>

#include <openssl/hmac.h>
#include <qrencode.h>

#include "base/crypto.hpp"

namespace users::totp {
namespace {

constexpr std::uint64_t kStepSeconds = 30;
constexpr std::size_t kSecretBytes = 20;

/// Percent-encodes all but the unreserved characters of RFC 3986.
void append_encoded(std::string& uri, std::string_view text) {
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kUnreserved.find(c) != std::string_view::npos) {
      uri += c;
    } else {
      uri.append("%").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 0xFU]);
    }
  }
}

}  // namespace

Secret new_secret() {
  return Secret(crypto::random_bytes(kSecretBytes));
}

// RFC 4226 5.3: HMAC of the counter, from which the last nibble selects 31 bits.
std::string code_of(const Secret& secret, std::uint64_t step, std::size_t digits,
                    const char* hash) {
  std::array<unsigned char, 8> counter{};
  for (std::size_t i = 0; i < counter.size(); ++i) {
    counter[i] = static_cast<unsigned char>(step >> (8 * (counter.size() - 1 - i)));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  const std::string_view key = secret.reveal();
  if (HMAC(EVP_get_digestbyname(hash), key.data(), static_cast<int>(key.size()), counter.data(),
           counter.size(), mac.data(), &size) == nullptr) {
    throw std::runtime_error("OpenSSL computed no HMAC");
  }
  const std::size_t offset = mac[size - 1] & 0xFU;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = (number << 8U) | mac[offset + i];
  number &= 0x7FFFFFFFU;
  std::string code(digits, '0');
  for (std::size_t i = digits; i > 0; --i, number /= 10) {
    code[i - 1] = static_cast<char>('0' + number % 10);
  }
  return code;
}

std::optional<std::uint64_t> step_of(const Secret& secret, std::string_view code,
                                     std::uint64_t now) {
  const std::uint64_t current = now / kStepSeconds;
  std::optional<std::uint64_t> found;
  for (const std::uint64_t step : {current - 1, current, current + 1}) {
    if (crypto::equal(code_of(secret, step), code)) found = step;
  }
  return found;
}

Secret base32_of(const Secret& secret) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text;
  text.reserve((secret.reveal().size() * 8 + 4) / 5);
  std::uint32_t bits = 0;
  unsigned pending = 0;
  for (const char c : secret.reveal()) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    for (pending += 8; pending >= 5; pending -= 5) {
      text += kAlphabet[(bits >> (pending - 5)) & 0x1FU];
    }
  }
  if (pending > 0) text += kAlphabet[(bits << (5 - pending)) & 0x1FU];
  return Secret(std::move(text));
}

Secret uri_of(const Secret& secret, std::string_view issuer, std::string_view account) {
  std::string uri;
  constexpr std::size_t kUsualLength = 256;
  uri.reserve(kUsualLength);  // a string that grows would leave the secret in memory
  uri.append("otpauth://totp/");
  append_encoded(uri, issuer);
  uri += ':';
  append_encoded(uri, account);
  uri.append("?secret=").append(base32_of(secret).reveal()).append("&issuer=");
  append_encoded(uri, issuer);
  return Secret(std::move(uri));
}

std::vector<std::string> qr_of(const Secret& text) {
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
      QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_M), &QRcode_free);
  if (!code) throw std::runtime_error("libqrencode made no QR code of the URI");
  const auto width = static_cast<std::size_t>(code->width);
  std::vector<std::string> rows(width, std::string(width, '0'));
  for (std::size_t y = 0; y < width; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      if ((code->data[y * width + x] & 1U) != 0) rows[y][x] = '1';
    }
  }
  return rows;
}

}  // namespace users::totp
