#include "accounts/password.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>

#include <zxcvbn.h>

#include "base/text.hpp"

namespace users {
namespace {

constexpr std::size_t kMostBytesPerCodePoint = 4;
/// What is guessed within so many tries is weak: ASVS 6.2.4 asks for the 3,000 most used ones.
/// zxcvbn tells bits.
const double kLeastBits = std::log2(3000);

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::optional<Secret> normalise_password(std::string_view typed, unsigned min_length) {
  // Composition never makes more than a third of the code points, so this bounds the work before it
  // starts and refuses nothing that could pass.
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

}  // namespace users
