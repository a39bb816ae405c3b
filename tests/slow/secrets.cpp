// What a stolen database or log contains: no passwords, codes, tokens or cookies. Tokens in a query
// string are not tested, because nginx logs the request line and no endpoint accepts them there.
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <sodium.h>

#include "base/crypto.hpp"
#include "stack/requests.hpp"
#include "support/authenticator.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

/// Part of every planted password.
constexpr const char* kMark = "7fa3c0de";

std::string planted(const std::string& what) {
  return std::string("planted ") + kMark + " " + what;
}

std::string hex(std::string_view bytes) {
  std::string text(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                 bytes.size());
  text.pop_back();
  return text;
}

/// Hashes without a key, which could be guessed (codes) or looked up in another service's dump
/// (tokens): SHA-256 and BLAKE2b in hexadecimal.
std::vector<std::string> plain_hashes(const std::string& text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::array<unsigned char, 32> digest{};
  std::vector<std::string> hashes;
  const auto add = [&] {
    hashes.push_back(hex({reinterpret_cast<const char*>(digest.data()), digest.size()}));
  };
  crypto_hash_sha256(digest.data(), bytes, text.size());
  add();
  crypto_generichash(digest.data(), digest.size(), bytes, text.size(), nullptr, 0);
  add();
  return hashes;
}

/// All rows of all tables of the database users; not by mariadb-dump, whose package the tests do
/// not need. `raw`: unchanged bytes; otherwise binary columns in hexadecimal and tabs between
/// cells.
std::string dump(bool raw) {
  std::istringstream tables(run_script("echo 'SHOW TABLES' | scripts/mysql --skip-column-names"));
  std::string all;
  for (std::string table; tables >> table;) {
    all += run_script("echo 'SELECT * FROM " + table + "' | scripts/mysql --skip-column-names" +
                      (raw ? " --raw --skip-binary-as-hex" : ""));
  }
  return all;
}

/// All files in the log folder, by name.
std::map<std::string, std::string> logs() {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(state_folder() + "/log")) {
    if (entry.is_regular_file()) files[entry.path().filename()] += read_file(entry.path());
  }
  return files;
}

/// Separate numbers of six digits, like a code. Leaves out process ids, microseconds of requests,
/// and parts of longer numbers, hashes and times.
std::set<std::string> six_digits_in(const std::string& text) {
  std::set<std::string> found;
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t begin = text.find_first_of("0123456789", i);
    if (begin == std::string::npos) break;
    i = std::min(text.find_first_not_of("0123456789", begin), text.size());
    const auto joins = [&](std::size_t at) {
      return at < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[at])) != 0 ||
              std::string_view("_#+/$*").find(text[at]) != std::string_view::npos);
    };
    if (i - begin != 6 || (begin > 0 && joins(begin - 1)) || joins(i)) continue;
    if (begin >= 4 && text.compare(begin - 4, 4, "pid ") == 0) continue;
    if (text.compare(i, 4, " us\n") == 0) continue;
    found.insert(text.substr(begin, 6));
  }
  return found;
}

/// Everything that must not be found.
struct Loot {
  std::vector<std::string> codes;
  std::vector<std::string> tokens;
  std::vector<std::string> factors;  ///< an app's secret, in base32 and in hex, and recovery codes
  std::vector<HttpReply> replies;

  HttpReply keep(HttpReply reply) {
    replies.push_back(reply);
    return reply;
  }
};

/// Enrols an app with the session of `token`.
void enrol(Loot& loot, const std::string& token) {
  const std::string secret = call("POST", "factors/totp", token).text("secret");
  const std::string verbose = run_command("oathtool --totp --base32 --verbose " + secret).output;
  constexpr std::string_view kHex = "Hex secret: ";
  const std::string secret_in_hex = verbose.substr(verbose.find(kHex) + kHex.size(), 40);
  const HttpReply enrolled =
      call("POST", "factors/totp/confirm", token, {}, body_of({{"totp", code_of_app(secret)}}));
  const auto codes = texts_of(enrolled, "recovery_codes");
  BOOST_TEST_REQUIRE(codes.size() == 10U);
  loot.factors = {secret, hex(secret), secret_in_hex};
  for (std::string code : codes) {
    loot.factors.push_back(code);
    loot.factors.push_back(hex(code));
    code.erase(5, 1);
    loot.factors.push_back(code);
    loot.factors.push_back(hex(code));
    for (const auto& hash : plain_hashes(code)) loot.factors.push_back(hash);
  }
}

/// Uses every endpoint correctly, with planted passwords.
void live(Loot& loot, Person& person) {
  const auto code_of = [&](Person& who, const std::string& purpose) {
    let_time_pass_for(who.e164());
    loot.codes.push_back(who.code(purpose));
    BOOST_TEST_REQUIRE(loot.codes.back().size() == 6U);
    return loot.codes.back();
  };
  const auto expect = [&](int code, const HttpReply& reply) {
    BOOST_TEST(reply.code() == code, reply.body);
    return loot.keep(reply);
  };
  person.remember_password(planted("regist"));
  expect(0, post("regist",
                 {{"phone", person.phone()},
                  {"password", person.password()},
                  {"code", code_of(person, "regist")}},
                 {std::string("Idempotency-Key: planted-") + kMark}));
  const std::string token = person.token();
  loot.tokens.push_back(token);
  const HttpReply cookie =
      post("login", {{"phone", person.phone()}, {"password", person.password()}, {"cookie", true}});
  const std::string set = cookie.header("set-cookie");
  BOOST_TEST_REQUIRE(set.starts_with("users="));
  loot.tokens.push_back(set.substr(6, 43));
  const HttpReply by_code = login_by(person, code_of(person, "login"));
  loot.tokens.push_back(by_code.text("token"));
  const std::string by_cookie = "Cookie: users=" + loot.tokens[1];
  BOOST_TEST(call("GET", "me", "", {by_cookie}).status == 200);
  BOOST_TEST(call("GET", "auth", token).status == 204);
  expect(0, call("GET", "sessions", token));
  BOOST_TEST(
      send(base_url(), {.method = "GET", .path = "/private/", .headers = {by_cookie}}).status ==
      200);
  expect(0, change_password(token, person.password(), planted("changed")));
  Person next;
  expect(0, change_phone(token, next, code_of(next, "phone"), planted("changed")));
  expect(0, call("POST", "logout", token));
  expect(0, reset_by(next, code_of(next, "reset"), planted("reset")));
  next.remember_password(planted("reset"));
  loot.tokens.push_back(next.token());
  enrol(loot, loot.tokens.back());
  // One session and one code stay valid, because valid ones must not be found either.
  code_of(next, "login");

  Person gone;
  gone.remember_password(planted("gone"));
  expect(0, regist_by(gone, code_of(gone, "regist")));
  loot.tokens.push_back(gone.token());
  expect(0, delete_account(loot.tokens.back(), gone.password()));
  person = next;
}

/// Uses endpoints wrongly, in ways that tempt a program to log or store its input.
void blunder(Loot& loot, const Person& person) {
  const std::string token = loot.tokens[3];
  const std::string secret = planted("astray");
  const std::string& phone = person.phone();
  for (const char* endpoint : {"regist", "code", "login", "reset", "logout", "password", "phone"}) {
    for (const Arguments& arguments : std::vector<Arguments>{
             {{"phone", secret}, {"password", secret}, {"code", secret}, {"purpose", secret}},
             {{"phone", phone}, {"password", secret}, {"code", secret}},
             {{"phone", phone}, {"password", secret}, {"code", "000000"}},
             {{"phone", phone}, {"password", secret}},
             {{"phone", phone},
              {"password", users::json::Array{secret}},
              {"code", users::json::Object{{"x", secret}}}},
             {{"phone", phone}, {"old_password", secret}, {"password", secret}},
             {{"phone", phone}, {"purpose", secret}},
             {{"phone", phone}, {secret, secret}, {"all", secret}, {"cookie", secret}},
             {{"phone", phone},
              {"password", secret + std::string(200, 'x')},
              {"code", "000000"}}}) {
      loot.keep(call("POST", endpoint, token.substr(0, 42) + "!", {}, body_of(arguments)));
      loot.keep(call("POST", endpoint, "", {}, body_of(arguments)));
      // logout would end the session that the others need.
      if (std::string_view(endpoint) != "logout") {
        loot.keep(call("POST", endpoint, token, {}, body_of(arguments)));
      }
    }
    const std::string open = R"({"password":")" + secret;
    for (const std::string& body :
         {open, open + R"(","password":"x"})", open + "\xFF" + R"("})",
          open + std::string(20'000, 'x') + R"("})", "password=" + secret + "%zz", secret,
          R"({")" + secret + R"(":1e999})", "phone=" + phone + "&password=" + secret + "&code=1"}) {
      loot.keep(call("POST", endpoint, token, {"Accept-Language: en"}, body));
    }
  }
  loot.keep(delete_account(token, secret));
  loot.keep(call("DELETE", "sessions/1", token, {}, body_of({{"password", secret}})));
  loot.keep(call("POST", "nothing", token, {}, body_of({{"password", secret}})));
  loot.keep(call("PUT", "regist", token, {}, body_of({{"password", secret}})));
  for (const std::string& header :
       {"Authorization: Bearer " + secret, "Authorization: Basic " + secret,
        "Authorization: " + secret, "Cookie: users=" + secret, "Cookie: " + secret,
        "Idempotency-Key: " + secret + "\x80", "Idempotency-Key: " + secret + std::string(300, 'x'),
        "Origin: " + secret, "Sec-Fetch-Site: " + secret, "Accept: " + secret,
        "Content-Type: " + secret}) {
    loot.keep(call("GET", "me", "", {header}));
    loot.keep(call("GET", "auth", "", {header}));
    loot.keep(send(base_url(), {.method = "GET", .path = "/private/", .headers = {header}}));
    loot.keep(call("POST", "code", "", {header}, body_of({{"phone", phone}})));
    loot.keep(call("POST", "logout", "", {header}));
  }
  BOOST_TEST(call("GET", "auth", token).status == 204);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(secrets, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(neither_the_database_nor_the_log_keeps_what_opens_an_account) {
  users::crypto::start();
  Loot loot;
  Person person;
  live(loot, person);
  blunder(loot, person);
  // No message waits to be sent.
  BOOST_TEST(wait_until(
      10, [] { return query("SELECT COUNT(*) FROM outbox WHERE state = 'pending'") == "0"; }));

  const std::string raw = dump(true);
  const std::string cells = dump(false);
  const auto files = logs();
  // The dumps and logs are complete.
  BOOST_TEST_REQUIRE(raw.find(person.e164()) != std::string::npos);
  BOOST_TEST_REQUIRE(raw.find("$argon2id$") != std::string::npos);
  BOOST_TEST_REQUIRE(cells.find("\t0x") != std::string::npos);
  BOOST_TEST_REQUIRE(files.contains("nginx-access.log"));
  BOOST_TEST_REQUIRE(files.at("nginx-access.log").find("/users/reset") != std::string::npos);
  std::map<std::string, std::string> places{{"database", raw}, {"database in hex", lower(cells)}};
  std::string service_log;
  for (const auto& [name, content] : files) {
    places["log " + name] = content;
    if (name.starts_with("users.log.")) service_log += content;
  }
  BOOST_TEST_REQUIRE(service_log.find("****" + person.phone().substr(7)) != std::string::npos);

  std::vector<std::string> wanted{kMark, hex(kMark)};
  for (const auto& token : loot.tokens) {
    BOOST_TEST_REQUIRE(token.size() == 43U);
    wanted.push_back(token);
    wanted.push_back(hex(token));
    // The 32 bytes, too.
    std::string bytes(32, '\0');
    std::size_t size = 0;
    BOOST_TEST_REQUIRE(sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()),
                                         bytes.size(), token.data(), token.size(), nullptr, &size,
                                         nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0);
    wanted.push_back(hex(bytes));
    for (const auto& hash : plain_hashes(token)) wanted.push_back(hash);
    for (const auto& hash : plain_hashes(bytes)) wanted.push_back(hash);
  }
  for (const auto& code : loot.codes) {
    wanted.push_back("\"" + code + "\"");
    for (const auto& hash : plain_hashes(code)) wanted.push_back(hash);
  }
  wanted.insert(wanted.end(), loot.factors.begin(), loot.factors.end());
  for (const auto& [place, content] : places) {
    BOOST_TEST_CONTEXT(place) {
      for (const auto& text : wanted) {
        BOOST_TEST(content.find(text) == std::string::npos, "found " << text);
      }
      const auto numbers = six_digits_in(content);
      for (const auto& code : loot.codes) BOOST_TEST(!numbers.contains(code), "found " << code);
    }
  }
  for (const HttpReply& reply : loot.replies) {
    BOOST_TEST(reply.body.find(kMark) == std::string::npos, reply.body);
    for (const auto& [name, value] : reply.headers) {
      BOOST_TEST(value.find(kMark) == std::string::npos, name << ": " << value);
    }
  }
  // The search works: it finds every code in the spool, which only development has.
  const std::string spool = read_file(state_folder() + "/spool/sms.log");
  const auto sent = six_digits_in(spool);
  for (const auto& code : loot.codes) BOOST_TEST(sent.contains(code));
}

BOOST_AUTO_TEST_SUITE_END()
