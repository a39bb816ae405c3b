// Second factors: enrolling, every way in, limits, bad input, recovery codes, and what ends them.
#include <atomic>
#include <latch>
#include <mutex>
#include <set>

#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/authenticator.hpp"
#include "support/text.hpp"
#include "support/worker_process.hpp"

using namespace users::test;

namespace {

HttpReply confirm_by(const std::string& token, const Arguments& arguments) {
  return call("POST", "confirm", token, {}, body_of(arguments));
}

HttpReply confirm_totp(const std::string& token, const std::string& code) {
  return call("POST", "factors/totp/confirm", token, {}, body_of({{"totp", code}}));
}

std::string id_of_factor(const std::string& token) {
  return call("GET", "factors", token).list("factors").at(0)["id"];
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(second_factor, Enrolled, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(a_life_with_an_authenticator_app) {
  BOOST_TEST(recovery_codes.size() == 10U);
  BOOST_TEST(call("POST", "logout", token).code() == 0);
  const HttpReply asked = login();
  BOOST_TEST(asked.status == 401);
  BOOST_TEST(asked.code() == 1013);
  BOOST_TEST(texts_of(asked, "factors") == std::vector<std::string>({"totp", "recovery_code"}));
  const std::string next = code(1);
  HttpReply in = login({{"totp", next}});
  BOOST_TEST(in.code() == 0);
  BOOST_TEST(!in.has("recovery_codes_left"));
  // The same code again, also by another way in.
  BOOST_TEST(login({{"totp", next}}).code() == 1005);
  BOOST_TEST(
      confirm_by(in.text("token"), {{"password", person.password()}, {"totp", next}}).code() ==
      1005);
  HttpReply recovered = login({{"recovery_code", recovery_codes[3]}});
  BOOST_TEST(recovered.code() == 0);
  BOOST_TEST(recovered.number("recovery_codes_left") == 9);
  BOOST_TEST(login({{"recovery_code", recovery_codes[3]}}).code() == 1005);
  const std::string now = recovered.text("token");
  const HttpReply renewed = call("POST", "factors/recovery", now);
  BOOST_TEST(texts_of(renewed, "recovery_codes").size() == 10U);
  BOOST_TEST(login({{"recovery_code", recovery_codes[4]}}).code() == 1005);
  BOOST_TEST(call("DELETE", "factors/" + id_of_factor(now), now).code() == 0);
  BOOST_TEST(login().code() == 0);
  // What is left of a factor counts for nothing.
  BOOST_TEST(login({{"totp", "123456"}}).code() == 0);
  BOOST_TEST(call("POST", "factors/recovery", now).code() == 9002);
}

BOOST_AUTO_TEST_CASE(the_offer_fits_apps) {
  const HttpReply offer = call("POST", "factors/totp", token);
  BOOST_TEST(offer.text("secret").size() == 32U);
  const std::string host = origin().substr(origin().find("//") + 2);
  const std::string issuer = host.substr(0, host.find(':'));
  BOOST_TEST(offer.text("uri") == "otpauth://totp/" + issuer + ":%2B86" + person.phone() +
                                      "?secret=" + offer.text("secret") + "&issuer=" + issuer);
  const auto rows = texts_of(offer, "qr");
  BOOST_TEST(rows.size() >= 21U);
  for (const std::string& row : rows) BOOST_TEST(row.size() == rows.size());
  BOOST_TEST(rows.at(0).starts_with("1111111"));
  // Nothing is enrolled yet: the old app still works.
  forget_used_codes();
  BOOST_TEST(login({{"totp", code()}}).code() == 0);
}

BOOST_AUTO_TEST_CASE(an_enrolment_ends_the_other_sessions_and_raises_its_own) {
  Person other;
  other.regist();
  const std::string old = other.token();
  const std::string own = other.token();
  BOOST_TEST(call("GET", "me", own).text("level") == "1");
  BOOST_TEST(call("GET", "me", own).text("amr") == R"(["pwd"])");
  BOOST_TEST(call("GET", "factors", own).text("factors") == "[]");
  const std::string secret_of_other = call("POST", "factors/totp", own).text("secret");
  BOOST_TEST(confirm_totp(own, code_of_app(secret_of_other)).code() == 0);
  BOOST_TEST(!is_alive(old));
  const HttpReply me = call("GET", "me", own);
  BOOST_TEST(me.text("level") == "2");
  BOOST_TEST(me.text("amr") == R"(["pwd","otp","mfa"])");
  BOOST_TEST(me.text("authTime").ends_with("Z"));
  const auto sessions = call("GET", "sessions", own).list("sessions");
  BOOST_REQUIRE(sessions.size() == 1U);
  BOOST_TEST(sessions[0].at("level") == "2");
  const auto factors = call("GET", "factors", own).list("factors");
  BOOST_REQUIRE(factors.size() == 1U);
  BOOST_TEST(factors[0].at("kind") == "totp");
  BOOST_TEST(call("GET", "factors", own).number("recovery_codes") == 10);
}

BOOST_AUTO_TEST_CASE(a_new_app_takes_the_place_of_the_old_one) {
  const std::string old = secret;
  BOOST_TEST(enrol().code() == 0);
  BOOST_TEST(call("GET", "factors", token).list("factors").size() == 1U);
  BOOST_TEST(login({{"totp", code_of_app(old, 1)}}).code() == 1005);
  BOOST_TEST(login({{"totp", code(1)}}).code() == 0);
}

BOOST_AUTO_TEST_CASE(an_offer_counts_for_ten_minutes_and_until_the_next) {
  const std::string first = call("POST", "factors/totp", token).text("secret");
  const std::string second = call("POST", "factors/totp", token).text("secret");
  BOOST_TEST(first != second);
  BOOST_TEST(confirm_totp(token, code_of_app(first)).code() == 1005);
  query("UPDATE totp_enrolments SET expireTime = UTC_TIMESTAMP() WHERE user_id = " + id());
  BOOST_TEST(confirm_totp(token, code_of_app(second)).code() == 1005);
}

BOOST_AUTO_TEST_CASE(of_many_confirmations_at_once_one_enrols) {
  const std::string offered = call("POST", "factors/totp", token).text("secret");
  const std::string right = code_of_app(offered);
  std::mutex mutex;
  std::set<std::string> codes;
  std::latch start(8);
  in_parallel(8, 8, [&](int) {
    start.arrive_and_wait();
    const HttpReply reply = confirm_totp(token, right);
    const std::scoped_lock lock(mutex);
    codes.insert(reply.code() == 0 ? reply.text("recovery_codes") : "refused");
  });
  BOOST_TEST(codes.size() == 1U);
  BOOST_TEST(*codes.begin() != "refused");
  BOOST_TEST(query("SELECT COUNT(*) FROM factors WHERE user_id = " + id()) == "1");
  // One by the fixture, one by the eight.
  BOOST_TEST(query("SELECT COUNT(*) FROM audit WHERE event = 'totp added' AND user_id = " + id()) ==
             "2");
}

BOOST_AUTO_TEST_CASE(a_code_counts_one_step_early_and_late) {
  for (const int step : {-1, 0, 1}) {
    HttpReply reply;
    std::time_t began = 0;
    // Asks again if the next step began meanwhile.
    do {
      forget_used_codes();
      began = std::time(nullptr) / 30;
      reply = login({{"totp", code(step)}});
    } while (std::time(nullptr) / 30 != began);
    BOOST_TEST(reply.code() == 0);
  }
  forget_used_codes();
  // One step more than the first refused: the next one may begin meanwhile.
  for (const int step : {-2, 3, 120}) BOOST_TEST(login({{"totp", code(step)}}).code() == 1005);
  // An older code than the last used one.
  BOOST_TEST(login({{"totp", code(1)}}).code() == 0);
  BOOST_TEST(login({{"totp", code(0)}}).code() == 1005);
  const Enrolled other;
  BOOST_TEST(login({{"totp", other.code(1)}}).code() == 1005);
}

BOOST_AUTO_TEST_CASE(codes_are_read_as_people_type_them) {
  const std::string right = code(1);
  const std::string blanks = right.substr(0, 3) + "\u00A0" + right.substr(3) + " ";
  BOOST_TEST(login({{"totp", blanks}}).code() == 0);
  forget_used_codes();
  std::string wide;
  for (const char digit : code(1)) {
    wide.append("\xEF\xBC").push_back(static_cast<char>('\x90' + digit - '0'));
  }
  BOOST_TEST(login({{"totp", wide}}).code() == 0);
  std::string small = recovery_codes[0];
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  BOOST_TEST(login({{"recovery_code", small}}).code() == 0);
  std::string plain = recovery_codes[1];
  plain.erase(5, 1);
  BOOST_TEST(login({{"recovery_code", plain}}).code() == 0);
  BOOST_TEST(login({{"recovery_code", "  " + recovery_codes[2] + " "}}).code() == 0);
}

BOOST_AUTO_TEST_CASE(a_malformed_factor_is_named_and_not_counted) {
  for (const char* bad : {"", "12345", "1234567", "12345a", "abcdef", "１２３４５"}) {
    const HttpReply reply = login({{"totp", bad}});
    BOOST_TEST(reply.code() == 1001);
    BOOST_TEST(reply.fields() == "totp");
    BOOST_TEST(confirm_totp(token, bad).fields() == "totp");
  }
  for (const char* bad : {"", "ABCDE-FGHJ", "ABCDE-FGHJKM", "ABCDE-FGHJU", "ABCDE_FGHJK"}) {
    BOOST_TEST(login({{"recovery_code", bad}}).fields() == "recovery_code");
  }
  BOOST_TEST(
      post("login", {{"phone", person.phone()}, {"password", person.password()}, {"totp", 123456U}})
          .fields() == "totp");
  BOOST_TEST(attempts() == "0");
  // Nor does it depend on the account.
  BOOST_TEST(registered().login().code() == 0);
  const Person without = registered();
  BOOST_TEST(post("login",
                  {{"phone", without.phone()}, {"password", without.password()}, {"totp", "12345"}})
                 .fields() == "totp");
}

BOOST_AUTO_TEST_CASE(a_first_half_consumes_nothing) {
  const std::string by_sms = person.code("login");
  for (int i = 0; i < 25; ++i) BOOST_TEST(login_by(person, by_sms).code() == 1013);
  BOOST_TEST(
      post("login", {{"phone", person.phone()}, {"code", by_sms}, {"totp", code(120)}}).code() ==
      1005);
  BOOST_TEST(
      post("login", {{"phone", person.phone()}, {"code", by_sms}, {"totp", code(1)}}).code() == 0);
  BOOST_TEST(login_by(person, by_sms).code() == 1006);
  const auto login_by_password = [&](const std::string& password) {
    return post("login", {{"phone", person.phone()}, {"password", password}});
  };
  // Neither do right passwords: not a try, and not the count of wrong ones.
  for (int i = 0; i < 9; ++i) BOOST_TEST(login_by_password("wrong horse 42").code() == 1004);
  for (int i = 0; i < 12; ++i) BOOST_TEST(login().code() == 1013);
  BOOST_TEST(confirm().code() == 1013);
  BOOST_TEST(login_by_password("wrong horse 42").code() == 1004);
  BOOST_TEST(login().code() == 1008);
}

BOOST_AUTO_TEST_CASE(a_reset_needs_the_second_factor) {
  const std::string by_sms = person.code("reset");
  BOOST_TEST(reset_by(person, by_sms).code() == 1013);
  const Arguments arguments{
      {"phone", person.phone()}, {"code", by_sms}, {"password", "another horse 7"}};
  Arguments wrong = arguments;
  wrong.push_back({"recovery_code", "ABCDE-FGHJK"});
  BOOST_TEST(post("reset", wrong).code() == 1005);
  BOOST_TEST(is_alive(token));
  Arguments right = arguments;
  right.push_back({"recovery_code", recovery_codes[0]});
  const HttpReply done = post("reset", right);
  BOOST_TEST(done.code() == 0);
  BOOST_TEST(done.number("recovery_codes_left") == 9);
  BOOST_TEST(!is_alive(token));
  person.remember_password("another horse 7");
  BOOST_TEST(login().code() == 1013);
}

BOOST_AUTO_TEST_CASE(ten_guesses_of_every_kind_lock_the_second_factor) {
  for (int i = 0; i < 4; ++i) BOOST_TEST(login({{"totp", code(120 + i)}}).code() == 1005);
  for (int i = 0; i < 3; ++i) BOOST_TEST(login({{"recovery_code", "ABCDE-FGHJK"}}).code() == 1005);
  // A right one is taken, but forgives no wrong one.
  BOOST_TEST(login({{"totp", code(1)}}).code() == 0);
  BOOST_TEST(attempts() == "7");
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(confirm({{"totp", code(120)}}).code() == 1005);
  }
  const HttpReply locked = login({{"recovery_code", recovery_codes[0]}});
  BOOST_TEST(locked.code() == 1008);
  BOOST_TEST(locked.number("retry_after") > 840);
  BOOST_TEST(confirm_totp(token, "123456").code() == 1008);
  // The password's own lock is another one.
  BOOST_TEST(login().code() == 1013);
  run_script(users_ctl("user unlock " + person.phone()));
  BOOST_TEST(login({{"recovery_code", recovery_codes[0]}}).code() == 0);
}

BOOST_AUTO_TEST_CASE(right_ones_do_not_lengthen_the_time_of_wrong_ones) {
  for (int i = 0; i < 9; ++i) BOOST_TEST(login({{"totp", code(120 + i)}}).code() == 1005);
  const std::string soon = "UPDATE throttle SET resetTime = UTC_TIMESTAMP() + INTERVAL 60 SECOND ";
  query(soon + "WHERE bucket = 'factor:" + id() + "'");
  BOOST_TEST(login({{"totp", code(1)}}).code() == 0);
  BOOST_TEST(login({{"totp", code(120)}}).code() == 1005);
  const HttpReply locked = login({{"recovery_code", recovery_codes[0]}});
  BOOST_TEST(locked.code() == 1008);
  BOOST_TEST(locked.number("retry_after") <= 60);
}

BOOST_AUTO_TEST_CASE(of_many_guesses_at_once_ten_are_judged, *boost::unit_test::label("deep")) {
  std::atomic<int> judged{0};
  std::atomic<int> locked{0};
  in_parallel(16, 40, [&](int i) {
    query("DELETE FROM throttle WHERE bucket = 'login:" + person.e164() + "'");
    const int result = login({{"totp", std::to_string(100000 + i)}}).code();
    judged += result == 1005 || result == 0 ? 1 : 0;
    locked += result == 1008 ? 1 : 0;
  });
  BOOST_TEST(judged <= 10);
  BOOST_TEST(judged + locked == 40);
  BOOST_TEST(attempts() == "40");
}

BOOST_AUTO_TEST_CASE(one_code_on_all_workers_opens_one_session) {
  const std::string same = code(1);
  std::atomic<int> in{0};
  std::atomic<int> out{0};
  std::latch start(8);
  in_parallel(8, 8, [&](int) {
    start.arrive_and_wait();
    const int result = login({{"totp", same}}).code();
    in += result == 0 ? 1 : 0;
    out += result == 1005 ? 1 : 0;
  });
  BOOST_TEST(in == 1);
  BOOST_TEST(out == 7);
}

BOOST_AUTO_TEST_CASE(one_recovery_code_on_all_workers_opens_one_session,
                     *boost::unit_test::label("deep")) {
  std::atomic<int> in{0};
  std::latch start(8);
  in_parallel(8, 8, [&](int) {
    start.arrive_and_wait();
    in += login({{"recovery_code", recovery_codes[5]}}).code() == 0 ? 1 : 0;
  });
  BOOST_TEST(in == 1);
  BOOST_TEST(call("GET", "factors", token).number("recovery_codes") == 9);
}

BOOST_AUTO_TEST_CASE(the_last_recovery_code_is_told) {
  for (int left = 9; left >= 0; --left) {
    const HttpReply reply =
        login({{"recovery_code", recovery_codes[static_cast<std::size_t>(left)]}});
    BOOST_TEST(reply.text("recovery_codes_left") == std::to_string(left));
  }
  BOOST_TEST(texts_of(login(), "factors") == std::vector<std::string>({"totp"}));
}

BOOST_AUTO_TEST_CASE(changes_need_a_fresh_session) {
  const std::string factor = "factors/" + id_of_factor(token);
  let_session_age();
  const HttpReply stale = call("POST", "factors/totp", token);
  BOOST_TEST(stale.status == 401);
  BOOST_TEST(stale.code() == 1014);
  BOOST_TEST(confirm_totp(token, code(1)).code() == 1014);
  BOOST_TEST(call("POST", "factors/recovery", token).code() == 1014);
  BOOST_TEST(call("DELETE", factor, token).code() == 1014);
  // Everything else still works.
  BOOST_TEST(is_alive(token));
  BOOST_TEST(call("GET", "factors", token).code() == 0);
  // Confirming needs both.
  BOOST_TEST(confirm_by(token, {{"password", "wrong horse 42"}, {"totp", code(1)}}).code() == 1004);
  BOOST_TEST(confirm().code() == 1013);
  BOOST_TEST(confirm_by(token, {{"totp", code(1)}}).fields() == "password");
  BOOST_TEST(confirm_by("", {{"password", person.password()}}).code() == 1009);
  BOOST_TEST(call("DELETE", factor, token).code() == 1014);
  BOOST_TEST(confirm({{"totp", code(1)}}).code() == 0);
  BOOST_TEST(call("DELETE", factor, token).code() == 0);
}

BOOST_AUTO_TEST_CASE(with_a_second_factor_every_change_needs_a_fresh_session) {
  Person to;
  const std::string by_sms = to.code("phone");
  const std::string changed = "another horse 7";
  const auto change = [&] {
    return call("POST", "password", token, {},
                body_of({{"old_password", person.password()}, {"password", changed}}));
  };
  let_session_age();
  BOOST_TEST(change().code() == 1014);
  BOOST_TEST(change_phone(token, to, by_sms, person.password()).code() == 1014);
  BOOST_TEST(delete_account(token, person.password()).code() == 1014);
  BOOST_TEST(delete_account(token, "wrong horse 42").code() == 1004);
  // The code for the new phone is not used up.
  BOOST_TEST(confirm({{"totp", code(1)}}).code() == 0);
  BOOST_TEST(change_phone(token, to, by_sms, person.password()).code() == 0);
  BOOST_TEST(change().code() == 0);
  BOOST_TEST(delete_account(token, changed).code() == 0);
}

BOOST_AUTO_TEST_CASE(enrolling_makes_no_session_fresh) {
  query("UPDATE sessions SET authTime = authTime - INTERVAL 9 MINUTE WHERE user_id = " + id());
  const std::string before = call("GET", "me", token).text("authTime");
  BOOST_TEST(enrol().code() == 0);
  BOOST_TEST(call("GET", "me", token).text("authTime") == before);
}

BOOST_AUTO_TEST_CASE(a_first_code_that_is_sent_again_brings_the_same_recovery_codes) {
  const HttpReply again = confirm_totp(token, first_code);
  BOOST_TEST(again.code() == 0);
  BOOST_TEST(texts_of(again, "recovery_codes") == recovery_codes);
  BOOST_TEST(attempts() == "0");
  BOOST_TEST(login({{"recovery_code", recovery_codes[0]}}).code() == 0);
  // Not any more once the app was used.
  BOOST_TEST(login({{"totp", code(1)}}).code() == 0);
  for (const std::string& old : {first_code, code(1)}) {
    BOOST_TEST(confirm_totp(token, old).code() == 1005);
  }
}

BOOST_AUTO_TEST_CASE(a_host_that_is_no_issuer_is_replaced_by_the_services_name) {
  const HttpReply offer = call("POST", "factors/totp", token, {"Host: " + std::string(1200, 'a')});
  BOOST_TEST(offer.code() == 0);
  BOOST_TEST(contains(offer.text("uri"), "&issuer="));
  BOOST_TEST(offer.text("uri").size() < 300U);
}

BOOST_AUTO_TEST_CASE(a_confirmation_is_of_its_session_only) {
  const std::string other = login({{"totp", code(1)}}).text("token");
  let_session_age();
  BOOST_TEST(confirm({{"recovery_code", recovery_codes[0]}}).number("recovery_codes_left") == 9);
  BOOST_TEST(call("POST", "factors/totp", token).code() == 0);
  BOOST_TEST(call("POST", "factors/totp", other).code() == 1014);
  BOOST_TEST(call("GET", "me", token).text("amr") == R"(["pwd","recovery","mfa"])");
}

BOOST_AUTO_TEST_CASE(without_a_second_factor_the_password_confirms) {
  const Person plain = registered();
  const std::string own = plain.token();
  query("UPDATE sessions SET authTime = authTime - INTERVAL 11 MINUTE WHERE user_id = " +
        id_of(plain));
  BOOST_TEST(call("POST", "factors/totp", own).code() == 1014);
  BOOST_TEST(confirm_by(own, {{"password", plain.password()}, {"totp", "123456"}}).code() == 0);
  BOOST_TEST(call("POST", "factors/totp", own).code() == 0);
}

BOOST_AUTO_TEST_CASE(only_its_owner_removes_a_factor) {
  const Enrolled other;
  BOOST_TEST(call("DELETE", "factors/" + id_of_factor(other.token), token).code() == 9002);
  for (const char* none : {"factors/0", "factors/99999999", "factors/x", "factors/-1"}) {
    BOOST_TEST(call("DELETE", none, token).code() == 9002);
  }
  BOOST_TEST(call("DELETE", "factors/" + id_of_factor(token), "").code() == 1009);
  BOOST_TEST(login().code() == 1013);
}

BOOST_AUTO_TEST_CASE(a_removal_ends_the_other_sessions_and_logins_in_progress) {
  const std::string other = login({{"totp", code(1)}}).text("token");
  BOOST_TEST(is_alive(other));
  BOOST_TEST(call("DELETE", "factors/" + id_of_factor(token), token).code() == 0);
  BOOST_TEST(!is_alive(other));
  BOOST_TEST(is_alive(token));
  BOOST_TEST(query("SELECT COUNT(*) FROM recovery_codes WHERE user_id = " + id()) == "0");
}

BOOST_AUTO_TEST_CASE(a_disabled_account_is_1011_without_a_second_factor) {
  run_script(users_ctl("user disable --yes " + person.phone()));
  BOOST_TEST(login().code() == 1011);
  BOOST_TEST(login({{"totp", code(1)}}).code() == 1011);
}

BOOST_AUTO_TEST_CASE(a_phone_change_keeps_the_factors_and_a_deletion_ends_them) {
  Person to;
  const std::string by_sms = to.code("phone");
  BOOST_TEST(change_phone(token, to, by_sms, person.password()).code() == 0);
  const std::string user = query("SELECT id FROM users WHERE phone = '" + to.e164() + "'");
  BOOST_TEST(post("login", {{"phone", to.phone()}, {"password", person.password()}}).code() ==
             1013);
  BOOST_TEST(delete_account(token, person.password()).code() == 0);
  for (const char* table : {"factors", "recovery_codes", "totp_enrolments"}) {
    BOOST_TEST(query(std::string("SELECT COUNT(*) FROM ") + table + " WHERE user_id = " + user) ==
               "0");
  }
}

BOOST_AUTO_TEST_CASE(a_session_of_a_lower_level_is_none) {
  // As a program of the release before would have opened it.
  query("UPDATE sessions SET level = 1 WHERE user_id = " + id());
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(call("GET", "me", token).code() == 1009);
}

BOOST_AUTO_TEST_CASE(operators_see_who_guesses_and_what_a_recovery_code_did) {
  BOOST_TEST(login({{"recovery_code", recovery_codes[0]}}).code() == 0);
  BOOST_TEST(confirm({{"recovery_code", recovery_codes[1]}}).code() == 0);
  const Command audit = run_command(users_ctl("audit " + person.phone()));
  BOOST_TEST(says(audit, "login, recovery code"));
  BOOST_TEST(says(audit, "confirmed, recovery code"));
  for (int i = 0; i < 12; ++i) BOOST_TEST(login({{"totp", code(120 + i)}}).code() != 0);
  const Command shown = run_command(users_ctl("user show --json " + person.phone()));
  BOOST_TEST(says(shown, "\"wrong_second_factors\": 10"));
  BOOST_TEST(!says(shown, "\"second_factor_seconds_locked\": 0"));
  BOOST_TEST(says(shown, "\"seconds_locked\": 0"));
  for (const char* what : {"wrong", "locked"}) {
    BOOST_TEST(run_command(std::string("grep -q 'second factor: ") + what + ", user " + id() +
                           "$' \"$STATE/log/users/users.log\"")
                   .status == 0);
  }
  BOOST_TEST(says(run_command(users_ctl("user unlock " + person.phone())), "unlocked"));
}

BOOST_AUTO_TEST_CASE(operators_see_and_remove_factors) {
  const Command shown = run_command(users_ctl("user show --json " + person.phone()));
  BOOST_TEST(says(shown, "\"level\": 2"));
  BOOST_TEST(says(shown, "\"factors\": 1"));
  BOOST_TEST(says(shown, "\"recovery_codes\": 10"));
  BOOST_TEST(says(run_command(users_ctl("user sessions --json " + person.phone())), "pwd otp mfa"));
  BOOST_TEST(
      run_command(users_ctl("user remove-factors " + person.phone() + " </dev/null")).status != 0);
  BOOST_TEST(login().code() == 1013);
  const Command removed = run_command(users_ctl("user remove-factors --yes " + person.phone()));
  BOOST_TEST(removed.status == 0);
  BOOST_TEST(says(removed, "has no second factor and no passkey any more"));
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(login().code() == 0);
  BOOST_TEST(says(run_command(users_ctl("audit " + person.phone())), "factors removed"));
  BOOST_TEST(says(run_command(users_ctl("user remove-factors --yes " + person.phone())),
                  "nothing to change"));
}

BOOST_AUTO_TEST_CASE(with_another_key_file_a_factor_is_9000_and_the_log_says_why) {
  const users::Config config = users::load_config(state_folder() + "/users.conf", nullptr);
  const WorkerProcess worker(
      {.environment = {"USERS_FCGI_DATABASE_HOSTS=" + config.database_hosts.front(),
                       "USERS_FCGI_DATABASE_NAME=" + config.database_name,
                       "USERS_FCGI_DATABASE_USER=" + config.database_user,
                       "USERS_FCGI_DATABASE_PASSWORD_FILE=" + config.database_password_file}});
  const auto login_there = [&](Arguments more) {
    more.push_back({"phone", person.phone()});
    more.push_back({"password", person.password()});
    return worker.ask(fcgi::post("/users/login", body_of(more)));
  };
  BOOST_TEST(login_there({}).code() == 1013);
  BOOST_TEST(login_there({{"totp", code(1)}}).code() == 9000);
  BOOST_TEST(login_there({{"recovery_code", recovery_codes[0]}}).code() == 1005);
  BOOST_TEST(contains(worker.log(), "TOTP secret of user " + id() +
                                        " was sealed with another key: restore the old key_file"));
  // Nothing was used up.
  BOOST_TEST(login({{"totp", code(1)}}).code() == 0);
  BOOST_TEST(login({{"recovery_code", recovery_codes[0]}}).code() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
