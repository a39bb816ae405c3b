// Verification codes with concurrent requests, and with a phone that changes accounts.
#include <atomic>
#include <functional>
#include <future>

#include <boost/test/unit_test.hpp>

#include "support/budget.hpp"
#include "support/service.hpp"

using namespace users;
using namespace users::test;

namespace {

constexpr std::string_view kNewPassword = "another horse 7";

struct Fixture {
  ScratchDatabase database;
  Service one{issued()};
  Service other{issued()};
  std::string phone = fresh_phone();

  [[nodiscard]] Config issued() const {
    Config config = database.config();
    config.verification = CodeCheck::issued;
    return config;
  }

  Outcome ask(const std::string& purpose, std::string_view key = "") {
    return one.accounts.request_code(phone, purpose, key, {"192.0.2.1", ""});
  }
  std::string code(const std::string& purpose) {
    database.query("DELETE FROM throttle");
    BOOST_TEST_REQUIRE((ask(purpose).code == ResultCode::ok));
    return last_code(database);
  }
  ResultCode regist(std::string_view by, std::string_view key = "") {
    return one.accounts.regist({phone, kPassword, by, key}, fresh_client()).code;
  }
  Session session() {
    const LoginOutcome login = one.accounts.login(phone, kPassword, fresh_client());
    BOOST_TEST_REQUIRE((login.code == ResultCode::ok));
    return *one.accounts.find_session(login.session->token);
  }
};

std::string other_than(const std::string& code) {
  return code == "000000" ? "000001" : "000000";
}

/// Starts `second` while the transaction of `first` is held before `what`; returns both outcomes.
std::pair<Outcome, Outcome> overlap(ScratchDatabase& database, const std::string& what,
                                    const std::function<Outcome()>& first,
                                    const std::function<Outcome()>& second) {
  HeldTransactions held(database, what);
  auto one = std::async(std::launch::async, first);
  BOOST_TEST(held.wait_for_one());
  auto two = std::async(std::launch::async, second);
  BOOST_TEST(wait_until(30, [] { return row_lock_waits() == 1; }));
  held.let_go();
  return {one.get(), two.get()};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(codes, Fixture)

BOOST_AUTO_TEST_CASE(a_registration_sent_again_while_the_first_try_commits_is_answered_alike) {
  const std::string by = code("regist");
  const auto regist = [&](Service& service) {
    return service.accounts.regist({phone, kPassword, by, "key"}, fresh_client());
  };
  const auto [first, second] = overlap(
      database, "INSERT ON audit", [&] { return regist(one); }, [&] { return regist(other); });
  BOOST_TEST((first.code == ResultCode::ok));
  BOOST_TEST((second.code == ResultCode::ok));
  BOOST_TEST(database.query("SELECT COUNT(*) FROM users") == "1");
}

BOOST_AUTO_TEST_CASE(a_request_for_a_code_sent_again_at_the_same_time_is_answered_alike) {
  const auto ask_by = [&](Service& service) {
    return service.accounts.request_code(phone, "regist", "key", fresh_client());
  };
  const auto [first, second] = overlap(
      database, "INSERT ON verification_codes", [&] { return ask_by(one); },
      [&] { return ask_by(other); });
  BOOST_TEST((first.code == ResultCode::ok));
  BOOST_TEST((second.code == ResultCode::ok));
  BOOST_TEST(second.retry_after > 50U);
  BOOST_TEST(database.query("SELECT COUNT(*) FROM outbox") == "1");
}

BOOST_AUTO_TEST_CASE(a_code_and_its_message_are_stored_together_or_not_at_all) {
  database.query(
      "CREATE TRIGGER fail BEFORE INSERT ON verification_codes FOR EACH ROW SIGNAL SQLSTATE "
      "'45000'");
  BOOST_CHECK_THROW(ask("regist"), db::DatabaseError);
  BOOST_TEST(database.query("SELECT COUNT(*) FROM outbox") == "0");
  // The owner does not have to wait a minute for it either.
  BOOST_TEST(database.query("SELECT COUNT(*) FROM throttle") == "0");
}

BOOST_AUTO_TEST_CASE(the_message_of_a_code_that_was_replaced_is_not_sent) {
  static_cast<void>(code("regist"));
  const std::string by = code("regist");
  BOOST_TEST(database.query("SELECT GROUP_CONCAT(CONCAT(state, ' ', sealed IS NULL) ORDER BY id "
                            "SEPARATOR ',') FROM outbox") == "unsent 1,pending 0");
  // A code for another purpose replaces nothing.
  static_cast<void>(code("phone"));
  BOOST_TEST(database.query("SELECT COUNT(*) FROM outbox WHERE state = 'pending'") == "2");
  BOOST_TEST((regist(by) == ResultCode::ok));
}

BOOST_AUTO_TEST_CASE(what_a_former_owner_of_a_phone_asked_for_opens_nothing_of_the_next) {
  BOOST_TEST((regist(code("regist")) == ResultCode::ok));
  const std::string login = code("login");
  const std::string reset = code("reset");
  const std::string old = phone;
  const Session own = session();
  phone = fresh_phone();
  const std::string by = code("phone");
  BOOST_TEST((one.accounts.change_phone(own, phone, by, kPassword, fresh_client()).code ==
              ResultCode::ok));
  phone = old;
  BOOST_TEST((regist(code("regist")) == ResultCode::ok));
  BOOST_TEST((one.accounts.reset_password(old, reset, kNewPassword, fresh_client()).code ==
              ResultCode::wrong_code));
  BOOST_TEST(
      (one.accounts.login_by_code(old, login, fresh_client()).code == ResultCode::wrong_code));
  BOOST_TEST((one.accounts.login(old, kPassword, fresh_client()).code == ResultCode::ok));

  // The same if the phone moves to another account by a change of phone.
  const std::string again = code("reset");
  const Session second = session();
  BOOST_TEST(
      (one.accounts.delete_account(second, kPassword, fresh_client()).code == ResultCode::ok));
  database.query("UPDATE users SET phone = '+8613700000000'");
  database.query("DELETE FROM throttle");
  BOOST_TEST((ask("reset").code == ResultCode::ok));  // no account has this phone
  const std::string void_rows = "SELECT COUNT(*) FROM verification_codes WHERE phone = '+86" + old +
                                "' AND purpose = 'reset' AND codeHash = REPEAT('\\0', 32)";
  BOOST_TEST(database.query(void_rows) == "0");
  phone = "13700000000";
  const Session third = session();
  phone = old;
  const std::string prove = code("phone");
  BOOST_TEST((one.accounts.change_phone(third, old, prove, kPassword, fresh_client()).code ==
              ResultCode::ok));
  // Overwritten, not deleted: nobody must see that the phone now has an account.
  BOOST_TEST(database.query(void_rows) == "1");
  BOOST_TEST((one.accounts.reset_password(old, again, kNewPassword, fresh_client()).code ==
              ResultCode::wrong_code));
}

BOOST_AUTO_TEST_CASE(that_a_code_was_used_is_nobody_elses_to_know) {
  BOOST_TEST((regist(code("regist")) == ResultCode::ok));
  const auto guess = [&](const std::string& right) {
    std::string answers;
    for (int i = 0; i < 6; ++i) {
      const auto code = one.accounts.login_by_code(phone, other_than(right), fresh_client()).code;
      answers += std::to_string(static_cast<int>(code)) + " ";
    }
    return answers;
  };
  const std::string unused = guess(code("login"));
  const std::string used = code("login");
  BOOST_TEST((one.accounts.login_by_code(phone, used, fresh_client()).code == ResultCode::ok));
  BOOST_TEST(guess(used) == unused);
  BOOST_TEST(unused == "1005 1005 1005 1005 1006 1006 ");
}

BOOST_AUTO_TEST_CASE(messages_go_to_the_countries_that_are_named_and_to_no_other) {
  Config config = issued();
  config.sms_countries = {"CN", "HK"};
  Service abroad(std::move(config));
  const auto ask_for = [&](std::string_view number) {
    return abroad.accounts.request_code(number, "regist", "", fresh_client()).code;
  };
  BOOST_TEST((ask_for(phone) == ResultCode::ok));
  BOOST_TEST((ask_for("+85251234567") == ResultCode::ok));
  BOOST_TEST((ask_for("+12125550123") == ResultCode::invalid_arguments));
  abroad.config.sms_countries = {"HK"};
  BOOST_TEST((ask_for(fresh_phone()) == ResultCode::invalid_arguments));
}

BOOST_AUTO_TEST_CASE(every_limit_says_when_it_is_over) {
  const auto over = [&](const std::string& bucket, const std::function<Outcome()>& act) {
    database.query("DELETE FROM throttle");
    BOOST_TEST((act().code != ResultCode::too_many_requests));
    database.query("UPDATE throttle SET used = 1000 WHERE bucket LIKE '" + bucket +
                   ":%'; DELETE FROM throttle WHERE bucket NOT LIKE '" + bucket + ":%'");
    const Outcome outcome = act();
    BOOST_TEST((outcome.code == ResultCode::too_many_requests), bucket);
    return outcome.retry_after;
  };
  const auto asked = [&] { return ask("regist"); };
  const auto guessed = [&] { return one.accounts.login_by_code(phone, "123456", fresh_client()); };
  const auto in = [](unsigned seconds, unsigned told) {
    return told <= seconds && told + 30 > seconds;
  };
  BOOST_TEST(in(60, over("send", asked)));
  BOOST_TEST(in(60 * 60, over("send-hour", asked)));
  BOOST_TEST(in(24 * 60 * 60, over("send-day", asked)));
  BOOST_TEST(in(24 * 60 * 60, over("guess", guessed)));
  database.query("DELETE FROM throttle");
  database.query(leave_of_budget(0));
  const Outcome spent = asked();
  BOOST_TEST((spent.code == ResultCode::too_many_requests));
  BOOST_TEST(in(60 * 60, spent.retry_after));
}

BOOST_AUTO_TEST_CASE(what_is_not_sent_is_not_charged_and_the_budget_is_exact) {
  Config config = issued();
  // The 8 rows get unequal shares.
  config.sms_per_hour = 21;
  Service small(std::move(config));
  const auto ask_for = [&](const std::string& who, std::string_view purpose) {
    return small.accounts.request_code(who, purpose, "", {"192.0.2.1", ""}).code;
  };
  for (int i = 0; i < 60; ++i) BOOST_TEST((ask_for(fresh_phone(), "login") == ResultCode::ok));
  BOOST_TEST(database.query("SELECT COUNT(*) FROM outbox WHERE state = 'unsent'") == "60");
  for (int i = 0; i < 21; ++i) BOOST_TEST((ask_for(fresh_phone(), "regist") == ResultCode::ok));
  BOOST_TEST((ask_for(fresh_phone(), "regist") == ResultCode::too_many_requests));
  BOOST_TEST(database.query("SELECT COUNT(*) FROM outbox WHERE state = 'pending'") == "21");
  // Otherwise the answer would reveal who has an account.
  BOOST_TEST((ask_for(fresh_phone(), "login") == ResultCode::too_many_requests));
  // An hour later the budget is full again.
  database.query("UPDATE throttle SET resetTime = UTC_TIMESTAMP() WHERE bucket LIKE 'sms-hour:%'");
  BOOST_TEST((ask_for(fresh_phone(), "regist") == ResultCode::ok));
}

BOOST_AUTO_TEST_CASE(of_many_requests_at_once_the_budget_takes_as_many_as_it_has) {
  Config config = issued();
  config.sms_per_hour = 13;
  std::atomic<int> sent{0};
  in_parallel(8, 8, [&](int) {
    Service service(Config{config});
    for (int n = 0; n < 5; ++n) {
      const auto outcome =
          service.accounts.request_code(fresh_phone(), "regist", "", {"192.0.2.1", ""});
      if (outcome.code == ResultCode::ok) ++sent;
    }
  });
  BOOST_TEST(sent == 13);
}

BOOST_AUTO_TEST_CASE(requests_for_codes_share_no_row) {
  // 40 draws from 8 rows: the chance to hit fewer than 5 is one in ten thousand million.
  for (int i = 0; i < 40; ++i) {
    BOOST_TEST(
        (one.accounts
             .request_code(fresh_phone(), i % 2 == 0 ? "regist" : "login", "", fresh_client())
             .code == ResultCode::ok));
  }
  for (const std::string row : {"sms-hour:", "sms-hour-unsent:"}) {
    BOOST_TEST(std::stoi(database.query("SELECT COUNT(*) FROM throttle WHERE bucket LIKE '" + row +
                                        "%'")) > 3);
  }
}

BOOST_AUTO_TEST_SUITE_END()
