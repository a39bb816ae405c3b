// Phone numbers in E.164. phone.cpp is the one user of libphonenumber.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace users {

/// A number in E.164 (ITU-T): `+`, country code, national number; at most 15 digits.
class Phone {
 public:
  /// Reads a number as people write and paste it: digits, a leading plus, and blanks, dashes, dots
  /// and round brackets between, in any form that to_ascii_number() knows. Without a country code
  /// it is of `default_region` (ISO 3166-1, as CN). Nothing where anything else stands in it, or
  /// where no mobile number of that country is of this length; whether the number is in use only a
  /// code sent to it can tell.
  static std::optional<Phone> parse(std::string_view text, const std::string& default_region);

  [[nodiscard]] const std::string& e164() const { return e164_; }
  /// True where the number is of one of these regions (ISO 3166-1). Of regions that share a country
  /// code the number must be one that the library knows.
  [[nodiscard]] bool is_of(const std::vector<std::string>& regions) const;
  /// True if the library knows the number as one that no mobile phone has: of a land line, free of
  /// charge, premium rate and the like. False where a country's plan does not tell them apart, and
  /// for numbers that the library does not know, since plans move faster than it.
  [[nodiscard]] bool is_no_mobile() const;
  /// True if it was written as `text` and the plus of another country's number is missing there: as
  /// a number of the region that it was taken for the library does not know it, as one with a plus
  /// it does. Spreadsheets drop the plus.
  [[nodiscard]] bool has_lost_plus(std::string_view text) const;
  /// The digits without the country code.
  [[nodiscard]] const std::string& national() const { return national_; }
  /// For logs: `+86188****8888`, the first six and the last four characters; of a short one at most
  /// a half and a third.
  [[nodiscard]] std::string masked() const;

 private:
  Phone(std::string e164, std::string national)
      : e164_(std::move(e164)), national_(std::move(national)) {}

  std::string e164_;
  std::string national_;
};

/// The digits, as ASCII, of a text written like a phone number; empty where anything else stands in
/// it.
std::string phone_digits(std::string_view text);

/// Loads the numbering plans (7 ms, once), so that the first request does not pay for it.
void load_numbering_plans();

}  // namespace users
