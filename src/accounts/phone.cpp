#include "accounts/phone.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include <phonenumbers/phonenumberutil.h>

namespace users {
namespace {

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

constexpr std::size_t kLongestText = 64;

/// U+FF0B, the full-width plus, and U+FF10 to U+FF19, the full-width digits, as ASCII; U+3000 as a
/// blank. Nothing where any other character is left that no phone number has: the library would
/// skip letters, or read an extension out of them.
std::optional<std::string> to_ascii(std::string_view text) {
  std::string ascii;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto three = text.substr(i, 3);
    const auto last = static_cast<unsigned char>(three.back());
    if (three.starts_with("\xEF\xBC") && three.size() == 3 && last >= 0x90 && last <= 0x99) {
      ascii += static_cast<char>('0' + (last - 0x90));
      i += 2;
    } else if (three == "\xEF\xBC\x8B") {
      ascii += '+';
      i += 2;
    } else if (three == "\xE3\x80\x80") {
      ascii += ' ';
      i += 2;
    } else if (std::string_view("0123456789+ -.()").find(text[i]) != std::string_view::npos) {
      ascii += text[i];
    } else {
      return std::nullopt;
    }
  }
  return ascii;
}

/// Reads into `number`; true where one of a mobile phone can be of this length.
bool read_mobile(const std::string& text, const std::string& region, PhoneNumber& number) {
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  errno = 0;
  if (util.Parse(text, region, &number) == PhoneNumberUtil::NO_PARSING_ERROR &&
      util.IsPossibleNumberForTypeWithReason(number, PhoneNumberUtil::MOBILE) ==
          PhoneNumberUtil::IS_POSSIBLE) {
    return true;
  }
  // The library takes a pattern it has no memory for as one that does not match.
  if (errno == ENOMEM) throw std::bad_alloc();
  return false;
}

std::string to_e164(const PhoneNumber& number) {
  std::string e164;
  PhoneNumberUtil::GetInstance()->Format(number, PhoneNumberUtil::E164, &e164);
  return e164;
}

}  // namespace

std::optional<Phone> Phone::parse(std::string_view text, const std::string& default_region) {
  if (text.size() > kLongestText) return std::nullopt;
  const auto ascii = to_ascii(text);
  if (!ascii || ascii->find('+', ascii->find_first_not_of(' ') + 1) != std::string::npos) {
    return std::nullopt;
  }
  PhoneNumber number;
  if (!read_mobile(*ascii, default_region, number)) return std::nullopt;
  std::string e164 = to_e164(number);
  // Of 000857960962 the library makes +8600857960962, which it does not know itself. Zeros that
  // lead a national number are the only case, and rare.
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

std::string Phone::masked() const {
  constexpr std::size_t kHead = 6;
  constexpr std::size_t kTail = 4;
  std::string masked = e164_;
  // Of a short one less is shown: some countries have mobile phones of five digits.
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

void load_numbering_plans() {
  PhoneNumberUtil::GetInstance();
}

}  // namespace users
