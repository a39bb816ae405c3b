// Passwords, and text as the log shows it. Input: the text.
#include "accounts/password.hpp"

#include <algorithm>

#include "fuzz/fuzz.hpp"

namespace users {
namespace {

using fuzz::require;

void look_at_password(std::string_view typed) {
  constexpr unsigned kLeast = 8;
  const auto password = normalise_password(typed, kLeast);
  if (!password) return;
  const std::string_view normal = password->reveal();
  require(fuzz::is_utf8(typed) && fuzz::is_utf8(normal), "a password is UTF-8");
  const std::size_t length = count_code_points(normal);
  require(length >= kLeast && length <= kLongestPassword, "the length of a password");
  require(is_text(typed) == is_text(normal), "normalising neither adds nor takes a NUL");
  const auto again = normalise_password(normal, kLeast);
  require(again && again->reveal() == normal, "what is normal stays as it is");
  if (!is_text(normal)) return;  // a body contains nothing else
  static const auto phone = Phone::parse("18866668888", "CN");
  const bool weak = is_weak(*password, *phone, "users-fcgi");
  require(weak || (normal != "18866668888" && normal != "users-fcgi"), "what is known is weak");
}

void look_at_log(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  const std::string line = printable("said: " + std::string(text), kLongest);
  require(line.size() <= kLongest, "a line's length");
  require(is_text(line), "a line is UTF-8");
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  require(std::ranges::none_of(line, is_control), "a line is one line");
  for (std::size_t i = line.find('\xC2'); i != std::string::npos; i = line.find('\xC2', i + 1)) {
    require(static_cast<unsigned char>(line[i + 1]) >= 0xA0, "nothing steers a terminal");
  }
}

}  // namespace
}  // namespace users

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = users::fuzz::view(data, size);
  users::look_at_password(text);
  users::look_at_log(text);
  return 0;
}
