// Commands that end sessions ask first; secrets are typed without echo.
#include <boost/test/unit_test.hpp>

#include "ctl/operator.hpp"

using namespace users::test;

namespace {

struct Fixture : Account {
  std::string token = person.token();
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(asking, Fixture)

BOOST_AUTO_TEST_CASE(without_a_terminal_nothing_happens_unless_yes_is_said) {
  const std::string other = fresh_phone();
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"user", "disable", person.phone()},
        {"user", "passwd", person.phone()},
        {"user", "set-hash", person.phone()},
        {"user", "rename-phone", person.phone(), other},
        {"user", "end-sessions", person.phone()},
        {"user", "delete", person.phone()}}) {
    BOOST_TEST_CONTEXT(command[1]) {
      const CtlResult result = ctl(command, "y\n");
      BOOST_TEST(result.status == 64);
      BOOST_TEST(result.output == "");
      BOOST_TEST(result.errors.find("say --yes") != std::string::npos);
    }
  }
  BOOST_TEST(is_alive(token));
  BOOST_TEST(person.login().code() == 0);
}

BOOST_AUTO_TEST_CASE(the_question_says_what_will_happen_and_no_is_no) {
  for (const std::string answer : {"", "n", "no", "yess", "Yes please"}) {
    BOOST_TEST_CONTEXT("answer '" << answer << "'") {
      Terminal terminal({"user", "end-sessions", person.phone()});
      BOOST_TEST(terminal.expect(person.e164() + ", sessions alive: 1: all its sessions end."));
      BOOST_TEST(terminal.expect("Go on? [y/N] "));
      terminal.type(answer);
      BOOST_TEST(terminal.finish() == 1);
      BOOST_TEST(terminal.shown().find("nothing was changed") != std::string::npos);
    }
  }
  BOOST_TEST(is_alive(token));
}

BOOST_AUTO_TEST_CASE(yes_goes_on) {
  for (const char* answer : {"y", "Y", "yes"}) {
    const std::string session = person.token();
    Terminal terminal({"user", "end-sessions", person.phone()});
    BOOST_TEST(terminal.expect("[y/N] "));
    terminal.type(answer);
    BOOST_TEST(terminal.finish() == 0);
    BOOST_TEST(!is_alive(session));
  }
}

BOOST_AUTO_TEST_CASE(nobody_is_asked_about_a_phone_that_nobody_has) {
  Terminal terminal({"user", "delete", fresh_phone()});
  BOOST_TEST(terminal.finish() == 1);
  BOOST_TEST(terminal.shown().find("[y/N]") == std::string::npos);
  BOOST_TEST(terminal.shown().find("no account has the phone") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(passwd_is_typed_twice_unseen) {
  const std::string fresh = "seven lazy otters";
  Terminal terminal({"user", "passwd", person.phone()});
  BOOST_TEST(terminal.expect("[y/N] "));
  terminal.type("y");
  BOOST_TEST(terminal.expect("new password: "));
  terminal.type(fresh);
  BOOST_TEST(terminal.expect("once more: "));
  terminal.type(fresh);
  BOOST_TEST(terminal.finish() == 0);
  BOOST_TEST(terminal.shown().find(fresh) == std::string::npos);
  BOOST_TEST(!is_alive(token));
  person.remember_password(fresh);
  BOOST_TEST(person.login().code() == 0);
}

BOOST_AUTO_TEST_CASE(passwd_typed_in_two_ways_changes_nothing) {
  Terminal terminal({"user", "passwd", person.phone(), "--yes"});
  BOOST_TEST(terminal.expect("new password: "));
  terminal.type("seven lazy otters");
  BOOST_TEST(terminal.expect("once more: "));
  terminal.type("seven lazy others");
  BOOST_TEST(terminal.finish() == 64);
  BOOST_TEST(terminal.shown().find("the two are not the same") != std::string::npos);
  BOOST_TEST(is_alive(token));
}

BOOST_AUTO_TEST_CASE(ctrl_c_at_the_prompt_changes_nothing_and_gives_the_echo_back) {
  Terminal terminal({"user", "passwd", person.phone(), "--yes"});
  BOOST_TEST(terminal.expect("new password: "));
  BOOST_TEST(!terminal.echoes());
  terminal.type("half a passw\x03");
  BOOST_TEST(terminal.finish() == -1);
  BOOST_TEST(terminal.echoes());
  BOOST_TEST(is_alive(token));
}

BOOST_AUTO_TEST_SUITE_END()
