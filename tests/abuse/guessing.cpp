// Guesses at codes and passwords through all workers at once, and their effect on the owner.
#include <atomic>
#include <latch>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/authenticator.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

constexpr int kGuessesADay = 20;

HttpReply guess(const Person& person, const std::string& endpoint, const std::string& code) {
  if (endpoint == "login") return post(endpoint, {{"phone", person.phone()}, {"code", code}});
  return post(endpoint,
              {{"phone", person.phone()}, {"code", code}, {"password", "another horse 7"}});
}

HttpReply wrong_password(const Person& person) {
  return post("login", {{"phone", person.phone()}, {"password", "another horse 42"}});
}

/// The statements of the service that the database executes from now on, by its own log.
class ExecutedStatements {
 public:
  ExecutedStatements() {
    query("TRUNCATE mysql.general_log; SET GLOBAL log_output = 'TABLE', general_log = ON");
  }
  ~ExecutedStatements() {
    query("SET GLOBAL general_log = OFF, log_output = 'FILE'; TRUNCATE mysql.general_log");
  }
  ExecutedStatements(const ExecutedStatements&) = delete;
  ExecutedStatements& operator=(const ExecutedStatements&) = delete;

  /// How many begin with `text`, a pattern of LIKE.
  [[nodiscard]] static int count(const std::string& text) {
    return std::stoi(
        query("SELECT COUNT(*) FROM mysql.general_log WHERE command_type = 'Execute' AND argument "
              "LIKE '" +
              text + "%'"));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(guessing)

BOOST_AUTO_TEST_CASE(new_codes_and_other_purposes_bring_no_further_guesses_in_parallel) {
  Person victim = registered();
  int compared = 0;
  const char* const endpoints[] = {"login", "reset", "regist"};
  // Six rounds of three codes with five tries would be 90 guesses.
  for (int round = 0; round < 6; ++round) {
    for (const char* endpoint : endpoints) {
      victim.code(endpoint);
      // Time passes for the messages sent, but not for the guesses.
      query("DELETE FROM throttle WHERE bucket LIKE 'send%:" + victim.e164() + "'");
    }
    auto codes = codes_in_parallel(16, 48, [&](int i) {
      return guess(victim, endpoints[i % 3], std::to_string(100'000 + round * 1000 + i)).code();
    });
    compared += codes[1005] + codes[1006];
  }
  BOOST_TEST(compared == kGuessesADay);
  const std::string right = victim.code("login");
  BOOST_TEST(guess(victim, "login", right).code() == 1007);
}

BOOST_AUTO_TEST_CASE(a_right_code_sent_sixteen_times_at_once_counts_once) {
  Person person;
  const auto successes = [&](const char* endpoint, const Arguments& arguments,
                             const std::string& token = "") {
    return codes_in_parallel(16, 16, [&](int) {
      return call("POST", endpoint, token, {}, body_of(arguments)).code();
    })[0];
  };
  const auto arguments = [&](const Person& who, const std::string& code) -> Arguments {
    return {{"phone", who.phone()}, {"password", person.password()}, {"code", code}};
  };
  BOOST_TEST(successes("regist", arguments(person, person.code("regist"))) == 1);
  BOOST_TEST(count_users(person.e164()) == 1);
  let_time_pass_for(person.e164());
  BOOST_TEST(successes("reset", arguments(person, person.code("reset"))) == 1);
  Person next;
  BOOST_TEST(successes("phone", arguments(next, next.code("phone")), person.token()) == 1);
  BOOST_TEST(count_users(next.e164()) == 1);
  BOOST_TEST(count_users(person.e164()) == 0);
}

BOOST_AUTO_TEST_CASE(a_code_sent_for_one_of_two_phones_at_once_serves_only_that_one) {
  Person owner;
  Person thief;
  const std::string code = owner.code("regist");
  auto codes = codes_in_parallel(
      8, 8, [&](int i) { return guess(i % 2 == 0 ? thief : owner, "regist", code).code(); });
  BOOST_TEST(codes[0] == 1);
  BOOST_TEST(count_users(thief.e164()) == 0);
}

BOOST_AUTO_TEST_CASE(passwords_guessed_in_every_spelling_of_the_phone_share_one_budget) {
  Person victim = registered();
  std::string full_width;
  for (const char digit : victim.phone()) {
    full_width += "\xEF\xBC";
    full_width += static_cast<char>(0x90 + (digit - '0'));
  }
  const std::string& phone = victim.phone();
  const std::string spellings[] = {phone,          victim.e164(),
                                   "+86 " + phone, "0086" + phone,
                                   full_width,     phone.substr(0, 3) + "-" + phone.substr(3)};
  auto codes = codes_in_parallel(
      12, 48, [&](int i) { return wrong_password(Person(spellings[i % 6])).code(); });
  BOOST_TEST(codes[1004] == 10);
}

BOOST_AUTO_TEST_CASE(a_lockout_used_against_a_victim_ends_no_session_and_shuts_out_no_owner) {
  Person victim = registered();
  const std::string session = victim.token();
  std::atomic<bool> refused{false};
  std::vector<std::jthread> attackers;
  for (int i = 0; i < 4; ++i) {
    attackers.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        if (wrong_password(victim).code() == 1008) refused = true;
      }
    });
  }
  BOOST_TEST(wait_until(30, [&] { return refused.load(); }));
  BOOST_TEST(victim.login().code() == 1008);
  BOOST_TEST(guess(victim, "login", victim.code("login")).code() == 0);
  BOOST_TEST(is_alive(session));
}

BOOST_AUTO_TEST_CASE(
    whoever_spends_every_limit_of_a_victim_ends_no_session_and_the_operator_undoes_it) {
  Person victim = registered();
  const std::string session = victim.token();
  const std::string code = victim.code("login");
  in_parallel(12, 48, [&](int i) {
    if (i % 2 == 0) wrong_password(victim);
    if (i % 2 == 1) guess(victim, "login", "00000" + std::to_string(i % 10));
  });
  // The price of a limit on guesses that cannot be bypassed.
  BOOST_TEST(victim.login().code() == 1008);
  BOOST_TEST(guess(victim, "login", code).code() == 1007);
  BOOST_TEST(is_alive(session));
  as_operator("user unlock " + victim.e164());
  BOOST_TEST(victim.login().code() == 0);
  BOOST_TEST(is_alive(session));
}

BOOST_AUTO_TEST_CASE(of_sixteen_parallel_uses_of_one_authenticator_code_one_wins_every_time) {
  constexpr int kRounds = 300;
  constexpr int kAtOnce = 16;
  const Enrolled victim;
  const std::string of_victim = " WHERE user_id = " + victim.id();
  const std::string own_session = query("SELECT MAX(id) FROM sessions" + of_victim);
  std::map<int, int> rounds_by_winners;
  for (int round = 0; round < kRounds; ++round) {
    victim.forget_used_codes();
    query("DELETE FROM throttle WHERE bucket IN ('factor:" + victim.id() +
          "', 'login:" + victim.person.e164() + "'); DELETE FROM sessions" + of_victim +
          " AND id > " + own_session);
    const std::string code = victim.code();
    std::latch start(kAtOnce);
    ++rounds_by_winners[codes_in_parallel(kAtOnce, kAtOnce, [&](int i) {
      start.arrive_and_wait();
      if (i % 2 == 0) return victim.login({{"totp", code}}).code();
      return victim.confirm({{"totp", code}}).code();
    })[0]];
  }
  for (const auto& [winners, rounds] : rounds_by_winners) {
    BOOST_TEST(winners == 1, rounds << " rounds had " << winners << " winners");
  }
}

BOOST_AUTO_TEST_CASE(of_two_hundred_guesses_at_a_second_factor_ten_are_judged) {
  constexpr int kGuesses = 200;
  constexpr int kAllowed = 10;
  const Enrolled victim;
  const ExecutedStatements executed;
  auto codes = codes_in_parallel(16, kGuesses, [&](int i) {
    // The limit of passwords would hide this one.
    query("DELETE FROM throttle WHERE bucket = 'login:" + victim.person.e164() + "'");
    const std::string number = std::to_string(100 + i);
    const Arguments guess = i % 2 == 0 ? Arguments{{"totp", "000" + number}}
                                       : Arguments{{"recovery_code", "ABCDE-FG" + number}};
    return (i % 4 < 2 ? victim.login(guess) : victim.confirm(guess)).code();
  });
  const int judged =
      ExecutedStatements::count("SELECT %FROM factors WHERE user_id = ? AND kind = _totp_") +
      ExecutedStatements::count("SELECT %FROM recovery_codes WHERE user_id = ? AND codeHash");
  BOOST_TEST(judged == kAllowed);
  BOOST_TEST(codes[1005] == kAllowed);
  BOOST_TEST(codes[1008] == kGuesses - kAllowed);
  BOOST_TEST(victim.attempts() == std::to_string(kGuesses));
}

BOOST_AUTO_TEST_CASE(tokens_guessed_in_parallel_never_open_a_session) {
  Person person = registered();
  const std::string token = person.token();
  std::atomic<int> opened{0};
  in_parallel(16, 320, [&](int i) {
    std::string near = token;
    const auto at = static_cast<std::size_t>(i) % near.size();
    // The last character has two unused bits, which must not be ignored.
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
