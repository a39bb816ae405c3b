// Runs programs with limits on time and output, and passes on only what they need.
#include "base/subprocess.hpp"

#include <csignal>
#include <iterator>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <unistd.h>

using namespace users;
using namespace std::chrono_literals;

namespace {

Finished run(const std::string& script, std::chrono::milliseconds limit = 30s) {
  return run_to_end({.command = {"/bin/sh", "-c", script}, .limit = limit});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(subprocess)

BOOST_AUTO_TEST_CASE(its_outputs_and_its_exit_code_come_back_or_the_signal) {
  const Finished end = run("echo out; echo err >&2; exit 7");
  BOOST_TEST(end.exited_with(7));
  BOOST_TEST(end.output == "out\n");
  BOOST_TEST(end.errors == "err\n");
  BOOST_TEST(run("kill -9 $$").exited_with(-9));
  BOOST_TEST(run("exit 137").exited_with(137));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_executed_is_not_started) {
  for (const char* program : {"/nowhere/program", "no-such-program", "/", "/etc/passwd"}) {
    const Finished end = run_to_end({.command = {program}, .limit = 30s});
    BOOST_TEST(!end.started, program);
    for (const int code : {0, 1, 127}) BOOST_TEST(!end.exited_with(code), program);
  }
}

BOOST_AUTO_TEST_CASE(it_reads_its_input_or_does_not) {
  const std::string input(60'000, 'x');
  const auto with_input = [&](const std::string& script) {
    return run_to_end({.command = {"/bin/sh", "-c", script}, .limit = 30s, .input = input});
  };
  BOOST_TEST(with_input("wc -c").output == "60000\n");
  BOOST_TEST(with_input("exec <&-; exit 3").exited_with(3));
  BOOST_TEST(run("cat").exited_with(0));
}

BOOST_AUTO_TEST_CASE(it_is_killed_in_time_with_all_it_started, *boost::unit_test::label("deep")) {
  for (const char* script : {"sleep 61.5 & sleep 61.5", "trap '' TERM; sleep 61.5 & wait",
                             "exec >&- 2>&-; sleep 61.5", "yes"}) {
    const Finished end = run(script, 200ms);
    BOOST_TEST(end.started);
    BOOST_TEST(!end.in_time, script);
    BOOST_TEST(!end.exited_with(0));
  }
  BOOST_TEST(run("while pgrep -f 'sleep 61[.]5' >/dev/null; do sleep 0.01; done").exited_with(0));
}

BOOST_AUTO_TEST_CASE(what_it_leaves_running_is_not_waited_for) {
  BOOST_TEST(run("sleep 62.5 & echo done").output == "done\n");
  BOOST_TEST(run("setsid sleep 1.5 & echo done").output == "done\n");
  BOOST_TEST(run("while pgrep -f 'sleep 62[.]5' >/dev/null; do sleep 0.01; done").exited_with(0));
}

BOOST_AUTO_TEST_CASE(no_more_is_kept_of_its_output_than_asked_for) {
  const Finished end =
      run_to_end({.command = {"/bin/sh", "-c", "yes | head -c 3000000; yes | head -c 3000000 >&2"},
                  .limit = 30s,
                  .most = 1000});
  BOOST_TEST(end.exited_with(0));
  BOOST_TEST(end.output.size() == 1000U);
  BOOST_TEST(end.errors.size() == 1000U);
}

BOOST_AUTO_TEST_CASE(what_is_passed_on_is_not_kept) {
  std::string out;
  std::string err;
  const Finished end = run_to_end(
      {.command = {"/bin/sh", "-c", "echo one; echo two >&2"},
       .limit = 30s,
       .relay = [&](std::string_view piece, bool is_error) { (is_error ? err : out) += piece; }});
  BOOST_TEST(out == "one\n");
  BOOST_TEST(err == "two\n");
  BOOST_TEST(end.output.empty());
}

BOOST_AUTO_TEST_CASE(it_gets_no_descriptor_signal_mask_or_variable_of_ours) {
  const int leaked = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  const Finished end =
      run_to_end({.command = {"/bin/bash", "-c",
                              "for fd in /proc/$$/fd/*; do echo ${fd##*/}; done; env; exec sed -n "
                              "'s/^SigBlk:\t//p' /proc/self/status"},
                  .limit = 30s,
                  .environment = {{"ONLY=this"}}});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(leaked);
  BOOST_TEST(end.exited_with(0));
  BOOST_TEST(end.output.find("\n" + std::to_string(leaked) + "\n") == std::string::npos);
  BOOST_TEST(end.output.find("0000000000000000\n") != std::string::npos, end.output);
  BOOST_TEST(end.output.find("ONLY=this\n") != std::string::npos);
  BOOST_TEST(end.output.find("BIN=") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(as_another_user_it_has_that_users_groups_and_a_session_of_its_own) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("not tried: only root can give up its rights");
    return;
  }
  const auto as = [](uid_t user) {
    return run_to_end(
        {.command = {"/bin/sh", "-c", "id -u; id -ru; id -G; cut -d' ' -f6 /proc/$$/stat"},
         .limit = 30s,
         .as = user});
  };
  for (const auto& [user, groups] : {std::pair<uid_t, std::string>{65531, "65531"}, {1, "1"}}) {
    std::istringstream seen(as(user).output);
    const std::vector<std::string> lines{std::istream_iterator<std::string>(seen), {}};
    BOOST_TEST_REQUIRE(lines.size() == 4U);
    BOOST_TEST(lines[0] == std::to_string(user));
    BOOST_TEST(lines[1] == std::to_string(user));
    BOOST_TEST(lines[2] == groups);
    BOOST_TEST(lines[3] != std::to_string(::getsid(0)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
