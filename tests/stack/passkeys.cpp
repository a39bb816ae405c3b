// Passkeys over HTTP: enrolling, logging in, as second factor, confirming, and what is refused.
#include <atomic>
#include <latch>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/authenticator.hpp"
#include "support/passkey_owner.hpp"

using namespace users::test;
namespace data = boost::unit_test::data;

namespace {

/// `arguments` with another value for `name`, or without it if that is empty.
Arguments changed(Arguments arguments, const std::string& name, const std::string& value) {
  std::erase_if(arguments, [&](const auto& member) { return member.name == name; });
  if (!value.empty()) arguments.push_back({name, value});
  return arguments;
}

HttpReply confirm(const std::string& token, const Arguments& arguments) {
  return call("POST", "confirm", token, {}, body_of(arguments));
}

Arguments with_password(const Person& person, Arguments arguments) {
  arguments.push_back({"phone", person.phone()});
  arguments.push_back({"password", person.password()});
  return arguments;
}

std::string challenges() {
  return query("SELECT COUNT(*) FROM passkey_challenges");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(passkeys, PasskeyOwner, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(a_passkey_logs_in_without_a_phone) {
  const HttpReply in = login();
  BOOST_TEST(in.code() == 0);
  const HttpReply me = call("GET", "me", in.text("token"));
  BOOST_TEST(me.text("phone") == person.e164());
  BOOST_TEST(me.text("level") == "2");
  BOOST_TEST(me.text("amr") == R"(["pop","mfa"])");
  const auto factors = call("GET", "factors", token).list("factors");
  BOOST_REQUIRE(factors.size() == 1U);
  BOOST_TEST(factors[0].at("kind") == "passkey");
  BOOST_TEST(factors[0].at("last_used").size() > 10U);
  // The password still works, and asks for nothing more.
  BOOST_TEST(call("GET", "me", person.token()).text("level") == "1");
}

BOOST_AUTO_TEST_CASE(what_browsers_are_told) {
  const HttpReply offer = call("POST", "factors/passkey/challenge", token);
  BOOST_TEST(offer.text("rp_id") == "localhost");
  BOOST_TEST(offer.text("rp_name") == "localhost");
  BOOST_TEST(offer.text("user_name") == person.e164());
  BOOST_TEST(offer.text("algorithms") == "[-8,-7,-257]");
  BOOST_TEST(offer.number("timeout") == 300000);
  BOOST_TEST(users::crypto::from_base64url(offer.text("challenge")).value().size() == 32U);
  BOOST_TEST(users::crypto::from_base64url(offer.text("user_handle")).value().size() == 32U);
  BOOST_REQUIRE(offer.list("exclude").size() == 1U);
  BOOST_TEST(offer.list("exclude")[0].at("id") == users::crypto::to_base64url(device.id()));
  for (const auto& [purpose, verification] :
       {std::pair("login", "required"), {"second_factor", "preferred"}}) {
    const HttpReply anybody = post("passkey/challenge", {{"purpose", purpose}});
    BOOST_TEST(anybody.text("user_verification") == verification);
    BOOST_TEST(anybody.text("allow") == "[]");
  }
  const HttpReply own =
      call("POST", "passkey/challenge", token, {}, body_of({{"purpose", "confirm"}}));
  BOOST_TEST(own.text("user_verification") == "required");
  BOOST_TEST(own.list("allow").size() == 1U);
  BOOST_TEST(post("passkey/challenge", {{"purpose", "confirm"}}).code() == 1009);
  BOOST_TEST(post("passkey/challenge", {{"purpose", "enrol"}}).fields() == "purpose");
  BOOST_TEST(post("passkey/challenge", {}).code() == 0);
}

BOOST_AUTO_TEST_CASE(a_name_and_transports_are_kept) {
  const PasskeyDevice other(Algorithm::ed25519);
  BOOST_TEST(enrol(other, {{"name", " my phone "}, {"transports", "internal,hybrid"}}).code() == 0);
  const auto factors = call("GET", "factors", token).list("factors");
  BOOST_REQUIRE(factors.size() == 2U);
  BOOST_TEST(factors[1].at("name") == "my phone");
  const HttpReply offer = call("POST", "factors/passkey/challenge", token);
  BOOST_TEST(offer.list("exclude").at(1).at("transports") == R"(["internal","hybrid"])");
  BOOST_TEST(enrol(PasskeyDevice(), {{"name", std::string(65, 'n')}}).fields() == "name");
  BOOST_TEST(enrol(PasskeyDevice(), {{"transports", "usb;x"}}).fields() == "transports");
}

BOOST_AUTO_TEST_CASE(every_algorithm_logs_in) {
  for (const Algorithm algorithm : {Algorithm::ed25519, Algorithm::rs256}) {
    const PasskeyDevice other(algorithm);
    BOOST_TEST(enrol(other).code() == 0);
    const Ceremony asserted = local(other.assertion(challenge("login")));
    BOOST_TEST(post("login", arguments_of(other, asserted, user_handle)).code() == 0);
  }
}

BOOST_AUTO_TEST_CASE(an_account_has_ten_and_a_passkey_one_account) {
  PasskeyOwner other;
  BOOST_TEST(other.enrol(device).fields() == "attestation_object");
  BOOST_TEST(enrol(device).fields() == "attestation_object");
  for (int i = 1; i < 10; ++i) BOOST_TEST(enrol(PasskeyDevice()).code() == 0);
  const HttpReply full = call("POST", "factors/passkey/challenge", token);
  BOOST_TEST(full.code() == 1001);
  BOOST_TEST(full.fields() == "passkeys");
}

BOOST_AUTO_TEST_CASE(of_parallel_enrolments_no_more_than_ten_count) {
  std::vector<Arguments> sent;
  for (int i = 0; i < 14; ++i) {
    const HttpReply offer = call("POST", "factors/passkey/challenge", token);
    sent.push_back(arguments_of(local(PasskeyDevice().creation(offer.text("challenge")))));
  }
  in_parallel(14, 14, [&](int i) {
    call("POST", "factors/passkey", token, {}, body_of(sent[static_cast<std::size_t>(i)]));
  });
  BOOST_TEST(call("GET", "factors", token).list("factors").size() == 10U);
}

BOOST_AUTO_TEST_CASE(a_challenge_counts_once_in_time_and_for_its_purpose) {
  const Arguments used = good("login");
  BOOST_TEST(post("login", used).code() == 0);
  BOOST_TEST(post("login", used).code() == 1004);
  BOOST_TEST(post("login", good("second_factor")).code() == 1004);
  BOOST_TEST(post("login", good("confirm", token)).code() == 1004);
  BOOST_TEST(confirm(token, good("login")).code() == 1004);
  const std::string other = person.token();
  BOOST_TEST(confirm(other, good("confirm", token)).code() == 1004);
  BOOST_TEST(confirm(token, good("confirm", token)).code() == 0);
  const Arguments late = good("login");
  query("UPDATE passkey_challenges SET expireTime = UTC_TIMESTAMP()");
  BOOST_TEST(post("login", late).code() == 1004);
  // Not even one that nobody has asked for.
  BOOST_TEST(post("login", sent(assertion(users::crypto::random_token()))).code() == 1004);
}

BOOST_AUTO_TEST_CASE(a_challenge_to_enrol_is_of_its_session) {
  const HttpReply offer = call("POST", "factors/passkey/challenge", token);
  const Arguments made = arguments_of(local(PasskeyDevice().creation(offer.text("challenge"))));
  const std::string other = person.token();
  BOOST_TEST(call("POST", "factors/passkey", other, {}, body_of(made)).fields() == "client_data");
  BOOST_TEST(call("POST", "factors/passkey", token, {}, body_of(made)).code() == 0);
  BOOST_TEST(call("POST", "factors/passkey", token, {}, body_of(made)).code() == 1001);
  const Arguments of_login = arguments_of(local(PasskeyDevice().creation(challenge("login"))));
  BOOST_TEST(call("POST", "factors/passkey", token, {}, body_of(of_login)).fields() ==
             "client_data");
}

BOOST_AUTO_TEST_CASE(a_wrong_signature_spends_its_challenge) {
  const Ceremony asserted = assertion(challenge("login"));
  Arguments wrong = sent(asserted);
  const std::string before = challenges();
  BOOST_TEST(post("login", changed(wrong, "passkey_signature", "MEUCIQ")).code() == 1004);
  BOOST_TEST(std::stoi(challenges()) == std::stoi(before) - 1);
  BOOST_TEST(post("login", sent(asserted)).code() == 1004);
}

BOOST_AUTO_TEST_CASE(of_sixteen_uses_at_once_one_logs_in) {
  const Arguments once = good("login");
  std::atomic<int> in{0};
  std::atomic<int> out{0};
  std::latch start(16);
  in_parallel(16, 16, [&](int) {
    start.arrive_and_wait();
    const int code = post("login", once).code();
    in += code == 0 ? 1 : 0;
    out += code == 1004 ? 1 : 0;
  });
  BOOST_TEST(in == 1);
  BOOST_TEST(out == 15);
}

BOOST_AUTO_TEST_CASE(a_login_is_refused_as_1004) {
  const PasskeyOwner other;
  BOOST_TEST(post("login", changed(good("login"), "passkey_user_handle", "")).code() == 1004);
  BOOST_TEST(
      post("login", changed(good("login"), "passkey_user_handle", other.user_handle)).code() ==
      1004);
  Arguments empty = changed(good("login"), "passkey_user_handle", "");
  empty.push_back({"passkey_user_handle", ""});
  BOOST_TEST(post("login", empty).code() == 1004);
  BOOST_TEST(post("login", changed(good("login"), "passkey_id",
                                   users::crypto::to_base64url(other.device.id())))
                 .code() == 1004);
  Ceremony unverified = assertion(challenge("login"));
  unverified.flags = 0x01;
  BOOST_TEST(post("login", sent(unverified)).code() == 1004);
  Ceremony elsewhere = assertion(challenge("login"));
  elsewhere.origin = "http://localhost.evil.example";
  BOOST_TEST(post("login", sent(elsewhere)).code() == 1004);
  Ceremony foreign = assertion(challenge("login"));
  foreign.rp_id = "evil.example";
  const HttpReply reply = post("login", sent(foreign));
  BOOST_TEST(reply.code() == 1004);
  BOOST_TEST(reply.status == 401);
  for (const char* reason :
       {"another rp_id", "client data: another origin, http://localhost.evil"}) {
    BOOST_TEST(run_command(std::string("grep -qF 'passkey refused: ") + reason +
                           "' \"$STATE/log/users/users.log\"")
                   .status == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_malformed_argument_is_named) {
  for (const char* name : {"passkey_id", "passkey_client_data", "passkey_authenticator_data",
                           "passkey_signature", "passkey_user_handle"}) {
    for (const char* bad : {"=", "a b", "AAA=", "+/+/", "A"}) {
      BOOST_TEST(post("login", changed(good("login"), name, bad)).fields() == name);
    }
    if (name == std::string("passkey_user_handle")) continue;
    BOOST_TEST(post("login", changed(good("login"), name, "")).fields() == name);
  }
  BOOST_TEST(post("login", {{"passkey_user_handle", user_handle}}).fields() ==
             "passkey_id,passkey_client_data,passkey_authenticator_data,passkey_signature");
  BOOST_TEST(call("POST", "factors/passkey", token, {}, body_of({{"name", "x"}})).fields() ==
             "client_data,attestation_object");
}

BOOST_AUTO_TEST_CASE(a_registration_that_is_refused_names_the_part) {
  const auto refused = [&](const std::function<void(Ceremony&)>& change) {
    const HttpReply offer = call("POST", "factors/passkey/challenge", token);
    Ceremony ceremony = local(PasskeyDevice().creation(offer.text("challenge")));
    change(ceremony);
    return call("POST", "factors/passkey", token, {}, body_of(arguments_of(ceremony))).fields();
  };
  BOOST_TEST(refused([](Ceremony& c) { c.origin = "https://localhost"; }) == "client_data");
  BOOST_TEST(refused([](Ceremony& c) { c.type = "webauthn.get"; }) == "client_data");
  BOOST_TEST(refused([](Ceremony& c) { c.flags = 0x41; }) == "attestation_object");
  BOOST_TEST(refused([](Ceremony& c) { c.public_key = large_rsa_key(); }) == "attestation_object");
  BOOST_TEST(refused([](Ceremony& c) { c.more_object = "x"; }) == "attestation_object");
}

BOOST_AUTO_TEST_CASE(a_registration_over_16_kib_is_9004) {
  const HttpReply offer = call("POST", "factors/passkey/challenge", token);
  Ceremony ceremony = local(PasskeyDevice().creation(offer.text("challenge")));
  ceremony.more_object = std::string(20000, 'x');
  BOOST_TEST(call("POST", "factors/passkey", token, {}, body_of(arguments_of(ceremony))).code() ==
             9004);
}

BOOST_AUTO_TEST_CASE(enrolling_and_removing_need_a_fresh_session) {
  const HttpReply offer = call("POST", "factors/passkey/challenge", token);
  const Arguments made = arguments_of(local(PasskeyDevice().creation(offer.text("challenge"))));
  query("UPDATE sessions SET authTime = authTime - INTERVAL 11 MINUTE WHERE user_id = " +
        id_of(person));
  BOOST_TEST(call("POST", "factors/passkey/challenge", token).code() == 1014);
  BOOST_TEST(call("POST", "factors/passkey", token, {}, body_of(made)).code() == 1014);
  BOOST_TEST(call("DELETE", "factors/" + factor, token).code() == 1014);
  BOOST_TEST(confirm(token, good("confirm", token)).code() == 0);
  BOOST_TEST(call("GET", "me", token).text("amr") == R"(["pop","mfa"])");
  BOOST_TEST(call("POST", "factors/passkey", token, {}, body_of(made)).code() == 0);
  const std::string other = person.token();
  BOOST_TEST(call("DELETE", "factors/" + factor, token).code() == 0);
  BOOST_TEST(is_alive(token));
  BOOST_TEST(!is_alive(other));
  BOOST_TEST(login().code() == 1004);
}

BOOST_AUTO_TEST_CASE(a_passkey_of_another_account_confirms_nothing) {
  const PasskeyOwner other;
  const std::string asked = challenge("confirm", token);
  BOOST_TEST(confirm(token, other.sent(other.assertion(asked))).code() == 1004);
  BOOST_TEST(confirm(token, sent(assertion(asked))).code() == 1004);
  BOOST_TEST(confirm("", good("login")).code() == 1009);
}

BOOST_AUTO_TEST_CASE(a_passkey_is_a_second_factor_where_there_is_a_totp) {
  const HttpReply offered = call("POST", "factors/totp", token);
  BOOST_TEST(call("POST", "factors/totp/confirm", token, {},
                  body_of({{"totp", code_of_app(offered.text("secret"))}}))
                 .code() == 0);
  const HttpReply asked = post("login", with_password(person, {}));
  BOOST_TEST(texts_of(asked, "factors") ==
             std::vector<std::string>({"totp", "recovery_code", "passkey"}));
  // Possession is enough beside a password, also without a handle.
  Ceremony unverified = assertion(challenge("second_factor"));
  unverified.flags = 0x01;
  const HttpReply in =
      post("login", with_password(person, changed(sent(unverified), "passkey_user_handle", "")));
  BOOST_TEST(in.code() == 0);
  BOOST_TEST(call("GET", "me", in.text("token")).text("amr") == R"(["pwd","pop","mfa"])");
  // Alone it needs nothing more.
  BOOST_TEST(login().code() == 0);
  const PasskeyOwner other;
  const HttpReply wrong = post("login", with_password(person, other.good("second_factor")));
  BOOST_TEST(wrong.code() == 1005);
  BOOST_TEST(texts_of(wrong, "factors").size() == 3U);
  BOOST_TEST(post("login", with_password(person, good("login"))).code() == 1005);
  BOOST_TEST(query("SELECT used FROM throttle WHERE bucket = 'factor:" + id_of(person) + "'") ==
             "2");
  Arguments reset = good("second_factor");
  reset.push_back({"phone", person.phone()});
  reset.push_back({"code", person.code("reset")});
  reset.push_back({"password", "another horse 7"});
  BOOST_TEST(post("reset", reset).code() == 0);
  BOOST_TEST(login().code() == 0);
}

BOOST_AUTO_TEST_CASE(level_and_methods_are_those_of_the_last_confirmation) {
  const auto me = [&] {
    const HttpReply reply = call("GET", "me", token);
    return reply.text("level") + " " + reply.text("amr");
  };
  BOOST_TEST(confirm(token, good("confirm", token)).code() == 0);
  BOOST_TEST(me() == R"(2 ["pop","mfa"])");
  // The password alone proves less: authTime is now its time.
  BOOST_TEST(confirm(token, {{"password", person.password()}}).code() == 0);
  BOOST_TEST(me() == R"(1 ["pwd"])");
  BOOST_TEST(confirm(token, good("confirm", token)).code() == 0);
  BOOST_TEST(me() == R"(2 ["pop","mfa"])");
}

BOOST_AUTO_TEST_CASE(a_login_by_passkey_gives_no_more_guesses_at_the_password) {
  for (int i = 0; i < 10; ++i) {
    BOOST_TEST(post("login", {{"phone", person.phone()}, {"password", "wrong horse 42"}}).code() ==
               1004);
  }
  BOOST_TEST(login().code() == 0);
  BOOST_TEST(post("login", with_password(person, {})).code() == 1008);
}

BOOST_AUTO_TEST_CASE(passkeys_of_another_rp_id_are_offered_nowhere_and_leave_room_for_others) {
  const HttpReply offered = call("POST", "factors/totp", token);
  call("POST", "factors/totp/confirm", token, {},
       body_of({{"totp", code_of_app(offered.text("secret"))}}));
  for (int i = 1; i < 10; ++i) BOOST_TEST(enrol(PasskeyDevice()).code() == 0);
  query(
      "UPDATE factors SET rpIdHash = UNHEX(SHA2('old.example', 256)) WHERE kind = 'passkey' AND "
      "user_id = " +
      id_of(person));
  BOOST_TEST(texts_of(post("login", with_password(person, {})), "factors") ==
             std::vector<std::string>({"totp", "recovery_code"}));
  BOOST_TEST(call("POST", "passkey/challenge", token, {}, body_of({{"purpose", "confirm"}}))
                 .text("allow") == "[]");
  BOOST_TEST(call("POST", "factors/passkey/challenge", token).text("exclude") == "[]");
  BOOST_TEST(enrol(PasskeyDevice()).code() == 0);
  BOOST_TEST(call("GET", "factors", token).list("factors").size() == 12U);
}

BOOST_AUTO_TEST_CASE(removing_the_totp_keeps_the_passkeys) {
  const HttpReply offered = call("POST", "factors/totp", token);
  call("POST", "factors/totp/confirm", token, {},
       body_of({{"totp", code_of_app(offered.text("secret"))}}));
  const auto factors = call("GET", "factors", token).list("factors");
  BOOST_REQUIRE(factors.size() == 2U);
  BOOST_TEST(call("DELETE", "factors/" + factors[1].at("id"), token).code() == 0);
  BOOST_TEST(login().code() == 0);
  BOOST_TEST(post("login", with_password(person, {})).code() == 0);
}

BOOST_AUTO_TEST_CASE(a_counter_that_falls_back_is_audited) {
  const auto login_with = [&](std::uint32_t count) {
    Ceremony asserted = assertion(challenge("login"));
    asserted.count = count;
    return post("login", sent(asserted)).code();
  };
  BOOST_TEST(login_with(5) == 0);
  BOOST_TEST(login_with(6) == 0);
  BOOST_TEST(!says(run_command(users_ctl("audit " + person.phone())), "counter lower"));
  BOOST_TEST(login_with(6) == 0);
  BOOST_TEST(
      says(run_command(users_ctl("audit " + person.phone())), "login by passkey, counter lower"));
}

BOOST_AUTO_TEST_CASE(a_disabled_account_is_1011_after_a_right_signature) {
  run_script(users_ctl("user disable --yes " + person.phone()));
  const Arguments once = good("login");
  BOOST_TEST(post("login", once).code() == 1011);
  BOOST_TEST(post("login", once).code() == 1004);
  BOOST_TEST(post("login", changed(good("login"), "passkey_signature", "MEUCIQ")).code() == 1004);
}

BOOST_AUTO_TEST_CASE(a_deleted_account_leaves_no_passkey) {
  BOOST_TEST(delete_account(token, person.password()).code() == 0);
  BOOST_TEST(login().code() == 1004);
  BOOST_TEST(query("SELECT COUNT(*) FROM factors WHERE id = " + factor) == "0");
}

BOOST_AUTO_TEST_CASE(operators_see_and_remove_passkeys) {
  const Command shown = run_command(users_ctl("user show --json " + person.phone()));
  BOOST_TEST(says(shown, "\"passkeys\": 1"), shown.output);
  BOOST_TEST(says(shown, "\"level\": 1"));
  BOOST_TEST(says(run_command(users_ctl("audit " + person.phone())), "passkey added"));
  BOOST_TEST(run_command(users_ctl("user remove-factors --yes " + person.phone())).status == 0);
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(login().code() == 1004);
}

BOOST_AUTO_TEST_CASE(a_foreign_page_gets_no_challenge) {
  for (const char* path : {"passkey/challenge", "factors/passkey/challenge", "factors/passkey"}) {
    BOOST_TEST(
        call("POST", path, "", {"Origin: https://evil.example", "Cookie: users=" + token}).code() !=
        0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
