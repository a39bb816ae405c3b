// Password hashes, keyed hashes and random bytes. Stored hashes must verify in every later version.
#include "base/crypto.hpp"

#include <set>

#include <boost/test/unit_test.hpp>

namespace users::test {

using namespace std::string_view_literals;

using users::crypto::hash_password;
using users::crypto::PasswordCost;
using users::crypto::verify_password;

constexpr PasswordCost kCheap{64, 1};
const Secret kPassword("correct horse 42"sv);

struct Sodium {
  Sodium() { crypto::start(); }
};

BOOST_AUTO_TEST_SUITE(crypto, *boost::unit_test::fixture<Sodium>())

BOOST_AUTO_TEST_CASE(a_hash_is_a_phc_string_that_names_its_cost) {
  const std::string cheap = hash_password(kPassword, kCheap);
  const std::string usual = hash_password(kPassword, {19456, 2});
  BOOST_TEST(cheap.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
  BOOST_TEST(usual.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  BOOST_TEST(usual.size() <= 127U);
  BOOST_TEST(hash_password(kPassword, kCheap) != cheap);  // another salt
}

BOOST_AUTO_TEST_CASE(only_the_same_password_verifies_and_the_cost_does_not_matter) {
  for (const PasswordCost cost : {kCheap, PasswordCost{128, 2}}) {
    const std::string phc = hash_password(Secret("密码 with 😀"sv), cost);
    BOOST_TEST(verify_password(Secret("密码 with 😀"sv), phc));
    for (const auto other :
         {""sv, "密码 with "sv, "密码 with 😀 "sv, "密码 With 😀"sv, "password"sv}) {
      BOOST_TEST(!verify_password(Secret(other), phc), other);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_hash_verifies_nothing) {
  const std::string phc = hash_password(kPassword, kCheap);
  for (const std::string& garbage :
       {std::string(), std::string("x"), std::string("correct horse 42"), std::string("$argon2id$"),
        std::string("$2y$10$abcdefghijklmnopqrstuv"), phc.substr(0, phc.size() - 1), phc.substr(1),
        phc + "x", std::string(500, '$')}) {
    BOOST_TEST(!verify_password(kPassword, garbage), garbage);
  }
}

BOOST_AUTO_TEST_CASE(a_keyed_hash_is_the_same_in_every_version) {
  // Stored hashes must stay valid. The value was computed with Python's hashlib.blake2b.
  const auto digest =
      users::crypto::keyed_hash(Secret(std::string(32, 'k')), "retry-key", "message");
  BOOST_TEST(
      users::crypto::equal(digest,
                           "\x6c\x42\xce\xaf\x5c\xf1\xdf\xb6\xa1\xd4\x0e\x25\x64\xb2\x4f\x4f"
                           "\xb9\x92\x99\xae\x94\x27\xaf\xd9\x41\xbc\xa2\xbe\x63\xae\x92\x8e"sv));
}

BOOST_AUTO_TEST_CASE(a_keyed_hash_differs_by_key_purpose_and_message) {
  const Secret key(std::string(32, 'k'));
  const Secret other_key(std::string(32, 'K'));
  const Secret longer_key(std::string(64, 'k'));
  const std::set<users::crypto::Digest> digests = {
      users::crypto::keyed_hash(key, "code", "message"),
      users::crypto::keyed_hash(other_key, "code", "message"),
      users::crypto::keyed_hash(longer_key, "code", "message"),
      users::crypto::keyed_hash(key, "session", "message"),
      users::crypto::keyed_hash(key, "code", "massage"),
      users::crypto::keyed_hash(key, "codem", "essage"),
      users::crypto::keyed_hash(key, "code", ""),
  };
  BOOST_TEST(digests.size() == 7U);
}

BOOST_AUTO_TEST_CASE(a_fingerprint_is_the_same_for_the_same_bytes_only) {
  const users::crypto::Fingerprinter one;
  std::string text(16 * 1024, 'x');
  const std::uint64_t whole = one.of(text);
  BOOST_TEST(one.of(std::string(text)) == whole);
  BOOST_TEST(users::crypto::Fingerprinter(one).of(text) == whole);
  BOOST_TEST(users::crypto::Fingerprinter().of(text) != whole);  // of another process
  std::set<std::uint64_t> prints = {whole, one.of(""), one.of("x"), one.of("\0"sv)};
  for (const std::size_t at : {std::size_t{0}, text.size() / 2, text.size() - 1}) {
    text[at] = 'y';
    prints.insert(one.of(text));
    text[at] = 'x';
  }
  BOOST_TEST(prints.size() == 7U);
}

BOOST_AUTO_TEST_CASE(a_digest_equals_only_the_same_32_bytes) {
  const auto digest = users::crypto::keyed_hash(Secret(std::string(32, 'k')), "code", "message");
  const std::string same(digest.begin(), digest.end());
  BOOST_TEST(users::crypto::equal(digest, same));
  for (const std::size_t at : {0U, 16U, 31U}) {
    std::string changed = same;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    BOOST_TEST(!users::crypto::equal(digest, changed));
  }
  for (const std::string& other : {std::string(), same.substr(0, 31), same + '\0'}) {
    BOOST_TEST(!users::crypto::equal(digest, other));
  }
}

BOOST_AUTO_TEST_CASE(random_hex_has_two_lower_case_digits_a_byte_and_does_not_repeat) {
  for (const std::size_t size : {0U, 1U, 16U, 32U}) {
    const std::string text = users::crypto::random_hex(size);
    BOOST_TEST(text.size() == 2 * size);
    BOOST_TEST(text.find_first_not_of("0123456789abcdef") == std::string::npos);
  }
  std::set<std::string> drawn;
  for (int i = 0; i < 100; ++i) drawn.insert(users::crypto::random_hex(16));
  BOOST_TEST(drawn.size() == 100U);
}

BOOST_AUTO_TEST_CASE(random_below_gives_every_number_below_its_bound_and_no_other) {
  std::set<std::uint32_t> drawn;
  for (int i = 0; i < 1000; ++i) drawn.insert(users::crypto::random_below(10));
  const std::set<std::uint32_t> digits = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  BOOST_TEST(drawn == digits, boost::test_tools::per_element());
  BOOST_TEST(users::crypto::random_below(1) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
