// Nodes and whole hosts that die, hang and return while clients use the balancer. After each case
// the ledger of tests/fault checks that nothing acknowledged is lost and nothing is done twice.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>

#include <boost/test/unit_test.hpp>

#include "cluster/host.hpp"
#include "fault/ledger.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

/// How long a request may take, in seconds. The first two with the timeouts of
/// conf/cluster-node.cnf.example.
constexpr double kNodeGone = 3.5;
/// A host that is cut off from the others also looks for another database for a while.
constexpr double kCutOff = 7;
/// The workers of a node that hangs wait for database.read_timeout.
constexpr double kNodeHangs = 12;
/// proxy_read_timeout of conf/cluster-balancer.conf.example, and then another host.
constexpr double kHostHangs = 17;
constexpr double kNoService = 12;
/// When a node is back, its host's workers must be connected to it within this time.
constexpr double kHomeSeconds = 5;

const std::array<Host, kHosts> kAll{Host(1), Host(2), Host(3)};

/// Traffic goes on during `act`, and no request takes longer than `budget`. Returns what clients
/// saw.
Tally endure(const std::string& fault, double budget, const std::function<void(Traffic&)>& act) {
  // Leaves some of the two cores to the nodes that return.
  constexpr std::chrono::milliseconds kPause{200};
  const Tally told = survive(fault, act, kPause);
  std::cout << "    a request may take " << budget << " s, exceeded "
            << (told.longest < budget ? 0 : 1) << '\n';
  BOOST_TEST(told.longest < budget);
  return told;
}

/// The same, and no client sees an error.
void endure_unnoticed(const std::string& fault, double budget,
                      const std::function<void(Traffic&)>& act) {
  BOOST_TEST(endure(fault, budget, act).unknown == 0);
}

void come_home(const Host& host) {
  BOOST_TEST(wait_until(30, [&] { return host.is_synced(); }));
  BOOST_TEST(wait_until(kHomeSeconds, [&] { return host.is_home(); }),
             "host " << host.number() << ": its workers are elsewhere");
}

/// tests/cluster/run gives each host a network namespace if it may.
bool has_namespaces() {
  return std::getenv("NAMESPACES") != nullptr;
}

/// Splits the network between the host and the other two, or ends that. Without namespaces only its
/// node is cut off from theirs.
void cut_off(const Host& host, bool on) {
  if (!has_namespaces()) {
    static_cast<void>(host.query(
        "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=" + std::to_string(on) + "'"));
    return;
  }
  std::string script;
  const auto drop = [&](const Host& from, const Host& to) {
    script += "ip -n " + from.network_namespace() + " route " + (on ? "add" : "del") +
              " blackhole " + to.address() + "/32 && ";
  };
  for (const Host& other : kAll) {
    if (other.number() == host.number()) continue;
    drop(host, other);
    drop(other, host);
  }
  run_script(script + "true");
}

/// Runs doctor on the host.
Command diagnose(const Host& host) {
  const std::string network =
      has_namespaces() ? "ip netns exec " + host.network_namespace() + ' ' : "";
  return run_command(network + "\"$BIN\"/users-ctl --config '" + host.folder() +
                     "/users.conf' doctor 2>&1");
}

bool is_refused(const HttpReply& reply) {
  return reply.status == 503 && reply.code() == 9001 && !reply.header("retry-after").empty();
}

bool serves_within(double seconds) {
  const auto start = std::chrono::steady_clock::now();
  const bool serves = wait_until(seconds, [] { return regist(fresh_phone()).code() == 0; });
  return serves &&
         std::chrono::steady_clock::now() - start < std::chrono::duration<double>(seconds);
}

void lose_majority() {
  kAll[1].signal("database", SIGKILL);
  kAll[2].signal("database", SIGKILL);
  const auto refuses = [] { return is_refused(regist(fresh_phone())); };
  BOOST_TEST(wait_until(10, refuses));
  for (int i = 0; i < 20; ++i) BOOST_TEST(refuses());
}

/// Returns the statement with this text from the `mariadb -e "..."` of conf/CLUSTER.md.
std::string sql_of_manual(const std::string& text) {
  const std::string manual = run_script("cat conf/CLUSTER.md");
  const auto middle = manual.find(text);
  BOOST_TEST_REQUIRE(middle != std::string::npos);
  const auto start = manual.rfind('"', middle) + 1;
  return manual.substr(start, manual.find('"', middle) - start);
}

bool all_are_synced() {
  return std::ranges::all_of(kAll, [](const Host& host) { return host.is_synced(); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(nodes)

BOOST_AUTO_TEST_CASE(doctor_and_metrics_tell_of_the_nodes) {
  for (const Host& host : kAll) {
    const Command doctor = diagnose(host);
    for (const char* found :
         {"Synced in a Primary component of 3", "the nodes have the same timeouts",
          "innodb_autoinc_lock_mode = 2", "the one that the service has used"}) {
      BOOST_TEST(says(doctor, found), "doctor does not say: " << found);
    }
    BOOST_TEST(!says(doctor, "problem\t"), doctor.output);
    // The hosts believe the balancer, which has this machine's address.
    const std::string metrics =
        send(host.url(),
             {.method = "GET", .path = "/users/metrics", .headers = {"X-Forwarded-For: 127.0.0.1"}})
            .body;
    for (const char* sample : {"\nusers_cluster_nodes 3\n", "\nusers_database_home 1\n"}) {
      BOOST_TEST(metrics.find(sample) != std::string::npos, sample);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_node_keeps_a_password_of_the_database_in_clear_text) {
  for (const char* name : {"service_password", "migration_password"}) {
    const Command found =
        run_command("grep -rlFf '" + kAll[0].folder() + "/secrets/" + name + "' '" +
                    kAll[0].folder() + "/mariadb' '" + kAll[1].folder() + "/mariadb'");
    BOOST_TEST(found.status == 1, found.output);
  }
}

BOOST_AUTO_TEST_CASE(a_node_that_is_killed_costs_no_client_an_error) {
  endure_unnoticed("SIGKILL of each node in turn", kNodeGone, [](Traffic& traffic) {
    for (const Host& host : kAll) {
      host.signal("database", SIGKILL);
      traffic.flow(100);
      host.start("database");
      come_home(host);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_host_that_is_gone_costs_no_client_an_error) {
  endure_unnoticed("SIGKILL of all on host 2", kNodeGone, [](Traffic& traffic) {
    kAll[1].signal_all(SIGKILL);
    traffic.flow(100);
    kAll[1].start();
    come_home(kAll[1]);
  });
}

BOOST_AUTO_TEST_CASE(a_node_without_data_copies_it_from_another) {
  endure_unnoticed("full copy to node 3", kNodeGone, [](Traffic& traffic) {
    kAll[2].signal("database", SIGKILL);
    traffic.flow(50);
    run_script("rm '" + kAll[2].folder() + "/mariadb/grastate.dat'");
    kAll[2].start("database");
    come_home(kAll[2]);
    const Command copied = run_command("grep -q 'mariabackup SST completed on joiner' '" +
                                       kAll[2].folder() + "/log/mariadb.log'");
    BOOST_TEST(copied.status == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_rolling_restart_of_everything_costs_no_client_an_error) {
  endure_unnoticed("rolling restart", kNodeGone, [](Traffic& traffic) {
    for (const Host& host : kAll) {
      host.stop();
      traffic.flow(50);
      host.start();
      come_home(host);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_node_that_hangs_is_left_and_comes_back) {
  endure_unnoticed("SIGSTOP of node 2, 15 s", kNodeHangs, [](Traffic& traffic) {
    kAll[1].signal("database", SIGSTOP);
    // Longer than database.read_timeout and every timeout of the cluster.
    BOOST_TEST(!wait_until(15, [&] { return traffic.unanswered() > 0; }));
    kAll[1].signal("database", SIGCONT);
    come_home(kAll[1]);
  });
}

BOOST_AUTO_TEST_CASE(a_host_that_hangs_is_left_and_comes_back) {
  endure_unnoticed("SIGSTOP of all on host 3, 20 s", kHostHangs, [](Traffic& traffic) {
    kAll[2].signal_all(SIGSTOP);
    BOOST_TEST(!wait_until(20, [&] { return traffic.unanswered() > 0; }));
    kAll[2].signal_all(SIGCONT);
    come_home(kAll[2]);
  });
}

BOOST_AUTO_TEST_CASE(a_host_that_is_cut_off_from_the_others_costs_no_client_an_error) {
  endure_unnoticed("network split 2 | 1", kCutOff, [](Traffic& traffic) {
    cut_off(kAll[2], true);
    BOOST_TEST(
        wait_until(30, [] { return kAll[2].status("wsrep_cluster_status") == "non-Primary"; }));
    traffic.flow(100);
    BOOST_TEST(says(diagnose(kAll[2]), "in a non-Primary component of 1: it serves nobody"));
    if (has_namespaces()) {
      BOOST_TEST(is_refused(send(kAll[2].url(), {.body = registration(fresh_phone())})));
    }
    cut_off(kAll[2], false);
    come_home(kAll[2]);
  });
}

// tests/cluster/run builds the programs of a next release, which has one more migration.
BOOST_AUTO_TEST_CASE(hosts_are_upgraded_one_after_another_and_no_client_notices) {
  const std::string next = std::getenv("NEXT");
  const std::string version = query("SELECT MAX(version) FROM schema_migrations");
  endure_unnoticed("rolling upgrade", kNodeGone, [&](Traffic& traffic) {
    run_script("USERS_FCGI_DATABASE_MIGRATIONS='" + next + "/migrations' '" + next +
               "/users-ctl' --config '" + kAll[0].folder() + "/users.conf' migrate");
    BOOST_TEST(query("SELECT MAX(version) FROM schema_migrations") ==
               std::to_string(std::stoi(version) + 1));
    traffic.flow(100);
    for (const Host& host : kAll) {
      host.stop("pool courier");
      host.start("", "BIN='" + next + "'");
      traffic.flow(100);
      come_home(host);
    }
  });
}

BOOST_AUTO_TEST_CASE(without_a_majority_every_reply_is_503_until_the_others_are_back) {
  endure("SIGKILL of nodes 2 and 3", kNoService, [](Traffic&) {
    lose_majority();
    // Both at once: with one of them the survivor would still have no majority of the last three.
    run_script(
        "scripts/cluster host 2 start database & pid=$!; "
        "scripts/cluster host 3 start database && wait $pid");
    BOOST_TEST(wait_until(30, all_are_synced));
    BOOST_TEST(serves_within(2));
    for (const Host& host : kAll) come_home(host);
  });
}

BOOST_AUTO_TEST_CASE(the_survivor_of_two_lost_nodes_can_go_on_alone) {
  endure("SIGKILL of nodes 2 and 3, 1 goes on", kNoService, [](Traffic& traffic) {
    lose_majority();
    static_cast<void>(kAll[0].query(sql_of_manual("pc.bootstrap=yes")));
    BOOST_TEST(serves_within(2));
    traffic.flow(50);
    for (const Host& host : {kAll[1], kAll[2]}) host.start("database");
    static_cast<void>(kAll[0].query(sql_of_manual("'evs.causal_keepalive_period=PT0.4S")));
    for (const Host& host : kAll) come_home(host);
  });
}

BOOST_AUTO_TEST_CASE(after_a_crash_of_all_nodes_nothing_acknowledged_is_lost) {
  endure("SIGKILL of all nodes", kNoService, [](Traffic&) {
    for (const Host& host : kAll) host.signal("database", SIGKILL);
    BOOST_TEST(wait_until(10, [] { return is_refused(regist(fresh_phone())); }));
    run_script("scripts/cluster start");
    BOOST_TEST(wait_until(30, all_are_synced));
    for (const Host& host : kAll) come_home(host);
  });
}

BOOST_AUTO_TEST_CASE(after_a_crash_of_all_nodes_the_one_with_the_last_commit_can_begin) {
  endure("SIGKILL of all nodes, one begins", kNoService, [](Traffic& traffic) {
    for (const Host& host : kAll) host.signal("database", SIGKILL);
    BOOST_TEST(wait_until(10, [] { return is_refused(regist(fresh_phone())); }));
    // Node 3 is lost: of the others the one that has come furthest begins.
    const Host& first = kAll[0].last_commit() >= kAll[1].last_commit() ? kAll[0] : kAll[1];
    const Host& second = first.number() == 1 ? kAll[1] : kAll[0];
    run_script("sed -i 's/^safe_to_bootstrap: .*/safe_to_bootstrap: 1/' '" + first.folder() +
               "/mariadb/grastate.dat'");
    first.start("database", "NEW_CLUSTER=1");
    BOOST_TEST(serves_within(2));
    traffic.flow(50);
    for (const Host& host : {second, kAll[2]}) host.start("database");
    for (const Host& host : kAll) come_home(host);
  });
}

BOOST_AUTO_TEST_SUITE_END()
