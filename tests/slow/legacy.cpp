// Imported accounts: an older hash lets its owner in once and is replaced.
#include <boost/test/unit_test.hpp>
#include <crypt.h>
#include <sodium.h>

#include "base/crypto.hpp"
#include "stack/requests.hpp"

using namespace users::test;

namespace {

/// The default parameters, which conf/development.conf does not change.
constexpr std::string_view kConfigured = "$argon2id$v=19$m=19456,t=2,p=1$";

/// crypt(3) with a new salt; `prefix` is the method, `cost` its work.
std::string crypt_hash(const char* prefix, unsigned long cost, const std::string& password) {
  const char* setting = ::crypt_gensalt(prefix, cost, nullptr, 0);
  if (setting == nullptr) throw std::runtime_error(std::string("no salt for ") + prefix);
  const std::string salt = setting;
  const char* hash = ::crypt(password.c_str(), salt.c_str());
  if (hash == nullptr || hash[0] == '*') throw std::runtime_error("no hash of " + salt);
  return hash;
}

/// libsodium's argon2id or argon2i, at any cost.
std::string argon2_hash(const std::string& password, unsigned memory_kib, unsigned passes,
                        int algorithm = crypto_pwhash_ALG_ARGON2ID13) {
  std::string hash(crypto_pwhash_STRBYTES, '\0');
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), passes,
                            std::size_t{memory_kib} * 1024, algorithm) != 0) {
    throw std::bad_alloc();
  }
  hash.resize(hash.find('\0'));
  return hash;
}

struct Fixture {
  Person person;

  Fixture() {
    users::crypto::start();
    person.regist();
  }
  /// doctor warns of the hashes that these tests leave.
  ~Fixture() { query("DELETE FROM users WHERE phone = '" + person.e164() + "'"); }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  [[nodiscard]] std::string stored() const {
    return query("SELECT password FROM users WHERE phone = '" + person.e164() + "'");
  }
  void store(const std::string& hash) const {
    BOOST_TEST_REQUIRE(hash.find_first_of("'\\") == std::string::npos);
    query("UPDATE users SET password = '" + hash + "' WHERE phone = '" + person.e164() + "'");
    BOOST_TEST_REQUIRE(stored() == hash);
    let_time_pass_for(person.e164());
  }
  [[nodiscard]] HttpReply login_with(const std::string& password) const {
    return post("login", {{"phone", person.phone()}, {"password", password}});
  }

  /// Checks that only the right password logs in and replaces the hash.
  void check_replaced(const std::string& hash, const std::string& password) const {
    BOOST_TEST_CONTEXT(hash) {
      store(hash);
      const HttpReply wrong = login_with("another horse 42");
      BOOST_TEST(wrong.status == 401);
      BOOST_TEST(wrong.code() == 1004);
      BOOST_TEST(stored() == hash);
      const HttpReply right = login_with(password);
      BOOST_TEST(right.status == 200);
      BOOST_TEST(right.code() == 0);
      BOOST_TEST(call("GET", "auth", right.text("token")).status == 204);
      const std::string replaced = stored();
      BOOST_TEST(replaced.starts_with(kConfigured));
      // The new hash has the same password and does not change again.
      BOOST_TEST(login_with(password).code() == 0);
      BOOST_TEST(login_with("another horse 42").code() == 1004);
      BOOST_TEST(stored() == replaced);
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(legacy, Fixture, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(hashes_of_crypt_let_in_and_are_replaced) {
  for (const auto& [prefix, cost] : {std::pair{"$2a$", 4UL},
                                     {"$2b$", 4UL},
                                     {"$2b$", 10UL},
                                     {"$2y$", 4UL},
                                     {"$5$", 1000UL},
                                     {"$5$", 0UL},
                                     {"$6$", 1000UL},
                                     {"$6$", 0UL},
                                     {"$y$", 1UL},
                                     {"$y$", 0UL}}) {
    check_replaced(crypt_hash(prefix, cost, person.password()), person.password());
  }
}

BOOST_AUTO_TEST_CASE(what_was_typed_still_opens_the_account_even_if_it_would_be_refused_today) {
  for (const std::string password : {"x", "12345678", "\xE5\xAF\x86\xE7\xA0\x81", "a b'\"\\"}) {
    check_replaced(crypt_hash("$2b$", 4, password), password);
  }
  // A separate accent, as some keyboards send it; the normal form has one letter.
  check_replaced(crypt_hash("$2b$", 4, "cre\xCC\x80me horse"), "cre\xCC\x80me horse");
  check_replaced(crypt_hash("$6$", 1000, "cr\xC3\xA8me horse"), "cre\xCC\x80me horse");
}

BOOST_AUTO_TEST_CASE(a_hash_of_a_beginning_is_not_replaced_by_whatever_begins_so) {
  const std::string password = std::string(72, 'p') + " and the rest";
  const std::string hash = crypt_hash("$2b$", 4, password);
  store(hash);
  BOOST_TEST(login_with(std::string(72, 'p') + " or another").code() == 0);
  BOOST_TEST(stored() == hash);
  BOOST_TEST(login_with(password).code() == 0);
  // bcrypt sees only these 72 bytes.
  BOOST_TEST(login_with(std::string(72, 'p')).code() == 0);
  BOOST_TEST(stored() == hash);
  check_replaced(crypt_hash("$2b$", 4, std::string(71, 'p')), std::string(71, 'p'));
}

BOOST_AUTO_TEST_CASE(an_argon2_hash_of_another_cost_is_made_anew) {
  check_replaced(argon2_hash(person.password(), 64, 1), person.password());
  check_replaced(argon2_hash(person.password(), 19456, 3), person.password());
  check_replaced(argon2_hash(person.password(), 20480, 2), person.password());
  check_replaced(argon2_hash(person.password(), 64, 3, crypto_pwhash_ALG_ARGON2I13),
                 person.password());
}

BOOST_AUTO_TEST_CASE(garbage_in_the_column_lets_nobody_in) {
  const std::string bcrypt = crypt_hash("$2b$", 4, person.password());
  const std::string argon2 = argon2_hash(person.password(), 64, 1);
  const HttpReply ordinary = login_with("another horse 42");
  for (const std::string& garbage :
       {std::string(), std::string(" "), std::string("x"), std::string("*"), std::string("*0"),
        std::string("*1"), std::string("!"), person.password(), std::string("$"),
        std::string("$2b$"), std::string("$2b$04$"), std::string("$2b$99$") + std::string(53, 'a'),
        bcrypt.substr(0, bcrypt.size() - 1), bcrypt + "x", "x" + bcrypt, "!" + bcrypt,
        bcrypt.substr(0, 29), std::string("$5$"), std::string("$6$"), std::string("$6$salt"),
        std::string("$6$salt$"), std::string("$y$"), std::string("$y$j9T$"),
        // Methods that must not be imported: DES and MD5.
        crypt_hash("", 0, person.password()), crypt_hash("$1$", 0, person.password()),
        std::string("$argon2id$"), std::string(kConfigured), argon2.substr(0, argon2.size() - 1),
        argon2 + "x", std::string("$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$aGFzaA"),
        std::string(255, '$')}) {
    BOOST_TEST_CONTEXT(garbage) {
      store(garbage);
      for (const std::string& password :
           {person.password(), garbage.empty() ? std::string("x") : garbage, std::string("*0")}) {
        const HttpReply reply = login_with(password);
        // Longer than any password: refused before.
        if (password.size() > 128) {
          BOOST_TEST(reply.code() == 1001);
          continue;
        }
        BOOST_TEST(reply.status == 401);
        BOOST_TEST(reply.body == ordinary.body);
      }
      BOOST_TEST(stored() == garbage);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_reset_replaces_any_hash) {
  for (const std::string& old :
       {crypt_hash("$2y$", 4, person.password()), std::string(), std::string("garbage")}) {
    BOOST_TEST_CONTEXT(old) {
      store(old);
      BOOST_TEST(reset_by(person, person.code("reset")).code() == 0);
      BOOST_TEST(stored().starts_with(kConfigured));
      BOOST_TEST(login_with(person.password()).code() == 1004);
      BOOST_TEST(login_with("another horse 7").code() == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_owner_of_an_older_hash_can_change_and_delete) {
  const std::string token = person.token();
  store(crypt_hash("$2b$", 4, person.password()));
  BOOST_TEST(change_password(token, "wrong horse 42").code() == 1004);
  BOOST_TEST(change_password(token, person.password()).code() == 0);
  BOOST_TEST(stored().starts_with(kConfigured));
  store(crypt_hash("$6$", 1000, "another horse 7"));
  BOOST_TEST(delete_account(token, "wrong horse 42").code() == 1004);
  BOOST_TEST(delete_account(token, "another horse 7").code() == 0);
  BOOST_TEST(count_users(person.e164()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
