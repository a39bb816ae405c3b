// Hashes of other systems: what login can verify comes in, anything else does not.
#include "accounts/import_hash.hpp"

#include <boost/test/unit_test.hpp>
#include <crypt.h>
#include <sodium.h>

#include "accounts/password_check.hpp"
#include "base/crypto.hpp"

using namespace users;

namespace {

struct Sodium {
  Sodium() { crypto::start(); }
};

const std::string kPassword = "correct horse 42";

std::string of_crypt(const std::string& setting) {
  const char* hash = ::crypt(kPassword.c_str(), setting.c_str());
  return hash == nullptr ? "" : hash;
}

std::string of_gensalt(const char* prefix, unsigned long cost) {
  return of_crypt(::crypt_gensalt(prefix, cost, nullptr, 0));
}

std::string of_argon2(int algorithm) {
  std::string hash(crypto_pwhash_STRBYTES, '\0');
  BOOST_TEST_REQUIRE(crypto_pwhash_str_alg(hash.data(), kPassword.data(), kPassword.size(), 3,
                                           std::size_t{64} * 1024, algorithm) == 0);
  hash.resize(hash.find('\0'));
  return hash;
}

void replace(std::string& text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  BOOST_TEST_REQUIRE(at != std::string::npos);
  text.replace(at, what.size(), with);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(import_hash, *boost::unit_test::fixture<Sodium>())

BOOST_AUTO_TEST_CASE(what_is_let_in_is_what_login_verifies) {
  const std::vector<std::string> hashes = {
      of_argon2(crypto_pwhash_ALG_ARGON2ID13),
      of_argon2(crypto_pwhash_ALG_ARGON2I13),
      of_gensalt("$2a$", 4),
      of_gensalt("$2b$", 5),
      of_gensalt("$2y$", 4),
      of_gensalt("$5$", 1000),
      of_gensalt("$5$", 5000),
      of_gensalt("$6$", 1000),
      of_gensalt("$6$", 0),
      of_gensalt("$y$", 1),
      of_gensalt("$y$", 0),
      of_crypt("$6$s"),
      of_crypt("$6$a salt"),  // no hash: a blank is no salt
      of_crypt("$5$rounds=1000$a-b_c,d"),
  };
  Metrics metrics;
  const PasswordCheck passwords(Config{}, metrics);
  for (const std::string& hash : hashes) {
    const bool verifies = passwords.verify(Secret(std::string_view(kPassword)), hash);
    BOOST_TEST(is_verifiable_hash(hash) == verifies, hash);
  }
}

BOOST_AUTO_TEST_CASE(every_cost_of_crypt_gensalt_is_let_in) {
  for (unsigned long cost = 1; cost <= 11; ++cost) {
    const std::string salt = ::crypt_gensalt("$y$", cost, nullptr, 0);
    BOOST_TEST(is_verifiable_hash(salt + "$" + std::string(43, 'x')), salt);
  }
}

BOOST_AUTO_TEST_CASE(what_login_cannot_verify_is_refused) {
  for (const std::string setting : {"$1$saltsalt", "ab", "_J9..abcd", "$sha1$1000$salt"}) {
    BOOST_TEST(!is_verifiable_hash(of_crypt(setting)), setting);
  }
  for (const std::string_view hash :
       {"", "$", "$$", "$6$", "$2b$", "$y$", "$argon2id$", "plain text",
        "5f4dcc3b5aa765d61d8327deb882cf99", "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$2x$05$abc",
        "pbkdf2_sha256$1000$a$b", "*0", "!"}) {
    BOOST_TEST(!is_verifiable_hash(hash), hash);
  }
}

BOOST_AUTO_TEST_CASE(a_hash_that_was_cut_or_changed_in_shape_is_refused) {
  for (const std::string& hash :
       {of_argon2(crypto_pwhash_ALG_ARGON2ID13), of_gensalt("$2b$", 4), of_gensalt("$5$", 0),
        of_gensalt("$6$", 0), of_gensalt("$y$", 1)}) {
    BOOST_TEST(is_verifiable_hash(hash));
    BOOST_TEST(!is_verifiable_hash(hash + "!"), hash);
    BOOST_TEST(!is_verifiable_hash(hash + std::string(256, 'x')), hash);
    BOOST_TEST(!is_verifiable_hash(hash + "\n"), hash);
    BOOST_TEST(!is_verifiable_hash(" " + hash), hash);
    BOOST_TEST(!is_verifiable_hash(hash.substr(0, hash.rfind('$'))), hash);
    BOOST_TEST(!is_verifiable_hash(hash.substr(0, hash.rfind('$') + 10)), hash);
  }
}

BOOST_AUTO_TEST_CASE(a_cost_that_would_hold_a_worker_is_refused) {
  std::string memory = of_argon2(crypto_pwhash_ALG_ARGON2ID13);
  for (const auto& [what, with] :
       std::vector<std::pair<std::string, std::string>>{{"m=64,", "m=1048577,"},
                                                        {"m=64,", "m=99999999999999999999,"},
                                                        {"m=64,", "m=7,"},
                                                        {"m=64,", "m=064,"},
                                                        {"m=64,", "m=,"},
                                                        {"t=3,", "t=101,"},
                                                        {"t=3,", "t=0,"},
                                                        {"p=1$", "p=65$"},
                                                        {"p=1$", "p=0$"},
                                                        {"p=1$", "p=9$"},
                                                        {"p=1$", "p=1,x=1$"},
                                                        {"v=19", "v=16"}}) {
    std::string hash = memory;
    replace(hash, what, with);
    BOOST_TEST(!is_verifiable_hash(hash), hash);
  }
  const std::string bcrypt = of_gensalt("$2b$", 4);
  for (const char* cost : {"$18$", "$31$", "$03$", "$4x$", "$ 4$", "$-4$"}) {
    std::string hash = bcrypt;
    replace(hash, "$04$", cost);
    BOOST_TEST(!is_verifiable_hash(hash), hash);
  }
  const std::string sha = of_crypt("$6$rounds=1000$salt");
  for (const char* rounds : {"999", "1000001", "0", "", "01000", "x"}) {
    std::string hash = sha;
    replace(hash, "rounds=1000$", std::string("rounds=") + rounds + "$");
    BOOST_TEST(!is_verifiable_hash(hash), hash);
  }
  const std::string yescrypt = of_gensalt("$y$", 5);
  for (const char* cost : {"$jGT$", "$jzT$", "$j9z$", "$k9T$", "$j9T.$"}) {
    std::string hash = yescrypt;
    replace(hash, "$j9T$", cost);
    BOOST_TEST(!is_verifiable_hash(hash), hash);
  }
}

BOOST_AUTO_TEST_SUITE_END()
