// Hashing and verifying passwords: argon2id, and the older forms of crypt(3) that a table may
// bring.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/config.hpp"
#include "base/crypto.hpp"
#include "base/metrics.hpp"
#include "base/secret.hpp"
#include "db/mysql.hpp"

namespace users {

/// How many accounts have a hash of another kind or cost than the service makes. The next login of
/// each replaces it. Returns nullopt if counting them takes longer than 2 seconds.
std::optional<std::uint64_t> count_imported_hashes(db::Connection& connection,
                                                   const Config& config);

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
