// All spellings of a number belong to one account; anything but a mobile number is refused.
#include "accounts/phone.hpp"

#include <boost/test/unit_test.hpp>

#include "accounts/plain_numbers.hpp"

namespace users::test {

using namespace std::string_view_literals;

std::string e164_of(std::string_view text, const std::string& region = "CN") {
  const auto phone = Phone::parse(text, region);
  return phone ? phone->e164() : "none";
}

/// Compares all plain numbers of a region, by their first three digits, length and these endings.
void compare_with_library(const std::string& region, const std::vector<std::string>& endings) {
  load_numbering_plans(region);
  const PlainNumbers plain(region);
  for (int head = 1000; head < 2000; ++head) {
    const std::string digits = std::to_string(head).substr(1);
    for (std::size_t length = 3; length <= 16; ++length) {
      for (const std::string& ending : endings) {
        const std::string national = digits + ending.substr(0, length - 3);
        for (const std::string& text : {national, "+" + plain.country_code() + national}) {
          if (plain.find_in(text).empty()) continue;
          const auto read = Phone::parse(text, region);
          const auto parsed = Phone::parse(" " + text, region);  // not plain
          BOOST_TEST_REQUIRE((read && parsed), region << " " << text);
          BOOST_TEST(read->e164() == parsed->e164());
          BOOST_TEST(read->national() == parsed->national());
        }
      }
    }
  }
  load_numbering_plans("CN");
}

BOOST_AUTO_TEST_SUITE(phone)

// stack/spellings has all the spellings that JSON can carry.
BOOST_AUTO_TEST_CASE(what_is_no_phone_number_is_refused) {
  const std::string of_64_bytes = "18866668888" + std::string(53, ' ');
  BOOST_TEST(e164_of(of_64_bytes) == "+8618866668888");
  const std::string of_65_bytes = of_64_bytes + " ";
  for (const std::string_view text :
       {"18866668888\0"sv, "188\0\x36\x36\x36\x36\x38\x38\x38\x38"sv, "18866668888\xEF\xBC"sv,
        "18866668888\xEF"sv, "\xFF"sv, std::string_view(of_65_bytes)}) {
    BOOST_TEST(e164_of(text) == "none", text);
  }
}

BOOST_AUTO_TEST_CASE(a_digit_too_few_or_too_many_is_refused_as_many_landlines_have) {
  for (const auto* text : {"1886666888", "188666688888", "+861886666888", "+86188666688888", "1",
                           "110", "10086", "+44740012345", "+4474001234567", "+1202555012",
                           "+120255501234", "010 8888 8888", "+86 10 8888 8888", "8888 8888"}) {
    BOOST_TEST(e164_of(text) == "none", text);
  }
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
           // The US does not tell mobile numbers from others.
           Row{"202 555 0123", "US", false},
           Row{"800 555 0123", "US", true},
           // Too new for the library.
           Row{"19900000000", "CN", false},
       }) {
    BOOST_TEST_CONTEXT(row.text << " " << row.region) {
      const auto phone = Phone::parse(row.text, row.region);
      // Numbers of a length that no mobile has are refused earlier.
      BOOST_TEST((!phone || phone->is_no_mobile()) == row.is_no_mobile);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_country_code_or_else_the_region_leads_to_the_country) {
  struct Row {
    const char* text;
    const char* region;
    const char* e164;
  };
  for (const Row& row : {Row{"+44 7400 123456", "CN", "+447400123456"},
                         {"0044 7400 123456", "CN", "+447400123456"},
                         {"+44 (0)7400 123456", "CN", "+447400123456"},
                         {"+1 (202) 555-0123", "CN", "+12025550123"},
                         {"+852 5123 4567", "CN", "+85251234567"},
                         {"+65 8123 4567", "CN", "+6581234567"},
                         {"+49 1512 3456789", "CN", "+4915123456789"},
                         {"+999 1886666888", "CN", "none"},  // unassigned
                         {"+0 18866668888", "CN", "none"},
                         {"07400 123456", "GB", "+447400123456"},
                         {"(202) 555-0123", "US", "+12025550123"},
                         {"+86 188 6666 8888", "US", "+8618866668888"},
                         {"07400 123456", "CN", "none"},
                         {"18866668888", "ZZ", "none"},  // not a region
                         {"+8618866668888", "ZZ", "+8618866668888"}}) {
    BOOST_TEST_INFO(row.text << " " << row.region);
    BOOST_TEST(e164_of(row.text, row.region) == row.e164);
  }
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

BOOST_AUTO_TEST_CASE(a_number_without_its_country_and_masked_so_that_it_never_shows_all) {
  BOOST_TEST(Phone::parse("+8618866668888", "CN")->national() == "18866668888");
  BOOST_TEST(Phone::parse("+447400123456", "CN")->national() == "7400123456");
  for (const auto& [phone, masked] : {std::pair{"+8618866668888", "+86188****8888"},
                                      {"+447400123456", "+44740***3456"},
                                      {"+6581234567", "+6581***567"},
                                      {"+29051234", "+290**234"},
                                      {"+2796789", "+279**89"}}) {
    BOOST_TEST(Phone::parse(phone, "CN").value().masked() == masked);
  }
}

BOOST_AUTO_TEST_CASE(a_plain_number_is_read_as_the_library_reads_it) {
  for (const char* region : {"CN", "US", "CA", "BR"})
    compare_with_library(region, {"1234567890123"});
}

// Regions with long national prefixes, with none, with leading zeros, and that share a country
// code.
BOOST_AUTO_TEST_CASE(so_it_is_in_many_regions, *boost::unit_test::label("deep")) {
  for (const char* region :
       {"CN", "US", "CA", "GB", "JE", "DE", "FR", "IT", "SM", "ES", "JP", "KR",
        "IN", "BR", "MX", "AR", "RU", "KZ", "AU", "SG", "HK", "ID", "ZA", "NG"}) {
    compare_with_library(region, {"0000000000000", "1234567890123", "9199999999999"});
  }
}

BOOST_AUTO_TEST_CASE(the_usual_mobile_numbers_of_a_region_are_plain) {
  const PlainNumbers china("CN");
  for (const char* text : {"13866668888", "15966668888", "18866668888", "19966668888"}) {
    BOOST_TEST(china.find_in(text) == text);
    BOOST_TEST(china.find_in(std::string("+86") + text) == text);
  }
  for (const char* text : {"", "+", "+86", "138 6666 8888", "8613866668888", "1386666888",
                           "+8513866668888", "138666688888", "013866668888", "1386666888a",
                           "\xEF\xBC\x91"
                           "3866668888",
                           "++8613866668888", "+86+13866668888"}) {
    BOOST_TEST(china.find_in(text).empty(), text);
  }
  BOOST_TEST(PlainNumbers("IN").find_in("9876543210") == "9876543210");
  BOOST_TEST(PlainNumbers("GB").find_in("7400123456") == "7400123456");
  // The second region of a country code, whose own rules a number with that code does not follow.
  BOOST_TEST(PlainNumbers("CA").find_in("2042345678") == "2042345678");
  BOOST_TEST(PlainNumbers("CA").find_in("+12042345678").empty());
  BOOST_TEST(PlainNumbers("ZZ").find_in("2042345678").empty());
  BOOST_TEST(PlainNumbers().find_in("2042345678").empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
