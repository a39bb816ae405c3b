// TOTP: the values of RFC 6238, the window, what apps are given.
#include "factors/totp.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "factors/recovery_codes.hpp"

namespace users::test {

BOOST_AUTO_TEST_SUITE(totp)

namespace {

const std::string kDigitsOfRfc = "1234567890123456789012345678901234567890123456789012345678901234";

Secret secret_of(std::size_t bytes) {
  return Secret(std::string_view(kDigitsOfRfc).substr(0, bytes));
}

/// RFC 6238, appendix B: seconds since 1970, and the codes of SHA-1, SHA-256 and SHA-512.
struct Row {
  std::uint64_t seconds;
  const char* sha1;
  const char* sha256;
  const char* sha512;
};
constexpr Row kRows[] = {
    {59, "94287082", "46119246", "90693936"},
    {1111111109, "07081804", "68084774", "25091201"},
    {1111111111, "14050471", "67062674", "99943326"},
    {1234567890, "89005924", "91819424", "93441116"},
    {2000000000, "69279037", "90698825", "38618901"},
    {20000000000, "65353130", "77737706", "47863826"},
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_values_of_the_rfc) {
  for (const Row& row : kRows) {
    const std::uint64_t step = row.seconds / 30;
    BOOST_TEST(users::totp::code_of(secret_of(20), step, 8) == row.sha1);
    BOOST_TEST(users::totp::code_of(secret_of(32), step, 8, "SHA256") == row.sha256);
    BOOST_TEST(users::totp::code_of(secret_of(64), step, 8, "SHA512") == row.sha512);
    BOOST_TEST(users::totp::code_of(secret_of(20), step) == std::string(row.sha1).substr(2));
  }
}

BOOST_AUTO_TEST_CASE(one_step_early_or_late_counts) {
  const Secret secret = secret_of(20);
  constexpr std::uint64_t kNow = 1234567890;
  for (const std::uint64_t step : {kNow / 30 - 1, kNow / 30, kNow / 30 + 1}) {
    const auto found = users::totp::step_of(secret, users::totp::code_of(secret, step), kNow);
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(*found == step);
  }
  for (const std::uint64_t step : {kNow / 30 - 2, kNow / 30 + 2}) {
    BOOST_TEST(!users::totp::step_of(secret, users::totp::code_of(secret, step), kNow));
  }
  BOOST_TEST(!users::totp::step_of(secret, "", kNow));
}

BOOST_AUTO_TEST_CASE(a_secret_in_base32) {
  // RFC 4648, section 10, without padding.
  const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                      {"f", "MY"},
                                                      {"fo", "MZXQ"},
                                                      {"foo", "MZXW6"},
                                                      {"foob", "MZXW6YQ"},
                                                      {"fooba", "MZXW6YTB"},
                                                      {"foobar", "MZXW6YTBOI"}};
  for (const auto& [text, encoded] : rows) {
    BOOST_TEST(users::totp::base32_of(Secret(std::string_view(text))).reveal() == encoded);
  }
  BOOST_TEST(users::totp::base32_of(users::totp::new_secret()).reveal().size() == 32U);
}

BOOST_AUTO_TEST_CASE(the_uri_is_percent_encoded_utf8) {
  const Secret uri =
      users::totp::uri_of(Secret(std::string_view("foobar")), "A & B 站", "+8618866668888");
  BOOST_TEST(uri.reveal() ==
             "otpauth://totp/A%20%26%20B%20%E7%AB%99:%2B8618866668888?secret=MZXW6YTBOI&issuer="
             "A%20%26%20B%20%E7%AB%99");
}

BOOST_AUTO_TEST_CASE(a_qr_code_is_a_square_with_three_finders) {
  const auto rows = users::totp::qr_of(Secret(std::string_view("otpauth://totp/x")));
  BOOST_TEST(rows.size() == 25U);
  for (const std::string& row : rows) BOOST_TEST(row.size() == rows.size());
  BOOST_TEST(rows.front().starts_with("1111111"));
  BOOST_TEST(rows.front().ends_with("1111111"));
  BOOST_TEST(rows.back().starts_with("1111111"));
  BOOST_CHECK_THROW(users::totp::qr_of(Secret(std::string(3000, 'x'))), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(recovery_codes_are_read_as_people_type_them) {
  const Secret key(std::string(64, 'k'));
  const auto codes = RecoveryCodes(key).make();
  BOOST_TEST(codes.size() == 10U);
  for (const Secret& code : codes) {
    BOOST_TEST(code.reveal().size() == 11U);
    BOOST_TEST(parse_recovery_code(code.reveal()).has_value());
  }
  for (const char* same :
       {"ABCDE-FGHJ0", "abcdefghj0", " abcde fghjo ", "ＡＢＣＤＥ－ＦＧＨＪ０"}) {
    BOOST_TEST(parse_recovery_code(same).value_or("") == "ABCDEFGHJ0");
  }
  BOOST_TEST(parse_recovery_code("i1lI1-L0oO0").value_or("") == "1111110000");
  for (const char* bad : {"", "ABCDE-FGHJ", "ABCDE-FGHJ01", "ABCDE-FGHJU", "ABCDE-FGHJ!", "é"}) {
    BOOST_TEST(!parse_recovery_code(bad));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
