// Verification codes: how often, for whom, how many guesses; and the life of an account with them.
#include <atomic>
#include <set>

#include <boost/test/unit_test.hpp>

#include "sms/outbox.hpp"
#include "stack/requests.hpp"

using namespace users::test;

namespace {

HttpReply ask(const Person& person, const std::string& purpose = "regist",
              std::vector<std::string> headers = {}) {
  return post("code", {{"phone", person.phone()}, {"purpose", purpose}}, std::move(headers));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codes, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(a_code_is_sent_once_and_registers_its_phone) {
  Person person;
  const std::string code = person.code("regist");
  BOOST_TEST(code.size() == 6U);
  BOOST_TEST(regist_by(person, code).code() == 0);
  BOOST_TEST(count_users(person.e164()) == 1);
  BOOST_TEST(codes_sent(person.e164(), "regist").size() == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_code_nobody_registers) {
  const Person person;
  BOOST_TEST(regist_by(person, "123456").code() == 1005);
  BOOST_TEST(count_users(person.e164()) == 0);
}

BOOST_AUTO_TEST_CASE(the_next_code_waits_a_minute_and_the_one_that_was_sent_stays) {
  Person person;
  const HttpReply first = ask(Person());
  BOOST_TEST(first.code() == 0);
  BOOST_TEST(first.number("retry_after") == 60);
  const std::string code = person.code("regist");
  const HttpReply second = ask(person);
  BOOST_TEST(second.status == 429);
  BOOST_TEST(second.code() == 1007);
  const int wait = second.number("retry_after");
  BOOST_TEST(wait > 50);
  BOOST_TEST(wait <= 60);
  BOOST_TEST(second.header("retry-after") == std::to_string(wait));
  // Other purposes and spellings share the phone's limit.
  for (const char* purpose : {"login", "reset", "phone"}) {
    BOOST_TEST(ask(person, purpose).code() == 1007);
  }
  BOOST_TEST(ask(Person("+86 " + person.phone())).code() == 1007);
  BOOST_TEST(regist_by(person, code).code() == 0);
}

BOOST_AUTO_TEST_CASE(five_an_hour_and_ten_a_day) {
  Person person;
  const auto minute_passes = [&] {
    query("DELETE FROM throttle WHERE bucket = 'send:" + person.e164() + "'");
  };
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(ask(person).code() == 0);
    minute_passes();
  }
  BOOST_TEST(ask(person).code() == 1007);
  query("DELETE FROM throttle WHERE bucket = 'send-hour:" + person.e164() + "'");
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(ask(person).code() == 0);
    minute_passes();
  }
  query("DELETE FROM throttle WHERE bucket = 'send-hour:" + person.e164() + "'");
  const HttpReply over = ask(person);
  BOOST_TEST(over.code() == 1007);
  BOOST_TEST(over.number("retry_after") > 23 * 3600);
}

BOOST_AUTO_TEST_CASE(a_refused_request_counts_nothing) {
  const Person person;
  BOOST_TEST(ask(person).code() == 0);
  for (int i = 0; i < 10; ++i) BOOST_TEST(ask(person).code() == 1007);
  BOOST_TEST(query("SELECT used FROM throttle WHERE bucket = 'send-day:" + person.e164() + "'") ==
             "1");
}

BOOST_AUTO_TEST_CASE(twenty_requests_at_once_send_one_message) {
  const Person person;
  std::atomic<int> sent{0};
  std::atomic<int> refused{0};
  in_parallel(20, 20, [&](int) {
    const int code = ask(person).code();
    if (code == 0) ++sent;
    if (code == 1007) ++refused;
  });
  BOOST_TEST(sent == 1);
  BOOST_TEST(refused == 19);
  BOOST_TEST(wait_until(30, [&] { return codes_sent(person.e164(), "regist").size() == 1; }));
}

BOOST_AUTO_TEST_CASE(the_same_key_again_sends_nothing) {
  const Person person;
  const std::vector<std::string> key{"Idempotency-Key: once"};
  BOOST_TEST(ask(person, "regist", key).code() == 0);
  const HttpReply again = ask(person, "regist", key);
  BOOST_TEST(again.code() == 0);
  BOOST_TEST(again.number("retry_after") > 50);
  BOOST_TEST(query("SELECT used FROM throttle WHERE bucket = 'send:" + person.e164() + "'") == "1");
}

BOOST_AUTO_TEST_CASE(a_code_is_for_one_phone_and_one_purpose) {
  Person one;
  Person other;
  one.regist();
  const std::string login = one.code("login");
  BOOST_TEST(ask(other, "regist").code() == 0);
  BOOST_TEST(regist_by(other, login).code() == 1005);
  BOOST_TEST(reset_by(one, login).code() == 1005);
  BOOST_TEST(login_by(one, login).code() == 0);
}

BOOST_AUTO_TEST_CASE(a_code_is_used_once) {
  Person person;
  person.regist();
  const std::string code = person.code("login");
  BOOST_TEST(login_by(person, code).code() == 0);
  BOOST_TEST(login_by(person, code).code() == 1006);
}

BOOST_AUTO_TEST_CASE(a_code_ends_after_its_lifetime) {
  Person person;
  const std::string code = person.code("regist");
  BOOST_TEST(query("SELECT TIMESTAMPDIFF(SECOND, createTime, expireTime) FROM verification_codes "
                   "WHERE phone = '" +
                   person.e164() + "'") == std::to_string(users::kCodeLifetime));
  query("UPDATE verification_codes SET expireTime = UTC_TIMESTAMP() WHERE phone = '" +
        person.e164() + "'");
  BOOST_TEST(regist_by(person, code).code() == 1005);
}

BOOST_AUTO_TEST_CASE(five_tries_use_a_code_up) {
  Person person;
  const std::string code = person.code("regist");
  for (int i = 0; i < 4; ++i) BOOST_TEST(regist_by(person, other_than(code)).code() == 1005);
  BOOST_TEST(regist_by(person, other_than(code)).code() == 1006);
  BOOST_TEST(regist_by(person, code).code() == 1006);
  BOOST_TEST(count_users(person.e164()) == 0);
}

BOOST_AUTO_TEST_CASE(a_new_code_does_not_reset_the_guesses_of_a_phone) {
  Person person;
  int guesses = 0;
  for (int code = 0; code < 5; ++code) {
    const std::string right = person.code("regist");
    query("DELETE FROM throttle WHERE bucket LIKE 'send%:" + person.e164() + "'");
    for (int i = 0; i < 5; ++i) {
      if (regist_by(person, other_than(right)).code() == 1007) continue;
      ++guesses;
    }
  }
  BOOST_TEST(guesses == 20);
  const std::string right = person.code("regist");
  BOOST_TEST(regist_by(person, right).code() == 1007);
}

BOOST_AUTO_TEST_CASE(guesses_in_parallel_over_all_workers_stay_in_the_budget) {
  Person person;
  const std::string right = person.code("regist");
  BOOST_TEST(regist_by(person, other_than(right)).code() == 1005);
  std::atomic<int> compared{1};
  over_all_workers("guess:" + person.e164(), 64, [&](int) {
    // 1005: the guess was counted against the code; all others were refused before.
    if (regist_by(person, other_than(right)).code() == 1005) ++compared;
  });
  BOOST_TEST(compared <= 5);
  BOOST_TEST(query("SELECT tries FROM verification_codes WHERE phone = '" + person.e164() + "'") ==
             "5");
  BOOST_TEST(regist_by(person, right).code() != 0);
}

BOOST_AUTO_TEST_CASE(one_right_code_sent_sixteen_times_at_once_works_once) {
  for (int round = 0; round < 3; ++round) {
    Person person;
    person.regist();
    const std::string code = person.code("login");
    std::atomic<int> sessions{0};
    in_parallel(16, 16, [&](int) {
      if (login_by(person, code).code() == 0) ++sessions;
    });
    BOOST_TEST(sessions == 1);
    BOOST_TEST(
        query("SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE phone = '" +
              person.e164() + "'") == "1");
  }
}

BOOST_AUTO_TEST_CASE(unknown_phones_get_the_same_answer_and_no_message) {
  Person known;
  known.regist();
  const Person unknown;
  for (const char* purpose : {"login", "reset"}) {
    const HttpReply yes = ask(known, purpose);
    const HttpReply no = ask(unknown, purpose);
    BOOST_TEST(yes.body == no.body);
    BOOST_TEST(yes.status == no.status);
    let_time_pass_for(known.e164());
    let_time_pass_for(unknown.e164());
  }
  // The last message requested goes out, so earlier ones would have, too.
  BOOST_TEST(wait_until(30, [&] { return codes_sent(known.e164(), "reset").size() == 1; }));
  BOOST_TEST(codes_sent(unknown.e164(), "login").empty());
  BOOST_TEST(codes_sent(unknown.e164(), "reset").empty());
}

BOOST_AUTO_TEST_CASE(a_known_phone_is_told_only_to_who_proved_it) {
  Person person;
  person.regist();
  BOOST_TEST(regist_by(person, "123456").code() == 1005);
  BOOST_TEST(regist_by(person, person.code("regist")).code() == 1002);
}

BOOST_AUTO_TEST_CASE(a_weak_password_does_not_cost_the_code) {
  Person person;
  const std::string code = person.code("regist");
  // More guesses than a code allows, but the reply does not tell whether the code is right.
  Person weak = person;
  for (const char* password :
       {"12345678", "password1", "12345678", "password", "password1", "11111111"}) {
    weak.remember_password(password);
    BOOST_TEST(regist_by(weak, code).code() == 1010);
  }
  BOOST_TEST(regist_by(weak, other_than(code)).code() == 1010);
  BOOST_TEST(regist_by(person, code).code() == 0);

  let_time_pass_for(person.e164());
  const std::string reset = person.code("reset");
  for (int i = 0; i < 6; ++i) {
    BOOST_TEST(reset_by(person, reset, "12345678").code() == 1010);
  }
  BOOST_TEST(reset_by(person, reset, "another horse 7").code() == 0);
  BOOST_TEST(query("SELECT COUNT(*) FROM throttle WHERE bucket = 'guess:" + person.e164() +
                   "' AND used > 2") == "0");
}

BOOST_AUTO_TEST_CASE(a_registration_retried_with_its_key_needs_no_second_code) {
  Person person;
  const std::string code = person.code("regist");
  const auto send = [&] {
    return post("regist",
                {{"phone", person.phone()}, {"password", person.password()}, {"code", code}},
                {"Idempotency-Key: r1"});
  };
  BOOST_TEST(send().code() == 0);
  BOOST_TEST(send().code() == 0);
  BOOST_TEST(count_users(person.e164()) == 1);
}

BOOST_AUTO_TEST_CASE(bad_arguments_are_named) {
  BOOST_TEST(post("code", {{"phone", "x"}}).fields() == "phone");
  // A landline and numbers of countries without messages, with and without accounts.
  for (const char* phone : {"02110000000", "+85251234567", "+12125550123", "+18765550123"}) {
    for (const char* purpose : {"regist", "login", "reset", "phone"}) {
      const HttpReply reply = post("code", {{"phone", phone}, {"purpose", purpose}});
      BOOST_TEST(reply.status == 400);
      BOOST_TEST(reply.fields() == "phone", phone);
    }
  }
  for (const users::json::Value& bad : {users::json::Value("fun"), users::json::Value(1U)}) {
    BOOST_TEST(post("code", {{"phone", fresh_phone()}, {"purpose", bad}}).fields() == "purpose");
  }
  BOOST_TEST(post("code", {}).fields() == "phone");
  BOOST_TEST(post("code", {{"phone", "x"}}).status == 400);
}

BOOST_AUTO_TEST_CASE(codes_are_six_digits_of_a_fair_source, *boost::unit_test::label("deep")) {
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    Person person;
    const std::string code = person.code("regist");
    BOOST_TEST(code.size() == 6U);
    BOOST_TEST(code.find_first_not_of("0123456789") == std::string::npos, code);
    seen.insert(code);
  }
  BOOST_TEST(seen.size() >= 19U);
}

BOOST_AUTO_TEST_CASE(a_persons_whole_life_by_curl) {
  const Command life =
      run_command(curl_environment() + "USERS_ORIGIN=" + origin() + " tests/life 2>&1");
  BOOST_TEST(life.status == 0, life.output);
  BOOST_TEST(life.output.ends_with("  the phone is free to register again\n"), life.output);
}

BOOST_AUTO_TEST_SUITE_END()
