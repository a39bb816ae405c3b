// What counts as text, its canonical form, and its length.
#include "base/text.hpp"

#include <boost/test/unit_test.hpp>

namespace users::test {

using namespace std::string_view_literals;

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(well_formed_utf8_is_text) {
  for (const auto bytes : {""sv, "plain"sv, "\t\n"sv, "é"sv, "密码"sv, "😀"sv, "\xC2\x80"sv,
                           "\xDF\xBF"sv, "\xE0\xA0\x80"sv, "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv,
                           "\xF0\x90\x80\x80"sv, "\xF4\x8F\xBF\xBD"sv}) {
    BOOST_TEST(is_text(bytes), bytes);
  }
}

BOOST_AUTO_TEST_CASE(anything_else_is_no_text) {
  for (const auto bytes :
       {// NUL, a lone continuation byte, a byte that UTF-8 never uses, Latin-1.
        "a\0b"sv, "\0"sv, "\x80"sv, "\xFF"sv, "caf\xE9"sv,
        // Overlong forms of two, three and four bytes.
        "\xC0\xAF"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xE0\x9F\xBF"sv, "\xF0\x8F\xBF\xBF"sv,
        // The first and last surrogate, and a pair.
        "\xED\xA0\x80"sv, "\xED\xBF\xBF"sv, "\xED\xA0\xBD\xED\xB8\x80"sv,
        // A missing byte, at the end and in the middle.
        "a\xC3"sv, "\xE5\xAF"sv, "\xF0\x9F\x98"sv, "\xE5\xAF z"sv,
        // U+110000, one past the last code point, and five bytes.
        "\xF4\x90\x80\x80"sv, "\xF8\x88\x80\x80\x80"sv}) {
    BOOST_TEST(!is_text(bytes), bytes);
  }
}

BOOST_AUTO_TEST_CASE(two_spellings_of_a_character_become_one) {
  constexpr std::pair<std::string_view, std::string_view> kCompositions[] = {
      {"", ""},
      {"plain", "plain"},
      {"e\u0301", "\u00E9"},
      {"\u00E9", "\u00E9"},
      {"\u1112\u1161\u11AB", "\uD55C"},              // Hangul, from three letters
      {"\u212B", "\u00C5"},                          // the Angstrom sign becomes the letter
      {"\u03B1\u0313\u0300\u0345", "\u1F82"},        // four code points become one
      {"a\u0323\u0302", "\u1EAD"},                   // two marks, in canonical order
      {"a\u0302\u0323", "\u1EAD"},                   // in the other order
      {"\uFF21\uFB01\u2460", "\uFF21\uFB01\u2460"},  // compatibility characters do not change
      {"😀", "😀"}};
  for (const auto& [typed, composed] : kCompositions) {
    BOOST_TEST(to_nfc(typed).value() == composed);
  }
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_have_no_canonical_form) {
  for (const auto bytes : {"\xFF"sv, "caf\xE9"sv, "\xED\xA0\x80"sv, "\xC0\xAF"sv, "\xE5\xAF"sv}) {
    BOOST_TEST(!to_nfc(bytes).has_value());
  }
}

BOOST_AUTO_TEST_CASE(code_points_are_counted_not_bytes) {
  BOOST_TEST(count_code_points("") == 0U);
  BOOST_TEST(count_code_points("abc") == 3U);
  BOOST_TEST(count_code_points("密码") == 2U);
  BOOST_TEST(count_code_points("😀") == 1U);
  BOOST_TEST(count_code_points("e\u0301") == 2U);
  BOOST_TEST(count_code_points("👨‍👩‍👧") == 5U);  // three people, two joiners
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
