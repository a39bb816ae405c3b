// users-ctl reload with something broken: the running workers continue. Under load: under_load.cpp.
#include <algorithm>
#include <csignal>
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "db/migrations.hpp"
#include "support/daemon.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"

using namespace users;
using namespace users::test;

namespace {

/// A pool of three workers with its own configuration and database.
struct Pool {
  ScratchDatabase database;
  TemporaryDirectory folder;
  std::string config = folder.write("users.conf", settings());
  Daemon leader{
      {"/usr/bin/spawn-fcgi", "-n", "-s", folder.path().string() + "/pool.sock", "--",
       "/usr/bin/multiwatch", "-r", "1000000", "-f", "3", "--", worker(), "--config", config},
      {},
      folder.path().string() + "/pool.log"};

  Pool() {
    BOOST_TEST_REQUIRE(wait_until(30, [&] { return workers().size() == 3; }));
    BOOST_TEST_REQUIRE(wait_until(30, [&] { return connected() == 3; }));
  }

  /// The program; if a file "broken" exists it passes the check but does not start.
  [[nodiscard]] std::string worker() const {
    const auto file = folder.write("users-fcgi", "#!/bin/sh\ncase $* in *--check*) ;; *) [ ! -e '" +
                                                     folder.path().string() +
                                                     "/broken' ] || exit 1 ;; esac\nexec '" +
                                                     program("users-fcgi") + "' \"$@\"\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    return file.string();
  }

  [[nodiscard]] std::string settings(const std::string& name = "") const {
    const std::string secrets = state_folder() + "/secrets/";
    const Config scratch = database.config();
    return "[database]\nhosts = " + scratch.database_hosts.front() +
           "\nname = " + (name.empty() ? scratch.database_name : name) +
           "\nuser = " + scratch.database_user + "\npassword_file = " + secrets +
           "service_password\n[secrets]\nkey_file = " + secrets +
           "key\n[metrics]\nfile = " + folder.path().string() +
           "/metrics\n[log]\ndirectory = " + folder.path().string() + "/log\n";
  }

  [[nodiscard]] std::vector<int> workers() const {
    std::istringstream list(run_script("pgrep -P " + std::to_string(leader.pid()) + " || true"));
    std::vector<int> pids;
    for (int pid = 0; list >> pid;) pids.push_back(pid);
    return pids;
  }

  /// How many workers have seen the schema: from then on a newer one does not end them.
  [[nodiscard]] int connected() const {
    return std::stoi(
        run_script("cat '" + folder.path().string() +
                   "'/log/users.log 2>/dev/null | grep -c 'database: connected' || true"));
  }

  [[nodiscard]] Command reload(const std::string& arguments) const {
    return run_command("\"$BIN\"/users-ctl --config '" + config + "' reload " + arguments +
                       " 2>&1");
  }
  [[nodiscard]] std::string pid() const { return std::to_string(leader.pid()); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reload, Pool)

BOOST_AUTO_TEST_CASE(the_workers_of_a_configuration_are_found_and_replaced) {
  const auto before = workers();
  const Command command = reload("");
  BOOST_TEST(command.status == 0);
  BOOST_TEST(says(command, "users-fcgi: 3 of 3 replaced"));
  const auto after = workers();
  BOOST_TEST(after.size() == 3U);
  for (const int pid : after) BOOST_TEST(std::ranges::count(before, pid) == 0);
}

BOOST_AUTO_TEST_CASE(workers_that_a_replaced_table_lacks_are_replaced_too) {
  const auto before = workers();
  BOOST_TEST_REQUIRE(std::filesystem::remove(folder.path() / "metrics"));
  BOOST_TEST(says(reload(pid()), "users-fcgi: 3 of 3 replaced"));
  const auto after = workers();
  for (const int pid : after) BOOST_TEST(std::ranges::count(before, pid) == 0);
  // One is in the new table, and the others are found by their multiwatch.
  BOOST_TEST_REQUIRE(std::filesystem::remove(folder.path() / "metrics"));
  ::kill(after.front(), SIGTERM);
  const std::string list = "\"$BIN\"/users-ctl --config '" + config + "' workers --wait 1";
  BOOST_TEST(run_command(list).status == 0);
  BOOST_TEST(says(reload(""), "users-fcgi: 3 of 3 replaced"));
  for (const int pid : workers()) BOOST_TEST(std::ranges::count(after, pid) == 0);
}

BOOST_AUTO_TEST_CASE(a_program_that_only_looks_like_a_leader_is_none) {
  const Daemon impostor(
      {"/bin/bash", "-c",
       "exec -a multiwatch bash -c 'sleep 60; :' -- users-fcgi --config '" + config + "'"},
      {}, folder.path().string() + "/impostor.log");
  const std::string pid = std::to_string(impostor.pid());
  const std::string line = "/proc/" + pid + "/cmdline";
  BOOST_TEST_REQUIRE(wait_until(30, [&] {
    return run_command("tr '\\0' ' ' <" + line).output.starts_with("multiwatch -c");
  }));
  const Command command = reload(pid);
  BOOST_TEST(command.status == 1);
  BOOST_TEST(says(command, "process " + pid + " is no multiwatch of this service"));
}

BOOST_AUTO_TEST_CASE(a_bad_configuration_is_refused_and_nothing_is_touched) {
  const auto before = workers();
  std::ofstream(config, std::ios::app) << "shape = round\n";
  for (const auto& arguments : {std::string(), pid()}) {
    const Command command = reload(arguments);
    BOOST_TEST(command.status == 1);
    BOOST_TEST(says(command, "unknown key log.shape"));
    BOOST_TEST(says(command, "what runs is untouched"));
  }
  BOOST_TEST(workers() == before);
}

BOOST_AUTO_TEST_CASE(a_database_that_does_not_take_it_is_told_and_nothing_is_touched) {
  const auto before = workers();
  std::ofstream(config, std::ios::app) << "[database]\nconnect_timeout = 1\n";
  database.query("INSERT INTO schema_migrations (version, name, applyTime) VALUES (" +
                 std::to_string(db::kSchemaVersion + 1) + ", 'next', UTC_TIMESTAMP())");
  const Command newer = reload(pid());
  BOOST_TEST(newer.status == 1);
  BOOST_TEST(says(newer, "the database's schema is version"));
  BOOST_TEST(says(newer, "what runs is untouched"));
  database.query("DELETE FROM schema_migrations WHERE name = 'next'");
  std::ofstream(config) << settings("nosuch");
  const Command missing = reload(pid());
  BOOST_TEST(missing.status == 1);
  BOOST_TEST(says(missing, "nosuch"));
  BOOST_TEST(says(missing, "the database does not take the new configuration"));
  BOOST_TEST(workers() == before);
}

BOOST_AUTO_TEST_CASE(a_new_worker_that_does_not_come_up_ends_it_and_the_old_ones_stay) {
  const auto before = workers();
  static_cast<void>(folder.write("broken", ""));
  const Command command = reload(pid());
  BOOST_TEST(command.status == 1);
  BOOST_TEST(says(command, "does not come up"));
  BOOST_TEST(!says(command, "2 of 3"));
  const auto after = workers();
  BOOST_TEST(std::ranges::count_if(
                 before, [&](int old) { return std::ranges::count(after, old) == 1; }) == 2);
  // Once that is mended, the next reload replaces all.
  std::filesystem::remove(folder.path() / "broken");
  BOOST_TEST(reload(pid()).status == 0);
  BOOST_TEST(workers().size() == 3U);
}

BOOST_AUTO_TEST_CASE(two_at_once_are_refused) {
  // A stopped worker does not exit, so the first reload waits. Workers are chosen by their ids.
  const int last = std::ranges::max(workers());
  ::kill(last, SIGSTOP);
  const Daemon first({program("users-ctl"), "--config", config, "reload", pid()}, {},
                     folder.path().string() + "/first.log");
  const auto first_says = [&](const std::string& words) {
    return says(run_command("cat '" + folder.path().string() + "/first.log'"), words);
  };
  BOOST_TEST(wait_until(30, [&] { return first_says("1 of 3 replaced"); }));
  const Command second = reload(pid());
  BOOST_TEST(second.status == 1);
  BOOST_TEST(says(second, "under way"));
  ::kill(last, SIGCONT);
  BOOST_TEST(wait_until(30, [&] { return first_says("3 of 3 replaced"); }));
}

BOOST_AUTO_TEST_CASE(what_is_no_pool_is_refused) {
  BOOST_TEST(says(reload("1"), "process 1 is no multiwatch"));
  BOOST_TEST(says(reload("x"), "process x is no multiwatch"));
  BOOST_TEST(reload("99999999").status == 1);
  const auto other = folder.write("other.conf", settings());
  const Command nothing =
      run_command("\"$BIN\"/users-ctl --config '" + other.string() + "' reload 2>&1");
  BOOST_TEST(nothing.status == 0);
  BOOST_TEST(says(nothing, " runs with " + other.string()));
}

BOOST_AUTO_TEST_SUITE_END()
