// Wrong command lines, refusals, and the exit codes that --help promises.
#include <algorithm>
#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "ctl/operator.hpp"
#include "support/person.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"

using namespace users::test;

namespace {

struct Wrong {
  std::vector<std::string> arguments;
  std::string reason;
};

const std::vector<Wrong> kWrong{
    {{}, "which command?"},
    {{""}, "no such command"},
    {{"users"}, "no such command: users"},
    {{"user"}, "which of user's commands: list, show"},
    {{"user", "remove", "13800000000"}, "which of user's commands"},
    {{"user", "show"}, "usage: users-ctl user show PHONE"},
    {{"user", "show", "13800000000", "13800000001"}, "usage: users-ctl user show PHONE"},
    {{"user", "rename-phone", "13800000000"}, "usage: users-ctl user rename-phone PHONE NEW"},
    {{"user", "passwd", "13800000000", "a password", "--yes"},
     "usage: users-ctl user passwd PHONE"},
    {{"user", "list", "x"}, "user list takes no argument"},
    {{"user", "show", ""}, "is no mobile phone number"},
    {{"user", "show", "abc"}, "is no mobile phone number"},
    {{"user", "show", std::string(5000, '1')}, "is no mobile phone number"},
    {{"user", "show", "13800000000' OR '1'='1"}, "is no mobile phone number"},
    {{"user", "rename-phone", "13800000000", "abc", "--yes"}, "is no mobile phone number"},
    {{"user", "list", "--limit", "0"}, "--limit is a whole number from 1 to 10000"},
    {{"user", "list", "--limit", "10001"}, "--limit is a whole number"},
    {{"user", "list", "--limit=-1"}, "--limit is a whole number"},
    {{"user", "list", "--limit", "1x"}, "--limit is a whole number"},
    {{"user", "list", "--limit", ""}, "limit"},
    {{"user", "list", "--limit"}, "limit"},
    {{"user", "list", "--limit", "1", "--limit", "2"}, "limit"},
    {{"user", "list", "--after", "18446744073709551616"}, "--after is a whole number"},
    {{"user", "list", "--json=1"}, "json"},
    {{"user", "list", "--lim", "1"}, "--lim"},
    {{"user", "list", "--unknown"}, "--unknown"},
    {{"user", "list", "-l"}, "-l"},
    {{"group", "remove", "13800000000", "-x"}, "-x; if it is no option, write -- before the"},
    {{"user", "list", "--yes"}, "user list takes no --yes"},
    {{"user", "delete", "13800000000", "--force"}, "--force"},
    {{"user", "show", "13800000000", "--limit", "1"}, "user show takes no --limit"},
    {{"--words", "config"}, "--words"},
    {{"audit", "#"}, "the number behind #"},
    {{"audit", "#x"}, "the number behind #"},
    {{"audit", "#-1"}, "the number behind #"},
    {{"sms"}, "which of sms's commands: pending, retry, test"},
    {{"sms", "retry", "0"}, "ID is a whole number"},
    {{"sms", "retry", "1", "two"}, "ID is a whole number"},
    {{"sms", "retry", "-1"}, "-1"},
    {{"sms", "retry", "--", "-1"}, "ID is a whole number"},
    {{"sms", "test"}, "usage: users-ctl sms test PHONE"},
    {{"otp"}, "usage: users-ctl otp PHONE"},
    {{"migrate", "now"}, "migrate takes no argument"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(usage)

BOOST_AUTO_TEST_CASE(a_wrong_command_line_is_64_and_tells_what_is_wrong) {
  for (const Wrong& row : kWrong) {
    std::string words;
    for (const std::string& word : row.arguments) words += word.substr(0, 40) + " ";
    BOOST_TEST_CONTEXT(words) {
      const CtlResult result = ctl(row.arguments);
      BOOST_TEST(result.status == 64);
      BOOST_TEST(result.output == "");
      BOOST_TEST(result.errors.starts_with("users-ctl: "));
      BOOST_TEST(result.errors.find(row.reason) != std::string::npos, result.errors);
      BOOST_TEST(result.errors.find("users-ctl --help") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_nobody_has_is_refused_with_1) {
  const std::string phone = fresh_phone();
  for (std::vector<std::string> command : {std::vector<std::string>{"user", "show"},
                                           {"user", "lock"},
                                           {"user", "enable"},
                                           {"user", "sessions"},
                                           {"audit"},
                                           {"user", "disable", "--yes"},
                                           {"user", "passwd", "--yes"},
                                           {"user", "set-hash", "--yes"},
                                           {"user", "end-sessions", "--yes"},
                                           {"user", "delete", "--yes"}}) {
    command.push_back(phone);
    BOOST_TEST_CONTEXT(command[0] << " " << command[1]) {
      const CtlResult result = ctl(command, "correct horse 42\n");
      BOOST_TEST(result.status == 1);
      BOOST_TEST(result.output == "");
      BOOST_TEST(result.errors.starts_with("users-ctl: no account has the phone +86" + phone));
    }
  }
  BOOST_TEST(ctl({"user", "rename-phone", phone, fresh_phone(), "--yes"}).status == 1);
  // The number may belong to a deleted account: an empty history is not an error.
  BOOST_TEST(ctl({"audit", "#18446744073709551615"}).status == 0);
}

BOOST_AUTO_TEST_CASE(options_stand_anywhere_two_dashes_end_them_and_any_spelling_is_the_phone) {
  Person person;
  person.regist();
  const std::string& digits = person.phone();
  const std::string spelled =
      "+86 " + digits.substr(0, 3) + " " + digits.substr(3, 4) + "-" + digits.substr(7);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--json", "user", "show", person.phone()},
        {"user", "--json", "show", spelled},
        {"user", "show", "--json", "--", person.e164()}}) {
    BOOST_TEST(ctl(arguments).json().value("phone", "") == person.e164());
  }
}

BOOST_AUTO_TEST_CASE(a_database_that_is_away_is_69_in_one_line_and_the_next_host_is_tried) {
  for (const std::string hosts :
       {"/nonexistent/a.sock", "/nonexistent/a.sock, /nonexistent/b.sock"}) {
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"user", "list"}, {"migrate"}}) {
      const CtlResult result = ctl(command, "", {"USERS_FCGI_DATABASE_HOSTS=" + hosts});
      BOOST_TEST(result.status == 69, command[0]);
      BOOST_TEST(result.output == "");
      BOOST_TEST(std::ranges::count(result.errors, '\n') == 1);
    }
  }
  const CtlResult result =
      ctl({"user", "list", "--limit", "1"}, "",
          {"USERS_FCGI_DATABASE_HOSTS=/nonexistent/a.sock," + run_folder() + "/mariadb.sock"});
  BOOST_TEST(result.status == 0);
  BOOST_TEST(result.errors == "");
}

BOOST_AUTO_TEST_CASE(a_wrong_configuration_is_78) {
  const TemporaryDirectory directory;
  const auto short_key = directory.write("key", "short");
  for (const std::string& setting :
       {std::string("USERS_FCGI_LOG_LEVEL=loud"), std::string("USERS_FCGI_NO_SUCH_KEY=1"),
        "USERS_FCGI_SECRETS_KEY_FILE=" + short_key.string(),
        std::string("USERS_FCGI_DATABASE_PASSWORD_FILE=/nonexistent")}) {
    const CtlResult result = ctl({"user", "list"}, "", {setting});
    BOOST_TEST(result.status == 78, setting);
    BOOST_TEST(result.output == "", setting);
  }
}

BOOST_AUTO_TEST_CASE(help_and_version_need_nothing) {
  const std::vector<std::string> broken{"USERS_FCGI_LOG_LEVEL=loud"};
  const CtlResult help = ctl({"--help"}, "", broken);
  BOOST_TEST(help.status == 0);
  BOOST_TEST(help.errors == "");
  for (const char* code : {"\n  0: ", "\n  1: ", "\n  64: ", "\n  69: ", "\n  78: "}) {
    BOOST_TEST(help.output.find(code) != std::string::npos, code);
  }
  BOOST_TEST(ctl({"help"}, "", broken).output == help.output);
  const CtlResult version = ctl({"--version"}, "", broken);
  BOOST_TEST(version.status == 0);
  BOOST_TEST(version.output.starts_with("users-ctl "));
}

BOOST_AUTO_TEST_CASE(no_terminal_obeys_what_a_message_quotes) {
  const std::string evil = "\033]0;owned\007\033[2J\r\x9b\xc2\x9b";
  const TemporaryDirectory directory;
  const std::string odd = directory.path().string() + "/" + evil;
  std::filesystem::create_directory(odd);
  const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> calls{
      {{"user", "show", evil}, {}},
      {{evil}, {}},
      {{"user", "list", "--limit", evil}, {}},
      {{"user", "list", "--" + evil}, {}},
      {{"import", odd + "/nosuch"}, {}},
      {{"import", odd}, {}},
      {{"reload", evil}, {}},
      {{"user", "list"}, {"USERS_FCGI_SECRETS_KEY_FILE=" + odd + "/key"}},
      {{"sms", "test", "13800000000"}, {"USERS_FCGI_SMS_COMMAND=" + odd + "/send"}},
      {{"doctor"}, {"USERS_FCGI_SMS_COMMAND=" + odd + "/send"}},
      {{"config"}, {"USERS_FCGI_SMS_COMMAND=" + odd + "/send"}},
      {{"migrate"}, {"USERS_FCGI_DATABASE_MIGRATIONS=" + odd}},
  };
  for (const auto& [arguments, environment] : calls) {
    const CtlResult result = ctl(arguments, "", environment);
    BOOST_TEST_CONTEXT(arguments.front() << ": " << result.output << result.errors) {
      const std::string all = result.output + result.errors;
      BOOST_TEST(result.status != -1);
      BOOST_TEST(all.find_first_of("\033\007\r\x9b") == std::string::npos);
      BOOST_TEST(all.find("\\x1b]0;owned\\x07") != std::string::npos);
    }
  }
  const Command worker =
      run_command("\"$BIN\"/users-fcgi --check-config --config '" + odd + "/users.conf' 2>&1");
  BOOST_TEST(worker.output.find('\033') == std::string::npos);
  BOOST_TEST(worker.output.find("\\x1b]0;owned") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
