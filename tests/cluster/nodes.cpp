// Nodes and whole hosts that die, hang and return while clients use the balancer. Each case settles
// the ledger of tests/fault: nothing acknowledged is lost, nothing is done twice.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "cluster/host.hpp"
#include "fault/ledger.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

/// With the timeouts of scripts/galera.cnf.
constexpr double kLongestStall = 3.5;
/// How soon after its node's return a host's workers must be connected to it.
constexpr double kHomeSeconds = 5;

const std::array<Host, kHosts> kAll{Host(1), Host(2), Host(3)};

void come_home(const Host& host) {
  BOOST_TEST(wait_until(30, [&] { return host.is_synced(); }));
  BOOST_TEST(wait_until(kHomeSeconds, [&] { return host.is_home(); }),
             "host " << host.number() << ": its workers are elsewhere");
}

/// Clients notice only a stall when `kill` takes something from the host, and when it returns.
void lose(const std::string& what, int number, const std::function<void(const Host&)>& kill) {
  const Host host(number);
  const Tally told = survive(what + ' ' + std::to_string(number), [&](Traffic& traffic) {
    kill(host);
    traffic.flow(400);
    host.start();
    come_home(host);
  });
  BOOST_TEST(told.unknown == 0);
  BOOST_TEST(told.longest < kLongestStall);
}

bool all_are_synced() {
  return std::ranges::all_of(kAll, [](const Host& host) { return host.is_synced(); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(nodes)

BOOST_AUTO_TEST_CASE(doctor_and_metrics_tell_of_the_nodes) {
  for (const Host& host : kAll) {
    const Command doctor =
        run_command("\"$BIN\"/users-ctl --config '" + host.folder() + "/users.conf' doctor 2>&1");
    for (const char* found :
         {"Synced in a Primary component of 3", "the nodes have the same timeouts",
          "innodb_autoinc_lock_mode = 2", "the one that the service has used"}) {
      BOOST_TEST(says(doctor, found), found << " is missing in " << doctor.output);
    }
    BOOST_TEST(!says(doctor, "problem\t"), doctor.output);
    const std::string metrics =
        send(host.url(), {.method = "GET", .path = "/users/metrics", .headers = {}}).body;
    for (const char* sample : {"\nusers_cluster_nodes 3\n", "\nusers_database_home 1\n"}) {
      BOOST_TEST(metrics.find(sample) != std::string::npos, sample);
    }
  }
}

BOOST_DATA_TEST_CASE(a_node_that_is_killed_costs_no_client_an_error,
                     boost::unit_test::data::xrange(1, kHosts + 1), number) {
  lose("SIGKILL of node", number, [](const Host& host) { host.signal("database", SIGKILL); });
}

BOOST_DATA_TEST_CASE(a_host_that_is_gone_costs_no_client_an_error,
                     boost::unit_test::data::xrange(1, kHosts + 1), number) {
  lose("SIGKILL of all on host", number, [](const Host& host) { host.kill(); });
}

BOOST_AUTO_TEST_CASE(a_rolling_restart_of_everything_costs_no_client_an_error) {
  const Tally told = survive("rolling restart", [&](Traffic& traffic) {
    for (const Host& host : kAll) {
      host.stop();
      traffic.flow(100);
      host.start();
      come_home(host);
    }
  });
  BOOST_TEST(told.unknown == 0);
  BOOST_TEST(told.longest < kLongestStall);
}

BOOST_AUTO_TEST_CASE(a_node_that_hangs_is_left_and_comes_back) {
  const Tally told = survive("SIGSTOP of node 2, 15 s", [&](Traffic& traffic) {
    kAll[1].signal("database", SIGSTOP);
    // Longer than database.read_timeout and every timeout of the cluster.
    BOOST_TEST(!wait_until(15, [&] { return traffic.unanswered() > 0; }));
    kAll[1].signal("database", SIGCONT);
    come_home(kAll[1]);
  });
  BOOST_TEST(told.unknown == 0);
}

BOOST_AUTO_TEST_CASE(a_node_that_is_cut_off_from_the_others_costs_no_client_an_error) {
  const auto isolate = [](const char* value) {
    static_cast<void>(kAll[2].query(
        std::string("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=") + value + "'"));
  };
  const Tally told = survive("node 3 cut off", [&](Traffic& traffic) {
    isolate("1");
    BOOST_TEST(wait_until(30, [] { return kAll[2].status("wsrep_cluster_status") != "Primary"; }));
    traffic.flow(200);
    isolate("0");
    come_home(kAll[2]);
  });
  BOOST_TEST(told.unknown == 0);
}

// The programs of the next release, with one more migration: tests/cluster/run builds them.
BOOST_AUTO_TEST_CASE(hosts_are_upgraded_one_after_another_and_no_client_notices) {
  const std::string next = std::getenv("NEXT");
  const std::string version = query("SELECT MAX(version) FROM schema_migrations");
  const Tally told = survive("rolling upgrade", [&](Traffic& traffic) {
    run_script("USERS_FCGI_DATABASE_MIGRATIONS='" + next + "/migrations' '" + next +
               "/users-ctl' --config '" + kAll[0].folder() + "/users.conf' migrate");
    BOOST_TEST(query("SELECT MAX(version) FROM schema_migrations") ==
               std::to_string(std::stoi(version) + 1));
    traffic.flow(200);
    for (const Host& host : kAll) {
      host.stop("pool courier");
      host.start("", "BIN='" + next + "'");
      traffic.flow(100);
      come_home(host);
    }
  });
  BOOST_TEST(told.unknown == 0);
}

BOOST_AUTO_TEST_CASE(without_a_majority_every_reply_is_503_and_service_resumes_by_itself) {
  const auto refuses = [] {
    const HttpReply reply = regist(fresh_phone());
    return reply.status == 503 && reply.code() == 9001 && !reply.header("retry-after").empty();
  };
  survive("SIGKILL of nodes 2 and 3", [&](Traffic&) {
    kAll[1].signal("database", SIGKILL);
    kAll[2].signal("database", SIGKILL);
    BOOST_TEST(wait_until(10, refuses));
    for (int i = 0; i < 20; ++i) BOOST_TEST(refuses());
    // Both at once: one alone would wait for the other.
    run_script(
        "scripts/cluster host 2 start database & pid=$!; "
        "scripts/cluster host 3 start database && wait $pid");
    BOOST_TEST(wait_until(30, all_are_synced));
    BOOST_TEST(wait_until(2, [] { return regist(fresh_phone()).code() == 0; }));
    for (const Host& host : kAll) come_home(host);
  });
}

BOOST_AUTO_TEST_CASE(after_a_crash_of_all_nodes_nothing_acknowledged_is_lost) {
  survive("SIGKILL of all nodes", [&](Traffic&) {
    for (const Host& host : kAll) host.signal("database", SIGKILL);
    BOOST_TEST(wait_until(10, [] { return regist(fresh_phone()).status == 503; }));
    run_script("scripts/cluster start");
    BOOST_TEST(wait_until(30, all_are_synced));
    for (const Host& host : kAll) come_home(host);
  });
}

BOOST_AUTO_TEST_SUITE_END()
