#include "accounts/phone.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include <phonenumbers/phonenumberutil.h>

#include "accounts/plain_numbers.hpp"
#include "base/text.hpp"

namespace users {
namespace {

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

/// Maximum length of the input in bytes, and of a number in characters, with separators.
constexpr std::size_t kMostBytes = 256;
constexpr std::size_t kLongest = 64;

/// Returns nullopt if it contains a character that no phone number has: the library would skip
/// letters, or read them as an extension.
std::optional<std::string> to_ascii(std::string_view text) {
  if (text.size() > kMostBytes) return std::nullopt;
  auto ascii = to_ascii_number(text);
  const bool is_plain = ascii && ascii->size() <= kLongest &&
                        ascii->find_first_not_of("0123456789+ -.()") == std::string::npos;
  return is_plain ? std::move(ascii) : std::nullopt;
}

/// Parses into `number`; returns true if a mobile number can have this length.
bool read_mobile(const std::string& text, const std::string& region, PhoneNumber& number) {
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  errno = 0;
  if (util.Parse(text, region, &number) == PhoneNumberUtil::NO_PARSING_ERROR &&
      util.IsPossibleNumberForTypeWithReason(number, PhoneNumberUtil::MOBILE) ==
          PhoneNumberUtil::IS_POSSIBLE) {
    return true;
  }
  // If memory is short, the library treats a pattern as not matching.
  if (errno == ENOMEM) throw std::bad_alloc();
  return false;
}

/// Set once at the start.
PlainNumbers& plain_numbers() {
  static PlainNumbers instance;
  return instance;
}

std::string to_e164(const PhoneNumber& number) {
  std::string e164;
  PhoneNumberUtil::GetInstance()->Format(number, PhoneNumberUtil::E164, &e164);
  return e164;
}

}  // namespace

std::optional<Phone> Phone::parse(std::string_view text, const std::string& default_region) {
  if (const PlainNumbers& plain = plain_numbers(); plain.region() == default_region) {
    const std::string_view national = plain.find_in(text);
    if (!national.empty()) {
      return Phone("+" + plain.country_code() + std::string(national), std::string(national));
    }
  }
  const auto ascii = to_ascii(text);
  if (!ascii || ascii->find('+', ascii->find_first_not_of(" (") + 1) != std::string::npos) {
    return std::nullopt;
  }
  PhoneNumber number;
  if (!read_mobile(*ascii, default_region, number)) return std::nullopt;
  std::string e164 = to_e164(number);
  // From 000857960962 the library makes +8600857960962, which it cannot parse itself. Only national
  // numbers with leading zeros are affected, which is rare.
  if (number.italian_leading_zero()) {
    PhoneNumber again;
    if (!read_mobile(e164, default_region, again) || to_e164(again) != e164) return std::nullopt;
  }
  std::string national;
  PhoneNumberUtil::GetInstance()->GetNationalSignificantNumber(number, &national);
  return Phone(std::move(e164), std::move(national));
}

bool Phone::is_of(const std::vector<std::string>& regions) const {
  PhoneNumber number;
  std::string region;
  if (!read_mobile(e164_, "ZZ", number)) return false;
  PhoneNumberUtil::GetInstance()->GetRegionCodeForNumber(number, &region);
  return std::ranges::find(regions, region) != regions.end();
}

bool Phone::is_no_mobile() const {
  PhoneNumber number;
  if (!read_mobile(e164_, "ZZ", number)) return true;
  switch (PhoneNumberUtil::GetInstance()->GetNumberType(number)) {
    case PhoneNumberUtil::FIXED_LINE:
    case PhoneNumberUtil::TOLL_FREE:
    case PhoneNumberUtil::PREMIUM_RATE:
    case PhoneNumberUtil::SHARED_COST:
    case PhoneNumberUtil::UAN:
    case PhoneNumberUtil::VOICEMAIL:
    case PhoneNumberUtil::PAGER:
      return true;
    default:
      return false;
  }
}

bool Phone::has_lost_plus(std::string_view text) const {
  const std::string digits = phone_digits(text);
  const std::string plain = to_ascii(text).value_or("+");
  if (digits.empty() || digits[0] == '0' || plain.find('+') != std::string::npos) return false;
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  PhoneNumber here;
  PhoneNumber elsewhere;
  return read_mobile(e164_, "ZZ", here) && !util.IsValidNumber(here) &&
         read_mobile("+" + digits, "ZZ", elsewhere) && util.IsValidNumber(elsewhere);
}

std::string Phone::masked() const {
  constexpr std::size_t kHead = 6;
  constexpr std::size_t kTail = 4;
  std::string masked = e164_;
  // Show less of a short number: some countries have mobile numbers of five digits.
  const std::size_t tail = std::min(kTail, masked.size() / 3);
  for (std::size_t i = std::min(kHead, masked.size() / 2); i + tail < masked.size(); ++i)
    masked[i] = '*';
  return masked;
}

std::string phone_digits(std::string_view text) {
  std::string digits = to_ascii(text).value_or("");
  std::erase_if(digits, [](char c) { return c < '0' || c > '9'; });
  return digits;
}

void load_numbering_plans(const std::string& default_region) {
  PhoneNumberUtil::GetInstance();
  plain_numbers() = PlainNumbers(default_region);
}

}  // namespace users
