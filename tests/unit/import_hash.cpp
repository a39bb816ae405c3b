// Hashes of other systems: exactly those that login can verify are imported.
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <crypt.h>
#include <sodium.h>

#include "accounts/foreign_hash.hpp"
#include "accounts/password.hpp"
#include "base/crypto.hpp"
#include "support/argon2_hashes.hpp"

using namespace users;
using namespace users::test;

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

/// An argon2id hash with these costs and a common salt and digest.
std::string argon2id(const std::string& cost) {
  return "$argon2id$v=19$" + cost +
         "$MDEyMzQ1Njc4OWFiY2RlZg$fcxg8bazWR3zjJWElsCwxxNkptqmdaZ6HjseXL0devE";
}
std::string bcrypt(const std::string& cost) {
  return "$2b$" + cost + "$" + std::string(53, 'e');
}
std::string sha512(const std::string& rounds) {
  return "$6$" + rounds + "salt$" + std::string(86, '.');
}
std::string sha256(const std::string& rounds) {
  return "$5$" + rounds + "salt$" + std::string(43, '.');
}
std::string yescrypt(const std::string& cost) {
  return "$y$" + cost + "$saltsalt$" + std::string(43, '.');
}

std::string judge(const std::string& hash) {
  constexpr const char* kNames[] = {"good", "form", "memory", "work", "lanes"};
  return kNames[static_cast<std::size_t>(find_fault(hash))];
}

void check_all(const std::string& verdict, const std::vector<std::string>& hashes) {
  for (const std::string& hash : hashes) BOOST_TEST(judge(hash) == verdict, hash);
}

/// Checks what `make` builds from each of the costs separated by `|`.
void check_costs(const std::string& verdict, std::string (*make)(const std::string&),
                 const std::string& costs) {
  std::istringstream list(costs + "|");
  for (std::string cost; std::getline(list, cost, '|');)
    BOOST_TEST(judge(make(cost)) == verdict, cost);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(import_hash, *boost::unit_test::fixture<Sodium>())

BOOST_AUTO_TEST_CASE(what_is_let_in_is_what_login_verifies, *boost::unit_test::label("deep")) {
  // Includes a salt with a blank, which is invalid.
  std::vector<std::string> hashes = {
      of_crypt("$6$s"), of_crypt("$6$a salt"), of_crypt("$5$rounds=1000$a-b_c,d"),
      of_argon2(crypto_pwhash_ALG_ARGON2ID13), of_argon2(crypto_pwhash_ALG_ARGON2I13)};
  for (const char* prefix : {"$2a$", "$2b$", "$2y$"}) hashes.push_back(of_gensalt(prefix, 4));
  for (const char* prefix : {"$5$", "$6$", "$y$"}) hashes.push_back(of_gensalt(prefix, 0));
  for (const char* prefix : {"$5$", "$6$"}) hashes.push_back(of_gensalt(prefix, 1000));
  hashes.push_back(of_gensalt("$y$", 1));
  // kPassword, hashed by argon2's reference implementation with the smallest and largest costs.
  const std::string argon2i = "$argon2i$v=19$", argon2id = "$argon2id$v=19$";
  const std::string salt = "$MDEyMzQ1Njc4OWFiY2RlZg$";
  hashes.push_back(argon2i + "m=64,t=1,p=1" + salt + "eczydRSyM2fOoj0+DhIuWmQ8VKWoOb24UjjkQcIrgHs");
  hashes.push_back(argon2id + "m=8,t=1,p=1$MDEyMzQ1Njc$aH1ys/34DxsGkVfeClkS2A");
  hashes.push_back(argon2id + "m=512,t=1,p=64" + salt +
                   "Doi+dELMdGQt2vunIrKQxzIP6zuQiKfi5q3dBkmAn2w");
  hashes.push_back(argon2id + "m=131072,t=1,p=1" + salt +
                   "BGS0PwLg/1GMbP9jcXxr1pDt03PKhzO8bmY6bT2qRIY");
  hashes.insert(hashes.end(), kHashesOfOtherSystems.begin(), kHashesOfOtherSystems.end());
  Metrics metrics;
  const PasswordCheck passwords(Config{}, metrics);
  for (const std::string& hash : hashes) {
    const bool verifies = passwords.verify(Secret(std::string_view(kPassword)), hash);
    BOOST_TEST((judge(hash) == "good") == verifies, hash);
  }
}

BOOST_AUTO_TEST_CASE(costs_up_to_the_limits_are_let_in_and_no_others) {
  check_costs("good", argon2id,
              "m=131072,t=24,p=1|m=19456,t=100,p=1|m=8,t=393216,p=1|m=65536,t=1,p=64");
  check_costs("memory", argon2id,
              "m=131073,t=1,p=1|m=131080,t=1,p=8|m=262144,t=3,p=1|m=1048576,t=100,p=1|"
              "m=4294967295,t=4294967295,p=255");
  check_costs("work", argon2id,
              "m=131072,t=25,p=1|m=19456,t=162,p=1|m=8,t=393217,p=1|m=64,t=4294967295,p=1");
  check_costs("lanes", argon2id, "m=65536,t=1,p=65|m=65536,t=1,p=255|m=131072,t=1,p=16384");
  check_costs("good", bcrypt, "04|12|14");
  check_costs("work", bcrypt, "15|17|31");
  check_costs("good", sha512, "|rounds=1000$|rounds=656000$|rounds=700000$");
  check_costs("good", sha256, "|rounds=1000$|rounds=535000$|rounds=700000$");
  check_costs("work", sha512, "rounds=700001$|rounds=999999999$");
  check_costs("work", sha256, "rounds=700001$|rounds=999999999$");
  check_costs("good", yescrypt, "j9T|jCT|jE5");
  check_costs("memory", yescrypt, "jDT|jFT|jF5");
  for (unsigned long cost = 1; cost <= 11; ++cost) {
    const std::string salt = ::crypt_gensalt("$y$", cost, nullptr, 0);
    BOOST_TEST(judge(salt + "$" + std::string(43, '.')) == (cost <= 8 ? "good" : "memory"), salt);
  }
}

BOOST_AUTO_TEST_CASE(the_pools_memory_has_room_for_the_costliest_hash_in_every_worker) {
  std::uint64_t workers = 0;
  std::uint64_t most = 0;
  std::ifstream unit("conf/systemd/users-fcgi-hash.service");
  for (std::string line; std::getline(unit, line);) {
    const auto read = [&](std::string_view key, std::uint64_t& value) {
      if (line.starts_with(key)) value = std::stoull(line.substr(key.size()));
    };
    read("Environment=WORKERS=", workers);
    read("MemoryMax=", most);  // MiB
  }
  constexpr std::uint64_t kBesides = 20;  // MiB used by a worker without a hash
  BOOST_TEST(workers > 0U);
  BOOST_TEST(most >= workers * (kMostHashMemoryKib / 1024 + kBesides));
}

BOOST_AUTO_TEST_CASE(what_login_cannot_verify_is_refused) {
  check_costs("form", of_crypt, "$1$saltsalt|ab|_J9..abcd|$sha1$1000$salt");
  check_all("form", {"", "$", "$$", "$6$", "$2b$", "$y$", "$argon2id$", "plain text",
                     "5f4dcc3b5aa765d61d8327deb882cf99", "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
                     "$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$2x$05$abc",
                     "pbkdf2_sha256$1000$a$b", "*0", "!"});
}

BOOST_AUTO_TEST_CASE(a_hash_that_was_cut_or_changed_in_shape_is_refused) {
  for (const std::string& hash :
       {of_argon2(crypto_pwhash_ALG_ARGON2ID13), of_gensalt("$2b$", 4), of_gensalt("$5$", 0),
        of_gensalt("$6$", 0), of_gensalt("$y$", 1)}) {
    const std::size_t digest = hash.rfind('$');
    BOOST_TEST(judge(hash) == "good", hash);
    check_all("form", {hash + "!", hash + std::string(256, 'x'), hash + "\n", " " + hash,
                       hash.substr(0, digest), hash.substr(0, digest + 10)});
  }
}

BOOST_AUTO_TEST_CASE(a_parameter_that_nobody_writes_is_refused) {
  check_costs("form", argon2id,
              "|m=64|m=64,t=3|t=3,p=1|m=64,p=1|m=64,t=3,p=|m=64,t=,p=1|m=,t=3,p=1|m=0,t=3,p=1|"
              "m=64,t=0,p=1|m=64,t=3,p=0|m=7,t=3,p=1|m=64,t=3,p=9|m=64,t=3,p=255|m=064,t=3,p=1|"
              "m=64,t=03,p=1|m=64,t=3,p=01|m=+64,t=3,p=1|m=-64,t=3,p=1|m= 64,t=3,p=1|"
              "m=64 ,t=3,p=1|m=0x40,t=3,p=1|m=64.0,t=3,p=1|m=4294967296,t=3,p=1|"
              "m=64,t=4294967296,p=1|m=64,t=3,p=4294967296|m=18446744073709551617,t=3,p=1|"
              "m=99999999999999999999,t=3,p=1|m=64,t=99999999999999999999,p=1|"
              "m=64,t=3,p=99999999999999999999|m=64,m=64,t=3,p=1|m=64,t=3,t=3,p=1|"
              "m=64,t=3,p=1,p=1|m=64,t=3,p=1,x=1|m=64,t=3,p=1,|,m=64,t=3,p=1|t=3,m=64,p=1|"
              "M=64,t=3,p=1|m=64,t=3,p=1$m=64,t=3,p=1");
  const auto of_version = [](const std::string& version) {
    return "$argon2id$" + version + argon2id("m=64,t=3,p=1").substr(15);
  };
  BOOST_TEST(judge(of_version("v=19$")) == "good");
  check_costs("form", of_version, "|v=16$|v=20$|v=19,|v=19$v=19$|v=019$|v=$");
  check_costs("form", bcrypt, "|0|00|03|3|4|32|99|4x|x4| 4|-4|+4|012|4294967300");
  for (const auto& make : {sha512, sha256}) {
    check_costs("form", make,
                "rounds=$|rounds=0$|rounds=999$|rounds=1000000000$|rounds=01000$|rounds=x$|"
                "rounds=-1000$|rounds=1000 $|rounds=99999999999999999999$|"
                "rounds=1000$rounds=1000$|rounds=1000,|Rounds=1000$");
  }
  check_costs("form", yescrypt, "|j|j9|jGT|jzT|j5T|j9z|j96|k9T|J9T|j9T.|j9TT|j9T$j9T");
}

BOOST_AUTO_TEST_CASE(a_salt_or_a_hash_that_is_too_short_or_no_base64_is_refused) {
  const auto of_salt = [](const std::string& salt) {
    return "$argon2id$v=19$m=64,t=3,p=1$" + salt + "$fcxg8bazWR3zjJWElsCwxxNkptqmdaZ6HjseXL0devE";
  };
  const auto of_digest = [](const std::string& digest) {
    return "$argon2id$v=19$m=64,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + digest;
  };
  check_costs("good", of_salt, "MDEyMzQ1Njc|MDEyMzQ1Njc4OWFiY2RlZg");
  check_costs("form", of_salt,
              "|MDEyMzQ1Ng|MDEyMzQ1Njc=|MDEyMzQ1Njc4OWFiY2RlZg==|MDEyMzQ1Njc-|MDEyMzQ1Njc_|"
              "MDEy MzQ1Njc|MDEyMzQ1Njc4O");
  check_costs("good", of_digest, "aH1ys/34DxsGkVfeClkS2A");
  check_costs("form", of_digest,
              "|aH1ys/34DxsGkVfeClkS|aH1ys/34DxsGkVfeClkS2A==|aH1ys/34DxsGkVfeClk_2A|"
              "aH1ys/34DxsGkVfeClkS2A$");
  check_all("form",
            {bcrypt("04") + "e", bcrypt("04").substr(0, 59), "$2b$04$" + std::string(52, 'e') + "+",
             "$6$" + std::string(17, 's') + "$" + std::string(86, '.'),
             "$6$sa:lt$" + std::string(86, '.'), "$6$$" + std::string(86, '.'),
             "$6$salt$" + std::string(85, '.'), "$5$salt$" + std::string(86, '.'),
             "$6$salt$" + std::string(85, '.') + "+", "$y$j9T$$" + std::string(43, '.'),
             "$y$j9T$salts$" + std::string(43, '.'), "$y$j9T$sa_t$" + std::string(43, '.'),
             "$y$j9T$saltsalt$" + std::string(42, '.')});
}

// 16 bytes need 21 digits and two bits. crypt(3) and libsodium set the unused bits of the last
// digit to 0, so no password matches a hash with others.
BOOST_AUTO_TEST_CASE(a_last_digit_that_no_encoder_writes_is_refused) {
  Metrics metrics;
  const PasswordCheck passwords(Config{}, metrics);
  const Secret password{std::string_view(kPassword)};
  const std::string argon2 = of_argon2(crypto_pwhash_ALG_ARGON2ID13);
  const std::string bcrypt = of_gensalt("$2b$", 4);
  const std::string yescrypt = of_gensalt("$y$", 1);
  const auto check = [&](const std::string& hash, std::size_t digits_behind, const char* other) {
    std::string changed = hash;
    changed.replace(changed.size() - 1 - digits_behind, 1, other);
    BOOST_TEST(passwords.verify(password, hash), hash);
    BOOST_TEST(judge(hash) == "good", hash);
    BOOST_TEST(!passwords.verify(password, changed), changed);
    BOOST_TEST(judge(changed) == "form", changed);
  };
  for (const std::size_t behind : {0, 44}) check(argon2, behind, "/");
  for (const std::size_t behind : {0, 31}) check(bcrypt, behind, "9");
  for (const std::size_t behind : {0, 44}) check(yescrypt, behind, "z");
  for (const char* prefix : {"$5$", "$6$"}) check(of_gensalt(prefix, 1000), 0, "z");
}

BOOST_AUTO_TEST_SUITE_END()
