#include "accounts/password.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <memory>

#include <crypt.h>
#include <zxcvbn.h>

#include "base/text.hpp"

namespace users {
namespace {

constexpr std::size_t kMostBytesPerCodePoint = 4;
/// A password that is guessed within so many attempts is weak: ASVS 6.2.4 names the 3,000 most used
/// ones. zxcvbn reports bits.
const double kLeastBits = std::log2(3000);

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// crypt(3) with an existing hash as setting returns the same hash if the password is right.
bool verify_crypt(const Secret& password, const std::string& stored) {
  const auto data = std::make_unique<crypt_data>();
  const char* result = ::crypt_r(password.c_str(), stored.c_str(), data.get());
  const bool same = result != nullptr && result[0] != '*' && crypto::equal(result, stored);
  ::explicit_bzero(data.get(), sizeof(crypt_data));
  return same;
}

bool is_crypt(const std::string& stored) {
  static constexpr std::string_view kPrefixes[] = {"$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$"};
  return std::ranges::any_of(kPrefixes,
                             [&](std::string_view prefix) { return stored.starts_with(prefix); });
}

}  // namespace

std::optional<Secret> normalise_password(std::string_view typed, unsigned min_length) {
  // Composition leaves at least a third of the code points, so this bounds the work without
  // refusing a valid password.
  if (typed.size() > kLongestPassword * kMostBytesPerCodePoint * 3) return std::nullopt;
  auto normal = to_nfc(typed);
  if (!normal) return std::nullopt;
  Secret password(std::move(*normal));
  const std::size_t length = count_code_points(password.reveal());
  if (length < min_length || length > kLongestPassword) return std::nullopt;
  return password;
}

bool is_weak(const Secret& password, const Phone& phone, std::string_view service_name) {
  if (equal_ignoring_case(password.reveal(), service_name)) return true;
  std::string digits = phone_digits(password.reveal());
  const bool is_phone =
      digits.size() >= phone.national().size() && digits.ends_with(phone.national());
  wipe(digits);
  if (is_phone) return true;
  const std::string name(service_name);
  const char* own_words[] = {name.c_str(), phone.national().c_str(), nullptr};
  return ZxcvbnMatch(password.c_str(), own_words, nullptr) <= kLeastBits;
}

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

bool PasswordCheck::is_outdated(const std::string& stored, std::string_view typed) const {
  constexpr std::size_t kBcryptBytes = 72;
  if (stored.starts_with("$2") && typed.size() >= kBcryptBytes) return false;
  return crypto::needs_rehash(stored, cost_);
}

bool PasswordCheck::verify_nobody(const Secret& password) const {
  // Hashing and verifying cost the same: both fill the memory once.
  static_cast<void>(hash(password));
  return false;
}

}  // namespace users
