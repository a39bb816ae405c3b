// No reply may reveal who has an account. For timing see tests/slow/timing.
#include <boost/test/unit_test.hpp>

#include "support/person.hpp"

using namespace users::test;

namespace {

/// Status, headers and body, without what differs between any two replies.
std::string told_by(HttpReply reply) {
  reply.headers.erase("x-request-id");
  reply.headers.erase("date");
  std::string told = std::to_string(reply.status) + "\n";
  for (const auto& [name, value] : reply.headers)
    told.append(name).append(": ").append(value) += '\n';
  return told + reply.body;
}

struct Fixture {
  const Person known = registered();
  const Person unknown;

  /// Checks that both phones get the same reply in each language and form.
  void compare(const std::string& endpoint, const Arguments& arguments,
               const std::string& token = "") const {
    const std::vector<std::vector<std::string>> manners{
        {}, {"Accept-Language: en"}, {"Accept: text/plain"}};
    for (const auto& manner : manners) {
      const auto ask = [&](const Person& who) {
        Arguments with = arguments;
        with.push_back({"phone", who.phone()});
        const HttpReply reply = call("POST", endpoint, token, manner, body_of(with));
        let_time_pass_for(who.e164());
        return told_by(reply);
      };
      const std::string of_known = ask(known);
      const std::string of_unknown = ask(unknown);
      BOOST_TEST(of_known == of_unknown, endpoint << " tells " << of_known << " for a known phone, "
                                                  << of_unknown << " for an unknown one");
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(enumeration, Fixture)

BOOST_AUTO_TEST_CASE(a_wrong_password_is_answered_alike) {
  compare("login", {{"password", "another horse 42"}});
  compare("login", {{"password", "another horse 42"}, {"cookie", true}});
  compare("login", {{"password", ""}});
}

BOOST_AUTO_TEST_CASE(a_wrong_code_is_answered_alike_at_every_endpoint) {
  compare("login", {{"code", "123456"}});
  compare("reset", {{"code", "123456"}, {"password", "another horse 7"}});
  compare("regist", {{"code", "123456"}, {"password", "another horse 7"}});
}

BOOST_AUTO_TEST_CASE(a_weak_password_is_answered_alike) {
  compare("reset", {{"code", "123456"}, {"password", "12345678"}});
  compare("regist", {{"code", "123456"}, {"password", "12345678"}});
}

BOOST_AUTO_TEST_CASE(a_code_is_promised_alike_for_every_purpose) {
  for (const char* purpose : {"regist", "login", "reset", "phone"}) {
    compare("code", {{"purpose", purpose}});
  }
}

BOOST_AUTO_TEST_CASE(somebody_logged_in_learns_no_more_by_changing_the_phone) {
  Person spy = registered();
  const std::string token = spy.token();
  compare("phone", {{"code", "123456"}, {"password", spy.password()}}, token);
  compare("phone", {{"code", "123456"}, {"password", "wrong horse 42"}}, token);
}

BOOST_AUTO_TEST_CASE(a_locked_phone_is_answered_alike) {
  for (int i = 0; i < 11; ++i) {
    for (const Person* who : {&known, &unknown}) {
      post("login", {{"phone", who->phone()}, {"password", "another horse 42"}});
    }
  }
  const auto answer = [](const Person& who) {
    HttpReply reply = post("login", {{"phone", who.phone()}, {"password", "another horse 42"}});
    BOOST_TEST(reply.code() == 1008);
    reply.headers.erase("retry-after");
    reply.body.resize(std::min(reply.body.size(), reply.body.find("retry_after")));
    // The seconds left depend on when the lock began, and so does the length.
    reply.headers.erase("content-length");
    return told_by(reply);
  };
  BOOST_TEST(answer(known) == answer(unknown));
}

BOOST_AUTO_TEST_SUITE_END()
