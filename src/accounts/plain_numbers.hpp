// Mobile numbers of one region that can be read without libphonenumber, whose parser costs 90,000
// instructions.
#pragma once

#include <bitset>
#include <string>
#include <string_view>

namespace users {

/// The plain numbers of a region: all that begin with certain digits and have certain lengths, so
/// that libphonenumber would strip no prefix from them and call them possible mobile numbers. Both
/// are found in its metadata. Any other number may be valid, too: ask the library.
class PlainNumbers {
 public:
  /// Of no region: no number is plain.
  PlainNumbers() = default;
  /// `region`: ISO 3166-1, such as CN. Takes 1.5 ms. An unknown region has no plain numbers.
  explicit PlainNumbers(std::string region);

  [[nodiscard]] const std::string& region() const { return region_; }
  [[nodiscard]] const std::string& country_code() const { return country_code_; }
  /// Returns the national number of a text, which is either that or a plus, the country code and
  /// that. Returns an empty view if the text is no plain number.
  [[nodiscard]] std::string_view find_in(std::string_view text) const;

 private:
  static constexpr std::size_t kHead = 3;  ///< digits that decide

  [[nodiscard]] bool contains(std::string_view digits) const;

  std::string region_;
  std::string country_code_;
  bool has_country_code_alone_ = false;  ///< or is the first of those that share it
  std::bitset<1000> heads_;
  std::bitset<16> lengths_;  ///< in digits
};

}  // namespace users
