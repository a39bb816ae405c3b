// Phone numbers in E.164. Only phone.cpp and plain_numbers.cpp use libphonenumber.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace users {

/// A number in E.164 (ITU-T): `+`, country code, national number; at most 15 digits.
class Phone {
 public:
  /// Parses a number as people write or paste it: digits, a leading plus, and blanks, dashes, dots
  /// and round brackets in any form that to_ascii_number() accepts. A number without a country code
  /// belongs to `default_region` (ISO 3166-1, such as CN). Returns nullopt for any other text, and
  /// if no mobile number of that country has this length. Only a code sent to the number shows
  /// whether it is in use.
  static std::optional<Phone> parse(std::string_view text, const std::string& default_region);

  [[nodiscard]] const std::string& e164() const { return e164_; }
  /// Returns true if the number belongs to one of these regions (ISO 3166-1). If regions share a
  /// country code, the library must know the number.
  [[nodiscard]] bool is_of(const std::vector<std::string>& regions) const;
  /// Returns true if the library knows that no mobile phone has this number: a land line,
  /// freephone, premium rate and so on. Returns false if the country's plan does not distinguish
  /// them, and for unknown numbers, since plans change faster than the library.
  [[nodiscard]] bool is_no_mobile() const;
  /// Returns true if `text` seems to be a foreign number without its plus: the library does not
  /// know it as a number of the default region, but does with a plus. Spreadsheets drop the plus.
  [[nodiscard]] bool has_lost_plus(std::string_view text) const;
  /// The digits after the country code.
  [[nodiscard]] const std::string& national() const { return national_; }
  /// For logs: `+86188****8888`, the first six and the last four characters; for a short number at
  /// most half and a third.
  [[nodiscard]] std::string masked() const;

 private:
  Phone(std::string e164, std::string national)
      : e164_(std::move(e164)), national_(std::move(national)) {}

  std::string e164_;
  std::string national_;
};

/// The digits, in ASCII, of a text written like a phone number; empty for any other text.
std::string phone_digits(std::string_view text);

/// Loads the numbering plans (9 ms), so that the first request need not, and lets parse() read the
/// plain numbers of this region without them. Call it before the program has threads.
void load_numbering_plans(const std::string& default_region);

}  // namespace users
