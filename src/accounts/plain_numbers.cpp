#include "accounts/plain_numbers.hpp"

#include <algorithm>
#include <utility>

#include <phonenumbers/phonemetadata.pb.h>
#include <phonenumbers/phonenumberutil.h>
#include <unicode/regex.h>

namespace i18n::phonenumbers {

// The metadata that the library is built with. It exports both without a header.
const void* metadata_get();
int metadata_size();

}  // namespace i18n::phonenumbers

namespace users {
namespace {

using i18n::phonenumbers::PhoneMetadata;
using i18n::phonenumbers::PhoneMetadataCollection;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

/// Tells whether a regular expression can match at the beginning of a text that begins with given
/// digits.
class Beginning {
 public:
  explicit Beginning(const std::string& expression)
      : matcher_(icu::UnicodeString::fromUTF8(expression), 0, error_) {}

  bool is_possible_in(const std::string& digits) {
    const icu::UnicodeString text = icu::UnicodeString::fromUTF8(digits);
    matcher_.reset(text);
    // If it looked for more digits than there are, they might make it match.
    const bool matches = matcher_.lookingAt(error_) != 0;
    return U_FAILURE(error_) || matches || matcher_.hitEnd() != 0;
  }

 private:
  UErrorCode error_ = U_ZERO_ERROR;
  icu::RegexMatcher matcher_;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

PhoneMetadata metadata_of(const std::string& region) {
  PhoneMetadataCollection all;
  all.ParseFromArray(i18n::phonenumbers::metadata_get(), i18n::phonenumbers::metadata_size());
  const auto found = std::ranges::find(all.metadata(), region, &PhoneMetadata::id);
  return found == all.metadata().end() ? PhoneMetadata() : *found;
}

bool is_length_of_mobile(int country_code, std::size_t length) {
  constexpr std::uint64_t kTen = 10;
  PhoneNumber number;
  number.set_country_code(country_code);
  std::uint64_t national = 1;
  for (std::size_t digits = 1; digits < length; ++digits) national *= kTen;
  number.set_national_number(national);
  return PhoneNumberUtil::GetInstance()->IsPossibleNumberForTypeWithReason(
             number, PhoneNumberUtil::MOBILE) == PhoneNumberUtil::IS_POSSIBLE;
}

}  // namespace

PlainNumbers::PlainNumbers(std::string region) : region_(std::move(region)) {
  const PhoneMetadata metadata = metadata_of(region_);
  if (!metadata.has_country_code()) return;
  country_code_ = std::to_string(metadata.country_code());
  std::string main_region;
  PhoneNumberUtil::GetInstance()->GetRegionCodeForCountryCode(metadata.country_code(),
                                                              &main_region);
  has_country_code_alone_ = main_region == region_;
  for (std::size_t length = kHead + 1; length < lengths_.size(); ++length) {
    lengths_[length] = is_length_of_mobile(metadata.country_code(), length);
  }
  // The library may strip each of these, and zeros.
  Beginning abroad(metadata.international_prefix());
  Beginning national(metadata.national_prefix_for_parsing());
  for (std::size_t head = heads_.size() / 10; head < heads_.size(); ++head) {
    const std::string digits = std::to_string(head);
    heads_[head] = !digits.starts_with(country_code_) &&
                   !(metadata.has_international_prefix() && abroad.is_possible_in(digits)) &&
                   !(metadata.has_national_prefix_for_parsing() && national.is_possible_in(digits));
  }
}

bool PlainNumbers::contains(std::string_view digits) const {
  if (digits.size() <= kHead || digits.size() >= lengths_.size() || !lengths_[digits.size()] ||
      !std::ranges::all_of(digits, is_digit)) {
    return false;
  }
  std::size_t head = 0;
  for (const char digit : digits.substr(0, kHead)) {
    head = head * 10 + static_cast<std::size_t>(digit - '0');
  }
  return heads_[head];
}

std::string_view PlainNumbers::find_in(std::string_view text) const {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (!has_country_code_alone_ || !text.starts_with(country_code_)) return {};
    text.remove_prefix(country_code_.size());
  }
  return contains(text) ? text : std::string_view();
}

}  // namespace users
