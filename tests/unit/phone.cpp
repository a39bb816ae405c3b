// One number, however it is written, is one account; what is no mobile number is none.
#include "accounts/phone.hpp"

#include <boost/test/unit_test.hpp>

namespace users::test {

using namespace std::string_view_literals;

std::string e164_of(std::string_view text, const std::string& region = "CN") {
  const auto phone = Phone::parse(text, region);
  return phone ? phone->e164() : "none";
}

BOOST_AUTO_TEST_SUITE(phone)

BOOST_AUTO_TEST_CASE(every_spelling_of_a_number_is_the_same_account) {
  for (const auto* text : {
           "18866668888",
           "+8618866668888",
           "+86 188 6666 8888",
           "+86-188-6666-8888",
           "+86.188.6666.8888",
           "+86 (188) 6666-8888",
           "188-6666-8888",
           " 18866668888 ",
           "  +8618866668888",
           "8618866668888",
           " 8618866668888",  // a form's plus that nobody escaped
           "0086 188 6666 8888",
           "018866668888",
           "１８８６６６６８８８８",
           "＋８６　１８８　６６６６　８８８８",
           "188６６６６8888",
           // What copying and typing leave behind.
           "\u202a18866668888\u202c",
           "\u200e+86 188 6666 8888\u200f",
           "+86\u00a0188\u00a06666\u00a08888",
           "188\u20136666\u20138888",
           "188\u20116666\u20118888",
           "188\u22126666\u22128888",
           "188ー6666ー8888",
           "（188）66668888",
           "188－6666－8888",
           "188．6666．8888",
           "\ufeff18866668888",
           "188\u200b6666\u200b8888",
           "188\u20096666\u202f8888",
           "188\u00ad6666\u00ad8888",
       }) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(e164_of(text) == "+8618866668888");
    }
  }
}

BOOST_AUTO_TEST_CASE(full_width_digits_are_the_same_account) {
  BOOST_TEST(e164_of("１３０１２３４５６７８") == "+8613012345678");
  BOOST_TEST(e164_of("１３９９９９９９９９９") == "+8613999999999");
}

BOOST_AUTO_TEST_CASE(what_is_no_phone_number_is_refused) {
  const std::string digits_64 = "18866668888" + std::string(53, ' ');
  BOOST_TEST(e164_of(digits_64) == "+8618866668888");
  const std::string digits_65 = digits_64 + " ";
  for (const std::string_view text : {
           ""sv,
           " "sv,
           "+"sv,
           "++"sv,
           "-"sv,
           "()"sv,
           "abc"sv,
           "1886666888a"sv,
           "a18866668888"sv,
           "1-800-FLOWERS"sv,
           "18866668888\n"sv,
           "18866668888\r\n"sv,
           "\t18866668888"sv,
           "18866668888'"sv,
           R"("18866668888")"sv,
           "18866668888' OR '1'='1"sv,
           "18866668888; DROP TABLE users"sv,
           "18866668888 ext. 5"sv,
           "18866668888x5"sv,
           "000857960962"sv,  // +8600857960962 would not be read back
           "18866668888#5"sv,
           "18866668888;ext=5"sv,
           "18866668888,5"sv,
           "tel:18866668888"sv,
           "tel:+86-188-6666-8888"sv,
           "++8618866668888"sv,
           "+86+18866668888"sv,
           "18866668888+"sv,
           "＋＋8618866668888"sv,
           "+＋8618866668888"sv,
           "18866668888/18866669999"sv,
           "18866668888／"sv,  // the full-width neighbours of the digits
           "18866668888："sv,
           "1886666*888"sv,
           "18866668888\0"sv,
           "188\0"
           "66668888"sv,
           "😀18866668888"sv,
           "1️⃣8866668888"sv,
           "١٨٨٦٦٦٦٨٨٨٨"sv,  // Arabic-Indic digits
           "18866668888\xEF\xBC"sv,
           "18866668888\xEF"sv,
           "\xFF"sv,
           "一八八六六六六八八八八"sv,
           std::string_view(digits_65),
       }) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(e164_of(text) == "none");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_digit_too_few_or_too_many_is_refused) {
  for (const auto* text :
       {"1886666888", "188666688888", "+861886666888", "+86188666688888", "1", "110", "10086",
        "+44740012345", "+4474001234567", "+1202555012", "+120255501234"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(e164_of(text) == "none");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_landline_is_refused_where_its_length_tells) {
  BOOST_TEST(e164_of("010 8888 8888") == "none");
  BOOST_TEST(e164_of("+86 10 8888 8888") == "none");
  BOOST_TEST(e164_of("8888 8888") == "none");
}

BOOST_AUTO_TEST_CASE(what_the_library_knows_to_be_no_mobile_is_told_apart) {
  struct Row {
    const char* text;
    const char* region;
    bool is_no_mobile;
  };
  for (const Row& row : {
           Row{"0755-86668888", "CN", true},
           Row{"18866668888", "CN", false},
           Row{"400 810 8888", "CN", true},
           Row{"020 7946 0018", "GB", true},
           Row{"07400 123456", "GB", false},
           Row{"0800 123 4567", "GB", true},
           Row{"030 901820", "DE", true},
           Row{"01512 3456789", "DE", false},
           Row{"01 42 68 53 00", "FR", true},
           Row{"06 12 34 56 78", "FR", false},
           Row{"03-3123-4567", "JP", true},
           Row{"090-1234-5678", "JP", false},
           Row{"02 3661 8300", "IT", true},
           Row{"312 345 6789", "IT", false},
           Row{"2123 4567", "HK", true},
           Row{"5123 4567", "HK", false},
           // Not told apart there.
           Row{"202 555 0123", "US", false},
           Row{"800 555 0123", "US", true},
           // Not known to the library: plans move faster than it.
           Row{"19900000000", "CN", false},
       }) {
    BOOST_TEST_CONTEXT(row.text << " " << row.region) {
      const auto phone = Phone::parse(row.text, row.region);
      // A length that no mobile has is refused before.
      BOOST_TEST((!phone || phone->is_no_mobile()) == row.is_no_mobile);
    }
  }
}

struct Abroad {
  std::string_view text;
  std::string_view e164;
};

constexpr Abroad kAbroad[] = {
    {"+44 7400 123456", "+447400123456"},    {"0044 7400 123456", "+447400123456"},
    {"+44 (0)7400 123456", "+447400123456"}, {"+1 (202) 555-0123", "+12025550123"},
    {"+852 5123 4567", "+85251234567"},      {"+65 8123 4567", "+6581234567"},
    {"+49 1512 3456789", "+4915123456789"},
};

BOOST_AUTO_TEST_CASE(a_country_code_leads_to_its_country) {
  for (const Abroad& row : kAbroad) {
    BOOST_TEST_CONTEXT(row.text) {
      BOOST_TEST(e164_of(row.text) == row.e164);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_country_code_that_nobody_has_is_refused) {
  BOOST_TEST(e164_of("+999 1886666888") == "none");
  BOOST_TEST(e164_of("+0 18866668888") == "none");
}

BOOST_AUTO_TEST_CASE(without_a_country_code_the_region_decides) {
  BOOST_TEST(e164_of("07400 123456", "GB") == "+447400123456");
  BOOST_TEST(e164_of("(202) 555-0123", "US") == "+12025550123");
  BOOST_TEST(e164_of("+86 188 6666 8888", "US") == "+8618866668888");
  BOOST_TEST(e164_of("07400 123456", "CN") == "none");
}

BOOST_AUTO_TEST_CASE(in_an_unknown_region_only_a_country_code_helps) {
  BOOST_TEST(e164_of("18866668888", "ZZ") == "none");
  BOOST_TEST(e164_of("+8618866668888", "ZZ") == "+8618866668888");
}

BOOST_AUTO_TEST_CASE(a_number_is_of_one_of_the_regions_that_share_its_country_code) {
  const struct {
    const char* phone;
    const char* region;
  } numbers[] = {{"+8618866668888", "CN"}, {"+85261234567", "HK"}, {"+12025550123", "US"},
                 {"+16132325555", "CA"},   {"+18762345678", "JM"}, {"+77012345678", "KZ"},
                 {"+79123456789", "RU"}};
  for (const auto& [phone, region] : numbers) {
    const auto parsed = Phone::parse(phone, "CN");
    BOOST_TEST_REQUIRE(parsed.has_value(), phone);
    for (const std::string other : {"CN", "HK", "US", "CA", "JM", "KZ", "RU", "ZZ", "001"}) {
      BOOST_TEST(parsed->is_of({other}) == (other == region), phone << " is of " << other);
    }
    BOOST_TEST(parsed->is_of({"FR", region}));
    BOOST_TEST(!parsed->is_of({}));
  }
}

BOOST_AUTO_TEST_CASE(the_national_number_has_no_country_code) {
  BOOST_TEST(Phone::parse("+8618866668888", "CN")->national() == "18866668888");
  BOOST_TEST(Phone::parse("+447400123456", "CN")->national() == "7400123456");
}

struct Mask {
  std::string_view phone;
  std::string_view masked;
};

constexpr Mask kMasks[] = {
    {"+8618866668888", "+86188****8888"},
    {"+447400123456", "+44740***3456"},
    {"+6581234567", "+6581***567"},
    {"+29051234", "+290**234"},
    {"+2796789", "+279**89"},
};

BOOST_AUTO_TEST_CASE(a_masked_number_shows_its_head_and_its_end_and_never_all) {
  for (const Mask& row : kMasks) {
    const auto number = Phone::parse(row.phone, "CN");
    BOOST_TEST_CONTEXT(row.phone) {
      BOOST_TEST_REQUIRE(number.has_value());
      BOOST_TEST(number->masked() == row.masked);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
