// Which passwords are allowed, and which are easily guessed.
#include "accounts/password.hpp"

#include <boost/test/unit_test.hpp>

namespace users::test {

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

bool accepted(std::string_view typed, unsigned min_length = 8) {
  return normalise_password(typed, min_length).has_value();
}

std::string normalised(std::string_view typed) {
  const auto password = normalise_password(typed, 8);
  return password ? std::string(password->reveal()) : "refused";
}

bool weak(std::string_view password, std::string_view service_name = "users") {
  return is_weak(Secret(password), *Phone::parse("+8618866668888", "CN"), service_name);
}

BOOST_AUTO_TEST_SUITE(password)

BOOST_AUTO_TEST_CASE(a_password_has_8_to_128_code_points) {
  for (const auto* one : {"a", "密", "😀", "é"}) {
    BOOST_TEST(!accepted(repeated(one, 7)), one);
    BOOST_TEST(accepted(repeated(one, 8)), one);
    BOOST_TEST(accepted(repeated(one, 128)), one);
    BOOST_TEST(!accepted(repeated(one, 129)), one);
  }
  BOOST_TEST(!accepted(""));
  BOOST_TEST(!accepted(std::string(1 << 20, 'a')));
}

BOOST_AUTO_TEST_CASE(a_site_may_ask_for_15_code_points) {
  BOOST_TEST(!accepted(repeated("密", 14), 15));
  BOOST_TEST(accepted(repeated("密", 15), 15));
}

BOOST_AUTO_TEST_CASE(code_points_are_counted_after_composition) {
  for (const auto* one : {"e\u0301", "\u1112\u1161\u11AB"}) {  // an accent, and Hangul
    BOOST_TEST(!accepted(repeated(one, 7)), one);
    BOOST_TEST(accepted(repeated(one, 128)), one);
    BOOST_TEST(!accepted(repeated(one, 129)), one);
  }
  BOOST_TEST(accepted(repeated("\u03B1\u0313\u0300\u0345", 128)));  // one Greek letter each
}

BOOST_AUTO_TEST_CASE(nothing_is_trimmed_folded_or_replaced) {
  for (const auto* typed : {"  leading", "trailing  ", "   \t    ", "MiXeD cAsE",
                            "ｆｕｌｌ　ｗｉｄｔｈ", "line\nbreak", "a'b\"c\\d;--", "😀😀😀😀😀😀😀😀"}) {
    BOOST_TEST(normalised(typed) == typed);
  }
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_are_no_password) {
  for (const auto* bytes : {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "caf\xE9 au lait",
                            "surrogate \xED\xA0\x80", "overlong \xC0\xAF", "cut off \xE5\xAF"}) {
    BOOST_TEST(!accepted(bytes));
  }
}

BOOST_AUTO_TEST_CASE(passwords_that_everybody_tries_are_weak) {
  for (const auto* classic :
       {"password", "PASSWORD", "12345678", "123456789", "1234567890", "11111111", "00000000",
        "qwertyui", "iloveyou", "sunshine", "aaaaaaaa", "abcdefgh", "password1"}) {
    BOOST_TEST(weak(classic), classic);
  }
}

BOOST_AUTO_TEST_CASE(the_own_phone_is_weak_in_every_spelling) {
  for (const auto* spelling :
       {"18866668888", "+8618866668888", "8618866668888", "008618866668888", "+86 188 6666 8888",
        "188-6666-8888", "188.6666.8888", "(188) 6666 8888", " 18866668888 ",
        "１８８６６６６８８８８", "＋８６１８８６６６６８８８８"}) {
    BOOST_TEST(weak(spelling), spelling);
  }
  BOOST_TEST(!weak("13951740263"));  // another phone
}

BOOST_AUTO_TEST_CASE(the_name_of_the_service_is_weak_in_any_case) {
  for (const auto* spelling : {"flowermarket", "FLOWERMARKET", "FlowerMarket", "fLoWeRmArKeT"}) {
    BOOST_TEST(weak(spelling, "FlowerMarket"), spelling);
  }
  BOOST_TEST(weak("我的鲜花网上商店", "我的鲜花网上商店"));
}

BOOST_AUTO_TEST_CASE(what_takes_more_than_three_thousand_guesses_passes) {
  for (const auto* poor : {"sunshine2009", "66668888", "iloveyou2", "dragon12", "summer2020"}) {
    BOOST_TEST(!weak(poor), poor);
  }
  for (const auto* worse : {"qwertyuiop", "password12", "abc12345", "letmein1", "baseball99"}) {
    BOOST_TEST(weak(worse), worse);
  }
}

BOOST_AUTO_TEST_CASE(good_passwords_pass) {
  for (const auto* good :
       {"correct horse 42", "南山下的小河很清澈", "Tr0ub4dour&3", "vK3#pQ9z", "kite-lamp-moss-drum",
        "🐢🎻🌋🧭🪁🥁🐙🎲", "18866668888 und noch etwas"}) {
    BOOST_TEST_CONTEXT(good) {
      BOOST_TEST(accepted(good));
      BOOST_TEST(!weak(good));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
