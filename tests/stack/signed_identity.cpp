// Signed identities: the token that a backend gets, the keys that it verifies it with, and how
// these are replaced.
#include <algorithm>
#include <set>

#include <boost/test/unit_test.hpp>
#include <openssl/evp.h>

#include "accounts/identity_keys.hpp"
#include "base/crypto.hpp"
#include "stack/requests.hpp"
#include "support/backend.hpp"
#include "support/json.hpp"
#include "support/nginx_site.hpp"
#include "support/text.hpp"
#include "support/worker_process.hpp"

using namespace users;
using namespace users::test;

namespace {

const auto kDeep = boost::unit_test::label("deep");

std::vector<std::string> signing(std::vector<std::string> more = {}) {
  more.emplace_back("USERS_FCGI_IDENTITY_SIGN=yes");
  return with_stack_database(std::move(more));
}

/// Asks as many new workers at once.
std::vector<HttpReply> ask_new_workers(int count, const fcgi::Request& request) {
  std::vector<std::unique_ptr<WorkerProcess>> workers;
  for (int i = 0; i < count; ++i) {
    workers.push_back(std::make_unique<WorkerProcess>(WorkerOptions{.environment = signing()}));
  }
  std::vector<HttpReply> replies(workers.size());
  in_parallel(count, count, [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    replies[at] = workers[at]->ask(request);
  });
  return replies;
}

std::string decoded(const std::string& part) {
  return crypto::from_base64url(part).value_or("not base64url");
}

/// A token as a verifier reads it.
struct Token {
  explicit Token(const std::string& text) {
    const auto first = text.find('.');
    const auto second = text.rfind('.');
    BOOST_TEST_REQUIRE((first != std::string::npos && first != second), text);
    head = decoded(text.substr(0, first));
    payload = decoded(text.substr(first + 1, second - first - 1));
    message = text.substr(0, second);
    signature = decoded(text.substr(second + 1));
  }
  [[nodiscard]] std::string kid() const { return members_of(head)["kid"]; }
  [[nodiscard]] std::string claim(const std::string& name) const {
    return members_of(payload)[name];
  }

  std::string head;
  std::string payload;
  std::string message;
  std::string signature;
};

/// By OpenSSL, since libsodium signs.
bool verifies(const Token& token, const std::vector<Members>& keys, std::string_view forged = "") {
  for (const Members& key : keys) {
    if (key.at("kid") != token.kid()) continue;
    const std::string x = decoded(key.at("x"));
    const auto bytes = [](std::string_view text) {
      return reinterpret_cast<const unsigned char*>(text.data());
    };
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> known(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(x), x.size()), EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    const std::string_view message = forged.empty() ? token.message : forged;
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, known.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes(token.signature), token.signature.size(),
                            bytes(message), message.size()) == 1;
  }
  return false;
}

std::vector<std::string> kids_of(const std::vector<Members>& keys) {
  std::vector<std::string> kids;
  for (const Members& key : keys) kids.push_back(key.at("kid"));
  return kids;
}

Command identity(const std::string& arguments) {
  return run_command("USERS_FCGI_IDENTITY_SIGN=yes " + users_ctl("identity " + arguments) +
                     " 2>&1");
}

struct Fixture {
  Fixture() : session(logged_in(person)) {}
  ~Fixture() { query("DELETE FROM identity_keys"); }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  [[nodiscard]] fcgi::Request request(const std::string& host = "www.example.org") const {
    fcgi::Request request = fcgi::get("/users/_auth");
    request.parameters["HTTP_AUTHORIZATION"] = "Bearer " + session;
    request.parameters["SERVER_NAME"] = host;
    return request;
  }
  [[nodiscard]] Token token(const std::string& host = "www.example.org") const {
    return Token(worker.ask(request(host)).header("x-user-jwt"));
  }
  /// One of a new worker. One that has signed may do so with the same key until its second ends.
  [[nodiscard]] Token token_of_new_worker() const {
    return Token(ask_new_workers(1, request()).front().header("x-user-jwt"));
  }
  [[nodiscard]] std::vector<Members> keys() const {
    return list_of(worker.ask(fcgi::get("/users/jwks.json")).body, "/keys");
  }
  static std::string logged_in(Person& person) {
    person.regist();
    return person.token();
  }
  static void let_an_hour_pass() {
    query("UPDATE identity_keys SET activeTime = activeTime - INTERVAL 61 MINUTE");
  }

  Person person;
  std::string session;  ///< its token
  WorkerProcess worker{{.environment = signing()}};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(signed_identity, Fixture)

BOOST_AUTO_TEST_CASE(is_off_by_default) {
  const HttpReply keys = call("GET", "jwks.json");
  BOOST_TEST(keys.status == 404);
  BOOST_TEST(keys.code() == 9002);
  BOOST_TEST(call("GET", "auth", "", {"Authorization: Bearer " + session}).header("x-user-jwt") ==
             "");
  const Command rotate = run_command(users_ctl("identity rotate") + " 2>&1");
  BOOST_TEST(rotate.status == 1);
  BOOST_TEST(says(rotate, "identity.sign is no"));
  BOOST_TEST(query("SELECT COUNT(*) FROM identity_keys") == "0");
}

BOOST_AUTO_TEST_CASE(a_token_says_who_and_how_and_for_whom) {
  const std::string phone = person.phone();
  run_script(users_ctl("group add " + phone + " staff"));
  run_script(users_ctl("group add " + phone + " editors"));
  query(
      "UPDATE sessions SET level = 2, amr = 'pwd otp mfa', authTime = '2026-01-02 03:04:05' WHERE "
      "user_id = " +
      id_of(person));
  const Token token = this->token();
  BOOST_TEST(token.head == R"({"alg":"EdDSA","kid":")" + token.kid() + R"(","typ":"JWT"})");
  const std::uint64_t issued = std::stoull(token.claim("iat"));
  const std::uint64_t now = std::stoull(query("SELECT UNIX_TIMESTAMP()"));
  BOOST_TEST((issued <= now && issued + 30 >= now));
  BOOST_TEST(token.payload ==
             R"({"iss":"https://www.example.org","aud":"www.example.org","sub":")" + id_of(person) +
                 R"(","phone":")" + person.e164() +
                 R"(","groups":["editors","staff"],"level":2,"amr":["pwd","otp","mfa"],)" +
                 R"("auth_time":1767323045,"iat":)" + std::to_string(issued) + R"(,"exp":)" +
                 std::to_string(issued + 60) + "}");
  const HttpReply published = worker.ask(fcgi::get("/users/jwks.json"));
  BOOST_TEST(published.header("cache-control") == "public, max-age=300");
  BOOST_TEST(published.header("content-type") == "application/jwk-set+json");
  const auto keys = list_of(published.body, "/keys");
  BOOST_TEST(verifies(token, keys));
  BOOST_TEST(!verifies(token, keys, token.message + "x"));
  BOOST_TEST(this->token("[::1]").claim("aud") == "[::1]");
  BOOST_TEST(this->token("a\"b\\c").claim("aud") == "a\"b\\c");
  // Without a session there is none, nor for a client that asks about its own.
  BOOST_TEST(worker.ask(fcgi::get("/users/_auth")).header("x-user-jwt") == "");
  fcgi::Request own = fcgi::get("/users/auth");
  own.parameters["HTTP_AUTHORIZATION"] = "Bearer " + session;
  const HttpReply told = worker.ask(own);
  BOOST_TEST(told.header("x-user-level") == "2");
  BOOST_TEST(told.header("x-user-groups") == "editors,staff");
  BOOST_TEST(told.header("x-user-jwt") == "");
}

BOOST_AUTO_TEST_CASE(a_change_shows_at_once_also_within_the_second_of_a_token) {
  const auto published = keys();
  // More hosts than a worker keeps tokens.
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) {
      const std::string host = "h" + std::to_string(i) + ".example.org";
      const Token token = this->token(host);
      BOOST_TEST(token.claim("aud") == host);
      BOOST_TEST(verifies(token, published));
    }
  }
  for (const int level : {2, 1, 2}) {
    query("UPDATE sessions SET level = " + std::to_string(level) +
          " WHERE user_id = " + id_of(person));
    const Token token = this->token();
    BOOST_TEST(token.claim("level") == std::to_string(level));
    BOOST_TEST(verifies(token, published));
    BOOST_TEST(this->token("other.example.org").claim("level") == std::to_string(level));
  }
}

BOOST_AUTO_TEST_CASE(the_issuer_is_the_configured_one) {
  const WorkerProcess other({.environment = signing({"USERS_FCGI_IDENTITY_ISSUER=my site"})});
  const Token token(other.ask(request("a.example.org")).header("x-user-jwt"));
  BOOST_TEST(token.claim("iss") == "my site");
  BOOST_TEST(token.claim("aud") == "a.example.org");
}

BOOST_AUTO_TEST_CASE(of_sixteen_workers_at_once_one_makes_the_first_key, *kDeep) {
  std::set<std::string> kids;
  for (const HttpReply& reply : ask_new_workers(16, request())) {
    kids.insert(Token(reply.header("x-user-jwt")).kid());
  }
  BOOST_TEST(kids.size() == 1U);
  BOOST_TEST(query("SELECT COUNT(*) FROM identity_keys") == "1");
}

BOOST_AUTO_TEST_CASE(whoever_reads_the_keys_first_makes_one, *kDeep) {
  std::set<std::string> sets;
  for (const HttpReply& reply : ask_new_workers(8, fcgi::get("/users/jwks.json"))) {
    BOOST_TEST(list_of(reply.body, "/keys").size() == 1U);
    sets.insert(reply.body);
  }
  BOOST_TEST(sets.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_clock_that_was_set_back_stops_no_signature) {
  const Token first = token();
  BOOST_TEST(identity("rotate").status == 0);
  query("UPDATE identity_keys SET activeTime = activeTime + INTERVAL 2 DAY");
  const Token now = token_of_new_worker();
  BOOST_TEST(now.kid() == first.kid());
  BOOST_TEST(verifies(now, keys()));
  BOOST_TEST(says(identity("list"), first.kid() + "\tactive\t"));
  BOOST_TEST(query("SELECT COUNT(*) FROM identity_keys") == "2");
}

BOOST_AUTO_TEST_CASE(a_restored_database_whose_key_has_the_same_number_signs_with_its_own, *kDeep) {
  const Token first = token();
  query("DELETE FROM identity_keys");
  const WorkerProcess other({.environment = signing()});
  const Token others(other.ask(request()).header("x-user-jwt"));
  BOOST_TEST(others.kid() != first.kid());
  BOOST_TEST(query("SELECT id FROM identity_keys") == "1");
  // In the next second.
  BOOST_TEST(wait_until(30, [&] { return token().kid() == others.kid(); }));
}

BOOST_AUTO_TEST_CASE(the_next_key_is_published_an_hour_before_it_signs) {
  const Token first = token();
  const Command made = identity("rotate");
  BOOST_TEST(made.status == 0, made.output);
  const auto published = kids_of(keys());
  BOOST_TEST_REQUIRE(published.size() == 2U);
  BOOST_TEST(published[1] == first.kid());
  BOOST_TEST(says(made, "key " + published[0] + ": made, it signs from 20"));
  BOOST_TEST(token_of_new_worker().kid() == first.kid());
  const Command again = identity("rotate");
  BOOST_TEST(again.status == 0);
  BOOST_TEST(says(again, published[0] + ": is the next one already"));
  BOOST_TEST(says(identity("list"), published[0] + "\tnext\t"));
  BOOST_TEST(says(identity("list"), published[1] + "\tactive\t"));

  let_an_hour_pass();
  const Token second = token_of_new_worker();
  BOOST_TEST(second.kid() == published[0]);
  BOOST_TEST(verifies(second, keys()));
  // What was signed a moment ago still counts.
  BOOST_TEST(verifies(first, keys()));
  BOOST_TEST(says(identity("list"), first.kid() + "\tretired\t"));
  let_an_hour_pass();
  BOOST_TEST(kids_of(keys()) == std::vector{second.kid()}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_courier_makes_the_next_key_in_time_and_deletes_old_ones, *kDeep) {
  const auto with_courier_until = [](const std::string& count) {
    const TemporaryDirectory folder;
    const WorkerProgram courier({.program = "users-courier",
                                 .arguments = {"--config", state_folder() + "/users.conf"},
                                 .environment = {"USERS_FCGI_IDENTITY_SIGN=yes"},
                                 .output = folder.path() / "output",
                                 .errors = folder.path() / "errors"});
    return wait_until(30, [&] { return query("SELECT COUNT(*) FROM identity_keys") == count; });
  };
  BOOST_TEST(with_courier_until("1"));
  const std::string first = token().kid();
  query("UPDATE identity_keys SET activeTime = activeTime - INTERVAL 90 DAY");
  BOOST_TEST(with_courier_until("2"));
  BOOST_TEST(token_of_new_worker().kid() == first);
  let_an_hour_pass();
  BOOST_TEST(token_of_new_worker().kid() != first);
  BOOST_TEST(kids_of(keys()).size() == 2U);
  let_an_hour_pass();
  BOOST_TEST(with_courier_until("1"));
}

BOOST_AUTO_TEST_CASE(a_revoked_key_signs_no_more_and_is_gone) {
  const Token first = token();
  BOOST_TEST(identity("revoke " + first.kid()).status == 64);  // it asks
  const Command revoked = identity("revoke --yes " + first.kid());
  BOOST_TEST(revoked.status == 0, revoked.output);
  const Token second = token_of_new_worker();
  BOOST_TEST(second.kid() != first.kid());
  BOOST_TEST(kids_of(keys()) == std::vector{second.kid()}, boost::test_tools::per_element());
  BOOST_TEST(verifies(second, keys()));
  BOOST_TEST(!verifies(first, keys()));
  BOOST_TEST(query("SELECT COUNT(*) FROM audit WHERE event = 'identity key revoked " + first.kid() +
                   "' AND operator_name <> ''") == "1");

  // With a next key, that one.
  identity("rotate");
  const std::string next = kids_of(keys()).front();
  identity("revoke --yes " + second.kid());
  BOOST_TEST(token_of_new_worker().kid() == next);
  BOOST_TEST(kids_of(keys()) == std::vector{next}, boost::test_tools::per_element());
  // A next key that is revoked never signs.
  identity("rotate");
  const std::string never = kids_of(keys()).front();
  identity("revoke --yes " + never);
  let_an_hour_pass();
  BOOST_TEST(token_of_new_worker().kid() == next);

  const Command unknown = identity("revoke --yes " + first.kid());
  BOOST_TEST(unknown.status == 1);
  BOOST_TEST(says(unknown, "users-ctl identity list shows them"));
}

BOOST_AUTO_TEST_CASE(with_another_key_file_nobody_gets_in_and_the_log_says_why) {
  const std::string kid = token().kid();
  query("UPDATE identity_keys SET sealed = REVERSE(sealed)");
  const WorkerProcess other({.environment = signing()});
  BOOST_TEST(other.ask(request()).status == 500);
  BOOST_TEST(contains(other.log(), "identity key " + kid + " does not open"));
}

BOOST_AUTO_TEST_CASE(every_protocol_carries_it_and_no_client_can_send_one) {
  const BackendFolder folder;
  Backend backend(folder.socket());
  const TemporaryDirectory pools;
  for (const char* pool : {"fast.sock", "hash.sock"}) {
    std::filesystem::create_symlink(worker.socket(), pools.path() / pool);
  }
  std::string locations;
  for (const std::string protocol : {"proxy", "fastcgi", "uwsgi", "scgi"}) {
    const bool has_params = protocol != "proxy";
    for (const std::string include : {"users_auth", "users_strip", "users_optional"}) {
      locations += "location ^~ /" + protocol + "/" + include + "/ { " +
                   (has_params ? "include /etc/nginx/" + protocol + "_params; " : "") +
                   "include snippets/users-fcgi/" + include + ".conf; " + protocol + "_pass " +
                   (has_params ? "" : "http://") + "unix:" + folder.socket().string() + "; }\n";
    }
  }
  // The longest groups that an account may have.
  query("INSERT INTO group_members (user_id, name) SELECT " + id_of(person) +
        ", RPAD(CONCAT('g', seq), 32, 'x') FROM seq_1_to_64");
  query(
      "UPDATE users SET groupNames = (SELECT GROUP_CONCAT(name ORDER BY name) FROM group_members "
      "WHERE user_id = id) WHERE id = " +
      id_of(person));
  for (const bool cached : {false, true}) {
    const NginxSite site(
        "server { listen unix:@FOLDER@/plain.sock; include "
        "snippets/users-fcgi/users.conf; location / { return 200 x; }\n" +
            locations + "}\n",
        pools.path(), cached);
    for (const std::string protocol : {"proxy", "fastcgi", "uwsgi", "scgi"}) {
      for (const std::string include : {"users_auth", "users_strip", "users_optional"}) {
        backend.take();
        std::vector<std::string> headers{"X-User-Jwt: forged", "X_User_Jwt: forged",
                                         "X-User_Jwt: forged", "X_User-Jwt: forged"};
        if (include != "users_strip") headers.push_back("Authorization: Bearer " + session);
        headers.emplace_back(kLast);
        send(site.plain(),
             {.method = "GET", .path = "/" + protocol + "/" + include + "/", .headers = headers});
        const std::string told = backend.take();
        BOOST_TEST(contains(told, "the-end"), protocol << " " << include);
        BOOST_TEST(!contains(told, "forged"), protocol << " " << include << ": " << told);
        BOOST_TEST(contains(told, ".eyJpc3Mi") == (include != "users_strip"),
                   protocol << " " << include << ": " << told);
      }
    }
    // The audience is the host that nginx has understood.
    for (const char* host : {"WWW.Example.org:8443", "www.example.org."}) {
      backend.take();
      send(site.plain(), {.method = "GET",
                          .path = "/proxy/users_auth/",
                          .headers = {"Authorization: Bearer " + session,
                                      std::string("Host: ") + host, std::string(kLast)}});
      const std::string told = backend.take();
      const auto at = told.find("X-User-Jwt: ");
      BOOST_TEST_REQUIRE(at != std::string::npos, told);
      const Token token(told.substr(at + 12, told.find('\r', at) - at - 12));
      BOOST_TEST(token.claim("aud") == "www.example.org");
      BOOST_TEST(token.claim("iss") == "https://www.example.org");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
