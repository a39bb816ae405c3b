// Time-based one-time passwords (RFC 6238), as authenticator apps make them: HMAC-SHA-1, six
// digits, steps of 30 seconds. Only this module uses OpenSSL's HMAC and libqrencode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace users::totp {

constexpr std::size_t kDigits = 6;

/// 20 random bytes, as RFC 4226 (R6) recommends.
Secret new_secret();

/// The code of a time step. `digits`: 1 to 9. `hash`: SHA1, as apps use it, SHA256 or SHA512.
std::string code_of(const Secret& secret, std::uint64_t step, std::size_t digits = kDigits,
                    const char* hash = "SHA1");

/// Returns the time step of this code if it is the one at `now` (seconds since 1970), the one
/// before or the one after (RFC 6238 5.2). Compares in constant time.
std::optional<std::uint64_t> step_of(const Secret& secret, std::string_view code,
                                     std::uint64_t now);

/// The secret as people type it into an app: base32 (RFC 4648) without padding.
Secret base32_of(const Secret& secret);

/// The URI in the QR code that apps read. `issuer` and `account` are UTF-8 without a colon.
/// Source: github.com/google/google-authenticator/wiki/Key-Uri-Format
Secret uri_of(const Secret& secret, std::string_view issuer, std::string_view account);

/// The QR code of a text, as rows of 0 (white) and 1 (black) without the quiet zone. Throws
/// std::runtime_error if the text is too long for one.
std::vector<std::string> qr_of(const Secret& text);

}  // namespace users::totp
