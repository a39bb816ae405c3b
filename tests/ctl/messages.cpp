// Waiting, repeated and test messages; and the last code, for development.
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "ctl/operator.hpp"
#include "stack/requests.hpp"

using namespace users::test;

namespace {

/// Sets what the tests' gateway does with the next messages to a phone.
void plan_trouble(const Person& person, const std::string& trouble) {
  std::ofstream(state_folder() + "/spool/sms.log." + person.e164()) << trouble << '\n';
}

/// A message to `person` that has failed once and waits for an hour; returns its id.
std::string waiting_message(const Person& person) {
  const std::string before = query("SELECT COALESCE(MAX(id), 0) FROM outbox");
  plan_trouble(person, "fail75");
  BOOST_TEST_REQUIRE(post("code", {{"phone", person.phone()}}).code() == 0);
  std::string id = query("SELECT MAX(id) FROM outbox WHERE id > " + before);
  const std::string row = " FROM outbox WHERE id = " + id;
  // Failed, not merely leased to a courier: its plan is used up.
  BOOST_TEST_REQUIRE(wait_until(30, [&] {
    return query("SELECT attempts" + row) == "1" &&
           query("SELECT nextTime < UTC_TIMESTAMP() + INTERVAL 10 SECOND" + row) == "1";
  }));
  query("UPDATE outbox SET nextTime = UTC_TIMESTAMP() + INTERVAL 1 HOUR WHERE id = " + id);
  return id;
}

std::size_t sent_to(const Person& person) {
  return codes_sent(person.e164(), "regist").size();
}

/// The row of `sms pending` with this id.
nlohmann::json pending(const std::string& id) {
  for (const auto& row : ctl({"sms", "pending", "--limit", "10000", "--json"}).json()) {
    if (row["id"].dump() == id) return row;
  }
  return nullptr;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(messages)

BOOST_AUTO_TEST_CASE(pending_shows_what_waits_without_its_code) {
  const Person person;
  const std::string id = waiting_message(person);
  const auto row = pending(id);
  BOOST_TEST_REQUIRE(row.is_object());
  BOOST_TEST(row.value("phone", "") == person.e164());
  BOOST_TEST(row.value("purpose", "") == "regist");
  BOOST_TEST(row.value("attempts", 0) == 1);
  BOOST_TEST(row.value("expires", "").ends_with("Z"));
  const CtlResult tabs = ctl({"sms", "pending"});
  BOOST_TEST(tabs.output.find(person.e164()) != std::string::npos);

  BOOST_TEST(ctl({"sms", "retry", id}).output == id + "\tdue now\n");
  BOOST_TEST(wait_until(30, [&] { return sent_to(person) == 1; }));
  BOOST_TEST(wait_until(30, [&] { return pending(id).is_null(); }));
  const std::string code = codes_sent(person.e164(), "regist").back();
  for (const auto& line : rows_of(tabs.output)) {
    BOOST_TEST_REQUIRE(line.size() == 7U);
    BOOST_TEST((std::ranges::find(line, code) == line.end()));
  }
}

BOOST_AUTO_TEST_CASE(a_message_sealed_with_another_key_is_listed_all_the_same) {
  query(
      "INSERT INTO outbox (sealed, state, createTime, nextTime, expireTime) VALUES ('garbage', "
      "'pending', UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL 1 HOUR, UTC_TIMESTAMP() + INTERVAL 1 "
      "HOUR)");
  const std::string id = query("SELECT MAX(id) FROM outbox WHERE sealed = 'garbage'");
  const auto row = pending(id);
  query("DELETE FROM outbox WHERE id = " + id);
  BOOST_TEST_REQUIRE(row.is_object());
  BOOST_TEST(row.value("phone", "none") == "");
}

BOOST_AUTO_TEST_CASE(retry_never_pretends) {
  const Person sent;
  const Person given_up;
  const Person expired;
  const std::string waiting = waiting_message(expired);
  const std::string sent_id = waiting_message(sent);
  BOOST_TEST(ctl({"sms", "retry", sent_id}).status == 0);
  BOOST_TEST_REQUIRE(wait_until(
      10, [&] { return query("SELECT state FROM outbox WHERE id = " + sent_id) == "sent"; }));
  plan_trouble(given_up, "fail1");
  post("code", {{"phone", given_up.phone()}});
  const std::string failed_id = query("SELECT MAX(id) FROM outbox");
  BOOST_TEST_REQUIRE(wait_until(
      10, [&] { return query("SELECT state FROM outbox WHERE id = " + failed_id) == "failed"; }));
  post("code", {{"phone", Person().phone()}, {"purpose", "login"}});
  const std::string unsent_id = query("SELECT MAX(id) FROM outbox");
  query("UPDATE outbox SET expireTime = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE id = " + waiting);

  const std::string before = query("SELECT COUNT(*) FROM audit WHERE user_id = 0");
  const CtlResult result =
      ctl({"sms", "retry", waiting, sent_id, failed_id, unsent_id, "99999999999"});
  BOOST_TEST(result.status == 1);
  const auto rows = rows_of(result.output);
  BOOST_TEST_REQUIRE(rows.size() == 5U);
  const std::string reasons[] = {"expired", "sent already", "given up", "was not to be sent",
                                 "there is no such message"};
  for (std::size_t i = 0; i < rows.size(); ++i) BOOST_TEST(rows[i][1].starts_with(reasons[i]));
  BOOST_TEST(query("SELECT COUNT(*) FROM audit WHERE user_id = 0") == before);
  BOOST_TEST(query("SELECT nextTime > UTC_TIMESTAMP() FROM outbox WHERE id = " + waiting) == "1");
  query("DELETE FROM outbox WHERE id = " + waiting);
}

BOOST_AUTO_TEST_CASE(retry_of_all_makes_every_waiting_one_due) {
  const Person one;
  const Person two;
  waiting_message(one);
  waiting_message(two);
  const CtlResult result = ctl({"sms", "retry"});
  BOOST_TEST(result.status == 0);
  BOOST_TEST(result.output == "2 messages are due now; the courier takes them next\n");
  BOOST_TEST(wait_until(30, [&] { return sent_to(one) == 1 && sent_to(two) == 1; }));
  BOOST_TEST_REQUIRE(wait_until(
      10, [] { return query("SELECT COUNT(*) FROM outbox WHERE state = 'pending'") == "0"; }));
  BOOST_TEST(ctl({"sms", "retry"}).output == "no message waits that could still be sent\n");
  const auto events = rows_of(ctl({"audit", "#0", "--limit", "1"}).output);
  BOOST_TEST_REQUIRE(events.size() == 1U);
  BOOST_TEST(events[0][1] == "messages retried");
  BOOST_TEST(events[0][2] == operator_on_duty());
}

BOOST_AUTO_TEST_CASE(retry_leaves_alone_what_a_courier_is_at) {
  const Person person;
  const std::string id = waiting_message(person);
  const std::string row = " FROM outbox WHERE id = " + id;
  query("UPDATE outbox SET takeTime = UTC_TIMESTAMP() WHERE id = " + id);
  const CtlResult one = ctl({"sms", "retry", id});
  BOOST_TEST(one.status == 1);
  BOOST_TEST(one.output == id + "\tbeing sent: a courier is at it\n");
  BOOST_TEST(ctl({"sms", "retry"}).output == "no message waits that could still be sent\n");
  BOOST_TEST(query("SELECT nextTime > UTC_TIMESTAMP()" + row) == "1");
  // Its courier has been gone for long.
  query("UPDATE outbox SET nextTime = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE id = " + id);
  BOOST_TEST(wait_until(30, [&] { return sent_to(person) == 1; }));
}

BOOST_AUTO_TEST_CASE(test_sends_one_message_through_the_command_and_needs_no_database) {
  const Person person;
  const CtlResult result = ctl({"sms", "test", "+86 " + person.phone()}, "",
                               {"USERS_FCGI_DATABASE_HOSTS=/nonexistent/socket"});
  BOOST_TEST(result.status == 0);
  BOOST_TEST(result.output.find("took the test message to " + person.e164()) != std::string::npos);
  const auto codes = codes_sent(person.e164(), "regist");
  BOOST_TEST_REQUIRE(codes.size() == 1U);
  BOOST_TEST(codes[0] == "000000");
}

BOOST_AUTO_TEST_CASE(test_tells_why_it_was_not_sent) {
  for (const auto& [plan, reason] : {std::pair{"fail75", "asks to try again later"},
                                     {"slow", "took longer than 1 seconds"},
                                     {"fail1", "gave the message up"}}) {
    BOOST_TEST_CONTEXT(plan) {
      const Person person;
      plan_trouble(person, plan);
      const CtlResult result =
          ctl({"sms", "test", person.phone()}, "", {"USERS_FCGI_SMS_TIMEOUT=1"});
      BOOST_TEST(result.status == 1);
      BOOST_TEST(result.output == "");
      BOOST_TEST(result.errors.find(reason) != std::string::npos);
      // The program's own output, too.
      BOOST_TEST((result.errors.find("the provider says no") != std::string::npos) ==
                 (reason == std::string("gave the message up")));
      BOOST_TEST(sent_to(person) == 0U);
    }
  }
  const CtlResult missing =
      ctl({"sms", "test", "13900000000"}, "", {"USERS_FCGI_SMS_COMMAND=/nonexistent/send-sms"});
  BOOST_TEST(missing.status == 1);
  BOOST_TEST(missing.errors.find("/nonexistent/send-sms") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(otp_tells_what_became_of_each_code_and_never_the_code) {
  Person person;
  person.regist();
  const std::string code = person.code("login");
  const auto newest = [&] { return ctl({"otp", person.phone(), "--json"}).json()[0]; };
  BOOST_TEST(newest().value("purpose", "") == "login");
  BOOST_TEST(newest().value("state", "") == "valid");
  BOOST_TEST(wait_until(30, [&] { return newest().value("message", "") == "sent"; }));
  BOOST_TEST(newest().value("attempts", 0) == 1);
  BOOST_TEST(newest().value("done", "").ends_with("Z"));
  BOOST_TEST(newest().value("created", "").ends_with("Z"));
  BOOST_TEST(login_by(person, "x").code() == 1001);
  BOOST_TEST(login_by(person, code).code() == 0);
  BOOST_TEST(newest().value("state", "") == "used");
  BOOST_TEST(newest().value("tries", 1) == 0);
  const std::string row = " WHERE purpose = 'login' AND phone = '" + person.e164() + "'";
  query("UPDATE verification_codes SET consumeTime = NULL, tries = 5" + row);
  BOOST_TEST(newest().value("state", "") == "guessed");
  query("UPDATE verification_codes SET expireTime = UTC_TIMESTAMP()" + row);
  BOOST_TEST(newest().value("state", "") == "expired");
  query("DELETE o FROM outbox o JOIN verification_codes c ON c.message_id = o.id" + row);
  BOOST_TEST(newest().value("message", "") == "gone");
  const CtlResult tabs = ctl({"otp", person.phone()});
  BOOST_TEST(rows_of(tabs.output).size() == 2U);
  BOOST_TEST(tabs.output.find(code) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(otp_tells_that_a_phone_without_an_account_was_sent_nothing) {
  const Person nobody;
  BOOST_TEST(ctl({"otp", nobody.phone()}).output == "");
  BOOST_TEST(post("code", {{"phone", nobody.phone()}, {"purpose", "reset"}}).code() == 0);
  BOOST_TEST(ctl({"otp", nobody.phone(), "--json"}).json()[0].value("message", "") == "unsent");
}

BOOST_AUTO_TEST_SUITE_END()
