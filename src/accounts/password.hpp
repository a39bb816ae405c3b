// Password rules, hashing and verifying: argon2id, and the crypt(3) hashes of imported accounts.
// Only password.cpp uses zxcvbn.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "accounts/phone.hpp"
#include "base/config.hpp"
#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "metrics/metrics.hpp"

namespace users {

/// Maximum length in code points; NIST SP 800-63B-4 3.1.1.2 requires at least 64.
constexpr std::size_t kLongestPassword = 128;

/// Returns the password in Normalisation Form C, ready for hashing. Returns nullopt if it has fewer
/// than `min_length` or more than kLongestPassword code points, or is not UTF-8. Never truncates;
/// there are no composition rules.
std::optional<Secret> normalise_password(std::string_view typed, unsigned min_length);

/// Returns true if zxcvbn guesses it within 3,000 attempts (ASVS 5.0 6.2.4), or if it is the phone
/// in any spelling, or the service's name. Takes 10 us, up to 3 ms for long repetitive passwords.
bool is_weak(const Secret& password, const Phone& phone, std::string_view service_name);

class PasswordCheck {
 public:
  /// The metrics must outlive this object.
  PasswordCheck(const Config& config, Metrics& metrics)
      : cost_{config.password_argon2_memory, config.password_argon2_passes},
        seconds_(metrics.histogram(MetricId::password_hash)) {}

  [[nodiscard]] std::string hash(const Secret& password) const {
    const ScopeTimer timer(seconds_);
    return crypto::hash_password(password, cost_);
  }

  /// Returns true if the password matches the stored hash: argon2, bcrypt, SHA-crypt or yescrypt.
  [[nodiscard]] bool verify(const Secret& password, const std::string& stored) const;

  /// The same for a typed password. A crypt(3) hash may have been made from the text as typed, not
  /// from its normal form.
  [[nodiscard]] bool verify_typed(std::string_view typed, const Secret& normal,
                                  const std::string& stored) const;

  /// Returns true if hash() would make another kind of hash today and the old hash covers all of
  /// `typed`. bcrypt reads only 72 bytes, so the real password may be longer.
  [[nodiscard]] bool is_outdated(const std::string& stored, std::string_view typed) const;

  /// Takes as long as verify() and returns false: for unknown phones.
  [[nodiscard]] bool verify_nobody(const Secret& password) const;

 private:
  crypto::PasswordCost cost_;
  Histogram seconds_;
};

}  // namespace users
