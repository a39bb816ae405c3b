// Phone numbers as people write them. Input: the text.
#include "accounts/phone.hpp"

#include <algorithm>

#include "fuzz/fuzz.hpp"

namespace users {
namespace {

using fuzz::require;

bool all_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

void look_at(const Phone& phone) {
  constexpr std::size_t kLongest = 16;  // a plus and the 15 digits of E.164
  const std::string& e164 = phone.e164();
  require(e164.size() <= kLongest && e164.size() > 2, "the length of E.164");
  require(e164[0] == '+' && e164[1] != '0' && all_digits(e164.substr(1)), "the form of E.164");
  require(!phone.national().empty() && e164.ends_with(phone.national()), "the national part");
  const std::string masked = phone.masked();
  const std::size_t shown_at_end = std::min<std::size_t>(4, e164.size() / 3);
  require(masked.size() == e164.size() && masked.ends_with(e164.substr(e164.size() - shown_at_end)),
          "the form of a masked number");
  require(masked.find('*') != std::string::npos, "something is masked");
  for (const char* region : {"CN", "US"}) {
    const auto again = Phone::parse(e164, region);
    require(again && again->e164() == e164 && again->national() == phone.national(),
            "a number in E.164 is itself everywhere");
  }
}

}  // namespace
}  // namespace users

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = users::fuzz::view(data, size);
  users::fuzz::require(users::all_digits(users::phone_digits(text)), "digits alone");
  for (const char* region : {"CN", "US", "IT"}) {
    if (const auto phone = users::Phone::parse(text, region)) users::look_at(*phone);
  }
  return 0;
}
