#include "accounts/password_check.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include <crypt.h>

namespace users {
namespace {

/// crypt(3) with an older hash as its setting gives that hash again.
bool verify_crypt(const Secret& password, const std::string& stored) {
  const auto data = std::make_unique<crypt_data>();
  const char* result = ::crypt_r(password.c_str(), stored.c_str(), data.get());
  const bool same = result != nullptr && result[0] != '*' && crypto::equal_text(result, stored);
  ::explicit_bzero(data.get(), sizeof(crypt_data));
  return same;
}

bool is_crypt(const std::string& stored) {
  static constexpr std::string_view kPrefixes[] = {"$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$"};
  return std::ranges::any_of(kPrefixes,
                             [&](std::string_view prefix) { return stored.starts_with(prefix); });
}

}  // namespace

bool PasswordCheck::verify(const Secret& password, const std::string& stored) const {
  const ScopeTimer timer(seconds_);
  return is_crypt(stored) ? verify_crypt(password, stored)
                          : crypto::verify_password(password, stored);
}

bool PasswordCheck::verify_typed(std::string_view typed, const Secret& normal,
                                 const std::string& stored) const {
  if (verify(normal, stored)) return true;
  return is_crypt(stored) && typed != normal.reveal() && verify(Secret(typed), stored);
}

std::optional<std::uint64_t> count_imported_hashes(db::Connection& connection,
                                                   const Config& config) {
  const std::string pattern = "$argon2id$v=19$m=" + std::to_string(config.password_argon2_memory) +
                              ",t=" + std::to_string(config.password_argon2_passes) + ",p=1$%";
  try {
    const auto row = connection.query_one(db::StatementId::count_imported_hashes, {pattern});
    return row ? std::optional(row->front().number) : std::nullopt;
  } catch (const db::Unavailable&) {
    return std::nullopt;
  }
}

bool PasswordCheck::is_outdated(const std::string& stored, std::string_view typed) const {
  constexpr std::size_t kBcryptBytes = 72;
  if (stored.starts_with("$2") && typed.size() >= kBcryptBytes) return false;
  return crypto::needs_rehash(stored, cost_);
}

bool PasswordCheck::verify_nobody(const Secret& password) const {
  // Hashing costs what verifying costs: both fill the memory once.
  static_cast<void>(hash(password));
  return false;
}

}  // namespace users
