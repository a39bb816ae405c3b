// Codes and passwords guessed over all workers at once, and what that does to the owner.
#include <atomic>
#include <set>

#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/person.hpp"

using namespace users::test;

namespace {

constexpr int kGuessesADay = 20;

/// A minute, an hour and a day pass for what was sent, not for what was guessed.
void let_sends_be_forgotten(const Person& person) {
  query("DELETE FROM throttle WHERE bucket LIKE 'send%:" + person.e164() + "'");
}

HttpReply guess(const Person& person, const std::string& endpoint, const std::string& code) {
  if (endpoint == "login") return post(endpoint, {{"phone", person.phone()}, {"code", code}});
  return post(endpoint,
              {{"phone", person.phone()}, {"code", code}, {"password", "another horse 7"}});
}

HttpReply wrong_password(const Person& person) {
  return post("login", {{"phone", person.phone()}, {"password", "another horse 42"}});
}

bool is_alive(const std::string& token) {
  return call("GET", "auth", token).status == 204;
}

/// How many of 16 equal requests sent at once succeed.
int successes(const std::function<HttpReply()>& request) {
  std::atomic<int> succeeded{0};
  in_parallel(16, 16, [&](int) {
    if (request().code() == 0) ++succeeded;
  });
  return succeeded;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(guessing)

BOOST_AUTO_TEST_CASE(new_codes_and_other_purposes_bring_no_further_guesses_in_parallel) {
  Person victim;
  victim.regist();
  std::atomic<int> compared{0};
  const std::vector<std::string> endpoints{"login", "reset", "regist"};
  // Six rounds of three codes of five tries would be 90 guesses.
  for (int round = 0; round < 6; ++round) {
    for (const std::string& endpoint : endpoints) {
      victim.code(endpoint);
      let_sends_be_forgotten(victim);
    }
    in_parallel(16, 48, [&](int i) {
      const auto& endpoint = endpoints[static_cast<std::size_t>(i) % endpoints.size()];
      const std::string code = std::to_string(100'000 + round * 1000 + i);
      const int answer = guess(victim, endpoint, code).code();
      if (answer == 1005 || answer == 1006) ++compared;
    });
  }
  BOOST_TEST(compared == kGuessesADay);
  const std::string right = victim.code("login");
  BOOST_TEST(guess(victim, "login", right).code() == 1007);
}

BOOST_AUTO_TEST_CASE(a_right_code_sent_sixteen_times_at_once_registers_once) {
  Person person;
  const std::string code = person.code("regist");
  BOOST_TEST(successes([&] { return guess(person, "regist", code); }) == 1);
  BOOST_TEST(count_users(person.e164()) == 1);
}

BOOST_AUTO_TEST_CASE(a_right_code_sent_sixteen_times_at_once_resets_once) {
  Person person;
  person.regist();
  const std::string code = person.code("reset");
  BOOST_TEST(successes([&] { return guess(person, "reset", code); }) == 1);
}

BOOST_AUTO_TEST_CASE(a_right_code_sent_sixteen_times_at_once_changes_the_phone_once) {
  Person person;
  person.regist();
  Person next;
  const std::string code = next.code("phone");
  const std::string token = person.token();
  const std::string body =
      nlohmann::json{{"phone", next.phone()}, {"code", code}, {"password", person.password()}}
          .dump();
  BOOST_TEST(successes([&] { return call("POST", "phone", token, {}, body); }) == 1);
  BOOST_TEST(count_users(next.e164()) == 1);
  BOOST_TEST(count_users(person.e164()) == 0);
}

BOOST_AUTO_TEST_CASE(a_code_sent_for_one_of_two_phones_at_once_serves_only_that_one) {
  Person owner;
  Person thief;
  const std::string code = owner.code("regist");
  std::atomic<int> stolen{0};
  std::atomic<int> own{0};
  in_parallel(8, 8, [&](int i) {
    const bool theft = i % 2 == 0;
    if (guess(theft ? thief : owner, "regist", code).code() == 0) ++(theft ? stolen : own);
  });
  BOOST_TEST(stolen == 0);
  BOOST_TEST(own == 1);
}

BOOST_AUTO_TEST_CASE(passwords_guessed_in_every_spelling_of_the_phone_share_one_budget) {
  Person victim;
  victim.regist();
  std::string full_width;
  for (const char digit : victim.phone()) {
    full_width += "\xEF\xBC";
    full_width += static_cast<char>(0x90 + (digit - '0'));
  }
  const std::vector<std::string> spellings{
      victim.phone(),
      "+86" + victim.phone(),
      "+86 " + victim.phone(),
      "0086" + victim.phone(),
      full_width,
      victim.phone().substr(0, 3) + "-" + victim.phone().substr(3)};
  std::atomic<int> compared{0};
  in_parallel(12, 48, [&](int i) {
    const auto& spelling = spellings[static_cast<std::size_t>(i) % spellings.size()];
    if (wrong_password(Person(spelling)).code() == 1004) ++compared;
  });
  BOOST_TEST(compared == 10);
}

BOOST_AUTO_TEST_CASE(a_lockout_used_against_a_victim_ends_no_session_and_shuts_out_no_owner) {
  Person victim;
  victim.regist();
  const std::string session = victim.token();
  std::atomic<bool> attacking{true};
  std::atomic<bool> refused{false};
  std::atomic<int> locked{0};
  std::atomic<int> in_by_code{0};
  std::atomic<int> kept{0};
  in_parallel(5, 5, [&](int i) {
    if (i > 0) {
      while (attacking) {
        if (wrong_password(victim).code() == 1008) refused = true;
      }
      return;
    }
    wait_until(30, [&] { return refused.load(); });
    if (victim.login().code() == 1008) ++locked;
    const std::string code = victim.code("login");
    if (guess(victim, "login", code).code() == 0) ++in_by_code;
    if (is_alive(session)) ++kept;
    attacking = false;
  });
  BOOST_TEST(locked == 1);
  BOOST_TEST(in_by_code == 1);
  BOOST_TEST(kept == 1);
}

BOOST_AUTO_TEST_CASE(
    whoever_spends_every_limit_of_a_victim_ends_no_session_and_the_operator_undoes_it) {
  Person victim;
  victim.regist();
  const std::string session = victim.token();
  const std::string code = victim.code("login");
  in_parallel(12, 48, [&](int i) {
    if (i % 2 == 0) wrong_password(victim);
    if (i % 2 == 1) guess(victim, "login", "00000" + std::to_string(i % 10));
  });
  // The price of a bound on guesses that nobody can get around.
  BOOST_TEST(victim.login().code() == 1008);
  BOOST_TEST(guess(victim, "login", code).code() == 1007);
  BOOST_TEST(is_alive(session));
  as_operator("user unlock " + victim.e164());
  BOOST_TEST(victim.login().code() == 0);
  BOOST_TEST(is_alive(session));
}

BOOST_AUTO_TEST_CASE(tokens_guessed_in_parallel_never_open_a_session) {
  Person person;
  person.regist();
  const std::string token = person.token();
  std::atomic<int> opened{0};
  in_parallel(16, 320, [&](int i) {
    std::string near = token;
    const auto at = static_cast<std::size_t>(i) % near.size();
    // The last character holds two bits that mean nothing: another there must not pass either.
    near[at] = near[at] == 'A' ? 'B' : static_cast<char>(near[at] == 'z' ? 'y' : 'z');
    if (is_alive(near) || is_alive(token.substr(0, at)) || is_alive(token + "A")) ++opened;
  });
  BOOST_TEST(opened == 0);
  for (const char last :
       std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) {
    std::string spelling = token;
    spelling.back() = last;
    BOOST_TEST(is_alive(spelling) == (spelling == token), spelling.back());
  }
  BOOST_TEST(is_alive(token));
}

BOOST_AUTO_TEST_SUITE_END()
