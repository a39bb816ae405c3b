// What may be a password. password.cpp is the one user of zxcvbn.
#pragma once

#include <optional>
#include <string_view>

#include "accounts/phone.hpp"
#include "base/secret.hpp"

namespace users {

/// Longest password in code points; NIST SP 800-63B-4 3.1.1.2 asks for at least 64.
constexpr std::size_t kLongestPassword = 128;

/// The password in Normalisation Form C, as it is hashed. Nothing where it has fewer than
/// `min_length` or more than kLongestPassword code points, or is no UTF-8. Nothing is cut, no
/// character class asked for.
std::optional<Secret> normalise_password(std::string_view typed, unsigned min_length);

/// True if a guesser finds it within 3,000 tries by zxcvbn (ASVS 5.0 6.2.4), or if it is the
/// phone itself in any spelling, or the service's name. Takes 10 us, up to 3 ms for long repetitive
/// ones.
bool is_weak(const Secret& password, const Phone& phone, std::string_view service_name);

}  // namespace users
