// What may be a password, and hashing and verifying one: argon2id, and the older forms of crypt(3)
// that an imported table may bring. password.cpp is the one user of zxcvbn.
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

class PasswordCheck {
 public:
  /// Only the metrics must outlive this object.
  PasswordCheck(const Config& config, Metrics& metrics)
      : cost_{config.password_argon2_memory, config.password_argon2_passes},
        seconds_(metrics.histogram(MetricId::password_hash)) {}

  [[nodiscard]] std::string hash(const Secret& password) const {
    const ScopeTimer timer(seconds_);
    return crypto::hash_password(password, cost_);
  }

  /// True where the password is the one of the stored hash: argon2, bcrypt, SHA-crypt or yescrypt.
  [[nodiscard]] bool verify(const Secret& password, const std::string& stored) const;

  /// The same for what a user typed: one of crypt(3) may have been made of it as it came instead of
  /// its normal form.
  [[nodiscard]] bool verify_typed(std::string_view typed, const Secret& normal,
                                  const std::string& stored) const;

  /// True where the stored hash is not what hash() makes today, and has proved the whole of what
  /// was `typed`: bcrypt looks at 72 bytes, so there may be more in the password.
  [[nodiscard]] bool is_outdated(const std::string& stored, std::string_view typed) const;

  /// Costs what verify() costs, and is never true: for phones that nobody has.
  [[nodiscard]] bool verify_nobody(const Secret& password) const;

 private:
  crypto::PasswordCost cost_;
  Histogram seconds_;
};

}  // namespace users
