// conf/send-sms/spool, for development and tests.
#include <thread>

#include <boost/test/unit_test.hpp>

#include "sms/program.hpp"

namespace users::test {
BOOST_AUTO_TEST_SUITE(spool)

BOOST_AUTO_TEST_CASE(it_appends_the_line_to_a_file_of_its_owner_and_runs_nothing) {
  const SendSms programs;
  const auto file = programs.path() / "spool.log";
  const std::string first = message_line();
  const std::string second = message_line({.text = "\" \\ \\n é\n %s\t -n"});
  for (const std::string& line : {first, second}) {
    const Ended ended = programs.run("spool", line, {"SMS_SPOOL=" + file.string()});
    BOOST_TEST(ended.status == 0);
    BOOST_TEST(ended.output + ended.errors + ended.commands == "");
  }
  BOOST_TEST(read_file(file) == first + second);
  BOOST_TEST((std::filesystem::status(file).permissions() ==
              (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)));
}

BOOST_AUTO_TEST_CASE(many_at_once_keep_their_lines_whole) {
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  const SendSms programs;
  const auto file = programs.path() / "spool.log";
  const std::string line = message_line({.text = std::string(2000, 'x')});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        const SendSms own;
        for (int j = 0; j < kEach; ++j) {
          (void)own.run("spool", line, {"SMS_SPOOL=" + file.string()});
        }
      });
    }
  }
  std::string expected;
  for (int i = 0; i < kThreads * kEach; ++i) expected += line;
  BOOST_TEST((read_file(file) == expected));
}

BOOST_AUTO_TEST_CASE(it_tells_what_is_wrong) {
  const SendSms programs;
  const auto check = [&](const std::string& spool, std::string_view input, int status) {
    const Ended ended = programs.run("spool", input, {"SMS_SPOOL=" + spool});
    BOOST_TEST(ended.status == status);
    BOOST_TEST(ended.errors.starts_with("send-sms spool: "), ended.errors);
    BOOST_TEST(!contains(ended.errors, kCode));
  };
  check("", message_line(), 78);
  check("/nowhere/spool.log", message_line(), 75);
  check("/dev/full", message_line(), 75);
  check((programs.path() / "spool.log").string(), "", 1);
  BOOST_TEST(!std::filesystem::exists(programs.path() / "spool.log"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
