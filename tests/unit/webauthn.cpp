// Passkeys: the W3C's own vectors, and good ceremonies with one thing changed.
#include "factors/webauthn.hpp"

#include <functional>
#include <map>
#include <span>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "factors/cbor.hpp"
#include "support/passkey_device.hpp"
#include "support/text.hpp"
#include "support/webauthn_vectors.hpp"

namespace users::test {

using namespace users::webauthn;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(webauthn)

namespace {

const RelyingParty kSite{"example.org", {"https://example.org"}};
const std::string kChallenge = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Returns why the vector is refused, "" if it is not.
std::string refusal_of(const WebauthnVector& vector) {
  try {
    const ClientData created = read_client_data(vector.at("reg.clientDataJSON"));
    BOOST_TEST(created.challenge == vector.at("reg.challenge"));
    const Credential credential = check_registration(
        kSite, created, vector.at("reg.attestationObject"), UserVerification::preferred);
    BOOST_TEST(credential.id == vector.at("reg.credential_id"));
    const ClientData got = read_client_data(vector.at("auth.clientDataJSON"));
    BOOST_TEST(got.challenge == vector.at("auth.challenge"));
    check_assertion(kSite, got, vector.at("auth.authenticatorData"), vector.at("auth.signature"),
                    {credential.public_key, credential.backup_eligible},
                    UserVerification::preferred);
    return "";
  } catch (const Refused& refused) {
    return refused.what();
  }
}

std::string refusal_of(const std::function<void()>& work) {
  try {
    work();
    return "";
  } catch (const Refused& refused) {
    return refused.what();
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_vectors_of_the_w3c) {
  // All others pass. The standard lets a site choose its algorithms (5.8.5), and refuse pages that
  // are embedded in pages of other origins (7.1, steps 10 and 11).
  const std::string other = "not a valid one";
  const std::map<std::string, std::string> refused{{"packed-es384", other},
                                                   {"packed-es512", other},
                                                   {"packed-ed448", other},
                                                   {"none-es256-crossOrigin", "crossOrigin"},
                                                   {"none-es256-topOrigin", "topOrigin"}};
  const auto vectors = read_webauthn_vectors();
  BOOST_TEST(vectors.size() == 15U);
  for (const auto& [name, vector] : vectors) {
    BOOST_TEST_CONTEXT(name) {
      const std::string refusal = refusal_of(vector);
      if (const auto found = refused.find(name); found != refused.end()) {
        BOOST_TEST(contains(refusal, found->second), refusal);
      } else {
        BOOST_TEST(refusal == "");
      }
    }
  }
}

BOOST_DATA_TEST_CASE(every_algorithm_registers_and_asserts, data::xrange(3), number) {
  const PasskeyDevice device(static_cast<Algorithm>(number));
  Ceremony created = device.creation(kChallenge);
  created.extensions =
      "\xa1\x6b"
      "credProtect\x02";
  created.flags |= 0x80U;
  const Credential credential =
      check_registration(kSite, read_client_data(created.client_data()),
                         created.attestation_object(), UserVerification::required);
  BOOST_TEST(credential.id == device.id());
  BOOST_TEST(credential.user_verified);
  Ceremony got = device.assertion(kChallenge);
  got.count = 7;
  const ClientData client = read_client_data(got.client_data());
  BOOST_TEST(client.challenge.size() == kChallengeBytes);
  const auto check = [&](const std::string& signature) {
    return check_assertion(kSite, client, got.authenticator_data(), signature,
                           {credential.public_key, false}, UserVerification::required);
  };
  BOOST_TEST(check(device.sign(got)).sign_count == 7U);
  std::string wrong = device.sign(got);
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  for (const std::string& signature :
       {wrong, device.sign(got) + '\0', std::string(), std::string(64, '\0')}) {
    BOOST_TEST(refusal_of([&] { check(signature); }) == "wrong signature");
  }
  BOOST_TEST(refusal_of([&] {
               check_assertion(kSite, client, got.authenticator_data(),
                               PasskeyDevice(static_cast<Algorithm>(number)).sign(got),
                               {credential.public_key, false}, UserVerification::required);
             }) == "wrong signature");
}

namespace {

/// One change to a good ceremony, and why it is refused then.
struct Change {
  const char* name;
  std::function<void(Ceremony&)> change;
  const char* refusal;
};

// Of both ceremonies, in the order of the standard.
const Change kChanges[] = {
    {"no JSON", [](Ceremony& c) { c.more_json = "}"; }, "bad JSON"},
    {"a member twice", [](Ceremony& c) { c.more_json = R"(,"type":"webauthn.get")"; }, "bad JSON"},
    {"not UTF-8", [](Ceremony& c) { c.more_json = ",\"x\":\"\xff\""; }, "bad JSON"},
    {"a NUL", [](Ceremony& c) { c.more_json = std::string(",\"x\":1}\0", 8); }, "bad JSON"},
    {"of the other kind",
     [](Ceremony& c) { c.type = c.type == "webauthn.get" ? "webauthn.create" : "webauthn.get"; },
     "another type"},
    {"no kind", [](Ceremony& c) { c.type = ""; }, "another type"},
    {"no challenge", [](Ceremony& c) { c.challenge = ""; }, "no challenge"},
    {"a padded challenge", [](Ceremony& c) { c.challenge += "="; }, "no challenge"},
    {"a challenge in plain base64", [](Ceremony& c) { c.challenge[0] = '+'; }, "no challenge"},
    {"plain HTTP", [](Ceremony& c) { c.origin = "http://example.org"; }, "another origin"},
    {"another port", [](Ceremony& c) { c.origin += ":8443"; }, "another origin"},
    {"a suffix", [](Ceremony& c) { c.origin += ".evil.example"; }, "another origin"},
    {"a subdomain", [](Ceremony& c) { c.origin = "https://a.example.org"; }, "another origin"},
    {"a slash", [](Ceremony& c) { c.origin += "/"; }, "another origin"},
    {"capitals", [](Ceremony& c) { c.origin = "https://Example.org"; }, "another origin"},
    {"no origin", [](Ceremony& c) { c.origin = ""; }, "another origin"},
    {"embedded", [](Ceremony& c) { c.more_json = R"(,"crossOrigin":true)"; }, "crossOrigin"},
    {"crossOrigin as text", [](Ceremony& c) { c.more_json = R"(,"crossOrigin":"false")"; },
     "crossOrigin"},
    {"topOrigin", [](Ceremony& c) { c.more_json = R"(,"topOrigin":"https://example.org")"; },
     "topOrigin"},
    {"topOrigin null", [](Ceremony& c) { c.more_json = R"(,"topOrigin":null)"; }, "topOrigin"},
    {"another rp_id", [](Ceremony& c) { c.rp_id = "example.com"; }, "another rp_id"},
    {"nobody present", [](Ceremony& c) { c.flags &= ~0x01U; }, "not present"},
    {"nobody verified", [](Ceremony& c) { c.flags &= ~0x04U; }, "not verified"},
    {"backed up, but not eligible", [](Ceremony& c) { c.flags |= 0x10U; }, "not eligible"},
    {"bytes behind", [](Ceremony& c) { c.more_data = "x"; }, "left over"},
    {"extensions without a flag", [](Ceremony& c) { c.extensions = "\xa0"; }, "left over"},
    {"a flag without extensions", [](Ceremony& c) { c.flags |= 0x80U; }, "truncated"},
    {"extensions that are no map",
     [](Ceremony& c) {
       c.flags |= 0x80U;
       c.extensions = "\x80";
     },
     "not a map"},
    {"a truncated extension",
     [](Ceremony& c) {
       c.flags |= 0x80U;
       c.extensions = "\xa1\x61x";
     },
     "truncated"},
};

std::string es256(const std::string& x, const std::string& y,
                  const std::string& head = std::string("\xa5\x01\x02\x03\x26\x20\x01")) {
  return head + "\x21" + x + "\x22" + y;
}

/// The x of the key in a ceremony, as CBOR.
std::string x_of(const Ceremony& c) {
  return c.public_key.substr(8, 34);
}
std::string y_of(const Ceremony& c) {
  return c.public_key.substr(43);
}

const Change kChangesOfRegistrations[] = {
    {"no credential",
     [](Ceremony& c) {
       c.flags &= ~0x40U;
       c.public_key = "";
     },
     "no credential"},
    {"a flag without credential", [](Ceremony& c) { c.public_key = ""; }, "truncated"},
    {"a credential without flag", [](Ceremony& c) { c.flags &= ~0x40U; }, "left over"},
    {"no id", [](Ceremony& c) { c.id = ""; }, "1 to 1023"},
    {"a long id", [](Ceremony& c) { c.id = std::string(1024, 'i'); }, "1 to 1023"},
    {"an object with bytes behind", [](Ceremony& c) { c.more_object = "x"; }, "left over"},
    {"a member twice",
     [](Ceremony& c) {
       c.statement =
           "\x63"
           "fmt\x64none\x63"
           "fmt\x64none";
     },
     "member twice"},
    {"an unknown member",
     [](Ceremony& c) {
       c.statement =
           "\x61x\xa0\x67"
           "attStmt\xa0";
     },
     "unknown member"},
    {"no statement",
     [](Ceremony& c) {
       c.statement =
           "\x63"
           "fmt\x64none";
     },
     "truncated"},
    {"a statement that is no map",
     [](Ceremony& c) {
       c.statement =
           "\x63"
           "fmt\x64none\x67"
           "attStmt\x80";
     },
     "not a map"},
    {"a number as name",
     [](Ceremony& c) {
       c.statement =
           "\x01\x02\x67"
           "attStmt\xa0";
     },
     "another type"},
    {"an indefinite length",
     [](Ceremony& c) {
       c.statement =
           "\x63"
           "fmt\x64none\x67"
           "attStmt\xbf\xff";
     },
     "indefinite"},
    {"a long form",
     [](Ceremony& c) {
       c.statement =
           "\x78\x03"
           "fmt\x64none\x67"
           "attStmt\xa0";
     },
     "shortest form"},
    {"a tag",
     [](Ceremony& c) {
       c.statement =
           "\x63"
           "fmt\x64none\x67"
           "attStmt\xa1\x61x\xc0\x01";
     },
     "tag"},
    {"a huge count",
     [](Ceremony& c) {
       c.statement = std::string(
           "\x63"
           "fmt\x64none\x67"
           "attStmt\xa1\x61x\x9a\x10\x00\x00\x00",
           24);
     },
     "truncated"},
    {"too deep",
     [](Ceremony& c) {
       c.statement =
           "\x63"
           "fmt\x64none\x67"
           "attStmt\xa1\x61x\x81\x81\x81\x81\x81\x01";
     },
     "too deep"},
    {"a name that is not UTF-8",
     [](Ceremony& c) {
       c.statement =
           "\x63"
           "fmt\x61\xff\x67"
           "attStmt\xa0";
     },
     "not UTF-8"},
    {"a point off the curve",
     [](Ceremony& c) { c.public_key = es256(x_of(c), cbor_bytes(std::string(32, '\x01'))); },
     "not a valid key"},
    {"a compressed point", [](Ceremony& c) { c.public_key = es256(x_of(c), "\xf5"); },
     "another type"},
    {"a short x", [](Ceremony& c) { c.public_key = es256(cbor_bytes(x_of(c).substr(3)), y_of(c)); },
     "not a valid one"},
    {"a parameter twice",
     [](Ceremony& c) {
       c.public_key = es256(x_of(c), x_of(c) + "\x21" + x_of(c), "\xa6\x01\x02\x03\x26\x20\x01");
     },
     "twice"},
    {"another algorithm",
     [](Ceremony& c) {
       c.public_key = es256(x_of(c), y_of(c), "\xa5\x01\x02\x03\x38\x22\x20\x01");
     },
     "not a valid one"},
    {"the curve of another type",
     [](Ceremony& c) { c.public_key = es256(x_of(c), y_of(c), "\xa5\x01\x02\x03\x26\x20\x06"); },
     "not a valid one"},
    {"the type of another curve",
     [](Ceremony& c) { c.public_key = es256(x_of(c), y_of(c), "\xa5\x01\x01\x03\x26\x20\x01"); },
     "unknown parameter"},
    {"a private key",
     [](Ceremony& c) { c.public_key = "\xa6" + c.public_key.substr(1) + "\x23" + x_of(c); },
     "unknown parameter"},
    {"a text as label",
     [](Ceremony& c) { c.public_key = "\xa6" + c.public_key.substr(1) + "\x61x\x01"; },
     "not an integer"},
    {"a key of small order",
     [](Ceremony& c) {
       c.public_key = std::string("\xa4\x01\x01\x03\x27\x20\x06\x21") +
                      cbor_bytes(std::string(1, '\x01') + std::string(31, '\0'));
     },
     "not a valid one"},
    {"a short RSA key",
     [](Ceremony& c) { c.public_key = PasskeyDevice(Algorithm::rs256, 1024).public_key(); },
     "not a valid one"},
    {"an RSA key of 8,192 bits", [](Ceremony& c) { c.public_key = large_rsa_key(); },
     "not a valid one"},
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_registration_with_one_thing_changed_is_refused) {
  const PasskeyDevice device;
  const auto refusal = [&](const std::function<void(Ceremony&)>& change) {
    return refusal_of([&] {
      Ceremony ceremony = device.creation(kChallenge);
      change(ceremony);
      check_registration(kSite, read_client_data(ceremony.client_data()),
                         ceremony.attestation_object(), UserVerification::required);
    });
  };
  BOOST_TEST(refusal([](Ceremony&) {}) == "");
  for (const auto& rows :
       {std::span<const Change>(kChanges), std::span<const Change>(kChangesOfRegistrations)}) {
    for (const Change& row : rows) {
      const std::string seen = refusal(row.change);
      BOOST_TEST(contains(seen, row.refusal), row.name << ": " << seen);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_assertion_with_one_thing_changed_is_refused) {
  const PasskeyDevice device;
  const std::string key = device.public_key();
  const auto refusal = [&](const std::function<void(Ceremony&)>& change) {
    return refusal_of([&] {
      Ceremony ceremony = device.assertion(kChallenge);
      change(ceremony);
      check_assertion(kSite, read_client_data(ceremony.client_data()),
                      ceremony.authenticator_data(), device.sign(ceremony), {key, false},
                      UserVerification::required);
    });
  };
  BOOST_TEST(refusal([](Ceremony&) {}) == "");
  for (const Change& row : kChanges) {
    const std::string seen = refusal(row.change);
    BOOST_TEST(contains(seen, row.refusal), row.name << ": " << seen);
  }
  BOOST_TEST(contains(refusal([](Ceremony& c) { c.flags |= 0x08U; }), "eligible for backup"));
}

BOOST_AUTO_TEST_CASE(every_byte_of_an_assertion_counts) {
  const PasskeyDevice device;
  const std::string key = device.public_key();
  const Ceremony ceremony = device.assertion(kChallenge);
  const std::string good = ceremony.authenticator_data();
  const ClientData client = read_client_data(ceremony.client_data());
  const std::string signature = device.sign(ceremony);
  const auto refusal = [&](const std::string& data) {
    return refusal_of([&] {
      check_assertion(kSite, client, data, signature, {key, false}, UserVerification::required);
    });
  };
  BOOST_TEST(refusal(good) == "");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 0x20);
    BOOST_TEST(refusal(changed) != "");
    BOOST_TEST(refusal(good.substr(0, i)) != "");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
