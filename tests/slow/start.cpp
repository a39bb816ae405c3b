// The local stack's start: repeated, after everything was killed, and with a part that fails.
#include <atomic>

#include <boost/test/unit_test.hpp>

#include "support/processes.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/whole_stack.hpp"

using namespace users::test;

namespace {

/// Process ids of all parts of the stack in `state`, one per line.
std::string processes_of(const std::string& state) {
  return run_script("STATE='" + state + R"(' bash -c '
    source scripts/stack.sh; load_settings
    for part in "${PARTS[@]}"; do members "$part"; done')");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(start, WholeStack)

BOOST_AUTO_TEST_CASE(again_it_says_that_everything_runs) {
  const std::string before = processes_of(state_folder());
  const Command again = run_command("scripts/start 2>&1");
  BOOST_TEST(again.status == 0, again.output);
  BOOST_TEST(again.output.starts_with("users-fcgi runs already\n"), again.output);
  BOOST_TEST(processes_of(state_folder()) == before);
}

BOOST_AUTO_TEST_CASE(it_says_that_any_six_digits_pass) {
  run_script("scripts/stop nginx");
  BOOST_TEST(run_command("scripts/start 2>&1").output.find("Any six digits pass as the code") !=
             std::string::npos);
  BOOST_TEST(std::stoi(run_command("cat '" + state_folder() +
                                   "'/log/users/users.log* | grep -c 'verification = format: any "
                                   "six digits pass'")
                           .output) > 0);
}

BOOST_AUTO_TEST_CASE(after_a_sigkill_of_everything_it_starts_and_has_its_users) {
  const std::string phone = fresh_phone();
  BOOST_TEST(regist(phone).code() == 0);
  const std::string before = processes_of(state_folder());
  BOOST_TEST_REQUIRE(!before.empty());
  run_script("echo '" + before + "' | xargs kill -KILL");
  const Command again = run_command("scripts/start 2>&1");
  BOOST_TEST(again.status == 0, again.output);
  BOOST_TEST(again.output.find("users-fcgi runs\n") != std::string::npos, again.output);
  BOOST_TEST(regist(phone).code() == 1002);
  BOOST_TEST(count_users("+86" + phone) == 1);
  BOOST_TEST(regist(fresh_phone()).code() == 0);
}

BOOST_AUTO_TEST_CASE(a_part_that_fails_is_named_with_its_log_and_nothing_runs_on) {
  const TemporaryDirectory folder;
  const std::string state = folder.path() / "state of its own";
  const std::string nginx = folder.write("nginx", "#!/bin/sh\necho the disk is full >&2\nexit 1\n");
  run_script("chmod +x '" + nginx + "'");
  const Command failed = run_command("PATH='" + folder.path().string() + "':$PATH STATE='" + state +
                                     "' scripts/start 2>&1");
  BOOST_TEST(failed.status == 1, failed.output);
  for (const char* part : {"start: nginx does not answer", "/log/nginx-error.log\n",
                           "    | the disk is full\n", "ending what this call had started"}) {
    BOOST_TEST(failed.output.find(part) != std::string::npos, failed.output);
  }
  // By the environment that scripts/start sets, because the pid files are gone.
  BOOST_TEST(of_all_processes("environ").find(state + "/") == std::string::npos);
  run_script("STATE='" + state + "' scripts/clean-state");
}

/// Starts nginx with a site's limits; WholeStack restores it without them.
struct SiteLimits {
  SiteLimits() { run_script("scripts/stop nginx && LIMITS=site scripts/start"); }
  ~SiteLimits() { run_command("scripts/stop nginx"); }
  SiteLimits(const SiteLimits&) = delete;
  SiteLimits& operator=(const SiteLimits&) = delete;
};

BOOST_AUTO_TEST_CASE(with_the_limits_of_a_site_a_flood_is_429_and_there_are_no_others) {
  const SiteLimits limits;
  std::atomic<int> refused{0};
  in_parallel(64, 64, [&](int) { refused += regist("x").status == 429 ? 1 : 0; });
  BOOST_TEST(refused > 0);
  BOOST_TEST(send(base_url(), {.body = registration("x"), .source_address = "127.0.0.2"}).code() ==
             1001);
  const Command unknown = run_command("LIMITS=some scripts/start 2>&1");
  BOOST_TEST(unknown.status == 1);
  BOOST_TEST(unknown.output.find("LIMITS is 'some', it must be site") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
