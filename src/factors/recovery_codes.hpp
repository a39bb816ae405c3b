// Recovery codes: ten of them let the owner of an account in, once each, without the second factor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "db/connection.hpp"

namespace users {

constexpr std::size_t kRecoveryCodes = 10;

/// Parses a recovery code as people type or paste it: in any case, without dashes and blanks, with
/// O read as 0, and I and L as 1. Returns nullopt unless it has ten characters of the alphabet.
std::optional<std::string> parse_recovery_code(std::string_view text);

class RecoveryCodes {
 public:
  /// The key must outlive this object.
  explicit RecoveryCodes(const Secret& key) : key_(key) {}

  /// Ten new ones such as `ABCDE-FGHJK`.
  [[nodiscard]] std::vector<Secret> make() const;
  /// Ten that only the key and these random bytes decide.
  [[nodiscard]] std::vector<Secret> made_from(std::string_view seed) const;

  /// The hash of a parsed code, as the table holds it.
  [[nodiscard]] std::string hash_of(std::uint64_t user_id, std::string_view code) const;

  /// Replaces the account's codes by these, in the caller's transaction.
  void put(db::Connection& connection, std::uint64_t user_id,
           const std::vector<Secret>& codes) const;

  static bool has(db::Connection& connection, std::uint64_t user_id, std::string_view hash);
  /// Returns false if the account has no such code: of several uses at once one returns true.
  static bool use(db::Connection& connection, std::uint64_t user_id, std::string_view hash);
  /// How many are not used yet.
  static std::uint64_t left(db::Connection& connection, std::uint64_t user_id);
  static void remove(db::Connection& connection, std::uint64_t user_id);

 private:
  const Secret& key_;
};

}  // namespace users
