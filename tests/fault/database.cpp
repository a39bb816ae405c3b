// The database killed, frozen, cut off, locked, full and read-only during traffic.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "fault/ledger.hpp"
#include "support/cutting_proxy.hpp"
#include "support/metrics_text.hpp"
#include "support/whole_stack.hpp"

using namespace users::test;
namespace data = boost::unit_test::data;

namespace {

int server() {
  int pid = 0;
  std::ifstream(run_folder() + "/database.pid") >> pid;
  return pid;
}

/// Sets a global variable, and restores it over the same connection, because the server may accept
/// no other.
class GlobalVariable {
 public:
  GlobalVariable(std::string name, const std::string& value)
      : name_(std::move(name)), before_(query("SELECT @@GLOBAL." + name_)) {
    set(value);
  }
  ~GlobalVariable() { set(before_); }

 private:
  void set(const std::string& value) {
    connection_->run_script("SET GLOBAL " + name_ + " = " + value, name_);
  }

  std::unique_ptr<users::db::Connection> connection_ = administrator();
  std::string name_;
  std::string before_;
};

/// Ends the service's connections.
void cut_service_connections(users::db::Connection& administrator) {
  administrator.run_script("KILL USER users_service", "cut");
}

/// How often workers have tried to connect in vain.
double failed_connects() {
  return value_of(scrape(), "users_database_connects_total{result=\"failed\"}");
}

/// Replaces the database's socket while it lives, to cut or stall all connections; existing ones
/// are cut.
class DatabaseGate {
 public:
  explicit DatabaseGate(std::optional<CuttingProxy::Cut> cut = std::nullopt) {
    std::filesystem::rename(front_, back_);
    proxy_.emplace(back_, std::move(cut), CuttingProxy::Filter{}, front_);
    cut_service_connections(*administrator());
  }
  ~DatabaseGate() {
    std::error_code gone;
    if (!proxy_) {
      std::filesystem::remove(back_, gone);
      return;
    }
    proxy_.reset();
    std::filesystem::rename(back_, front_, gone);
  }

  CuttingProxy* operator->() { return &*proxy_; }
  /// Makes room for a database that is started again.
  void step_aside() { proxy_.reset(); }

 private:
  std::string front_ = run_folder() + "/mariadb.sock";
  std::string back_ = run_folder() + "/mariadb.real";
  std::optional<CuttingProxy> proxy_;
};

struct Stage {
  const char* name;
  const char* trigger;  ///< as a worker sends it
  Moment moment;
  int rows;  ///< rows of the phone after the fault, before any retry
};
std::ostream& operator<<(std::ostream& out, const Stage& stage) {
  return out << stage.name;
}

// With the byte of COM_QUERY, because the session's settings contain COMMIT, too.
const Stage kStages[] = {
    {"before the transaction begins", "\003START TRANSACTION", Moment::before, 0},
    {"before the INSERT arrives", "$argon2id$", Moment::before, 0},
    {"after the INSERT, before its answer", "$argon2id$", Moment::after, 0},
    {"before the COMMIT arrives", "\003COMMIT", Moment::before, 0},
    {"after the COMMIT, before its answer", "\003COMMIT", Moment::after, 1},
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(database, WholeStack)

BOOST_DATA_TEST_CASE(killed_at_a_stage_of_a_registration, data::make(kStages), stage) {
  // The courier has transactions, too.
  run_script("scripts/stop courier");
  const std::string phone = fresh_phone();
  const auto ask = [&] { return regist_with_key(phone).code(); };
  {
    DatabaseGate gate(
        CuttingProxy::Cut{stage.trigger, stage.moment, [] { ::kill(server(), SIGKILL); }});
    BOOST_TEST(ask() == 9001);
    BOOST_TEST(gate->has_cut());
    gate.step_aside();
    run_script("scripts/start database");
  }
  BOOST_TEST(count_users("+86" + phone) == stage.rows);
  BOOST_TEST(wait_until(5, [&] { return ask() == 0; }));
  BOOST_TEST(count_users("+86" + phone) == 1);
  (void)std::printf("database killed %s: 9001, %d rows; the retry 0, 1 row\n", stage.name,
                    stage.rows);
}

BOOST_AUTO_TEST_CASE(killed_and_started_again) {
  const double before = failed_connects();
  const Tally met = survive("database killed and started", [](Traffic& traffic) {
    for (int round = 0; round < 2; ++round) {
      BOOST_TEST_REQUIRE(::kill(server(), SIGKILL) == 0);
      run_script("scripts/start database");
      traffic.flow(200);
    }
  });
  BOOST_TEST(failed_connects() > before);
  // A request waits two seconds for the database before it gives up.
  BOOST_TEST((met.unknown == 0 || met.longest > 2));
}

BOOST_AUTO_TEST_CASE(frozen_for_three_seconds) {
  const Tally met = survive("database frozen for 3 s", [](Traffic&) {
    ::kill(server(), SIGSTOP);
    std::this_thread::sleep_for(std::chrono::seconds(3));  // the fault's length
    ::kill(server(), SIGCONT);
  });
  BOOST_TEST(met.longest > 2.5);
}

BOOST_AUTO_TEST_CASE(connections_cut_again_and_again) {
  survive("every connection cut 10 times", [](Traffic& traffic) {
    DatabaseGate gate;
    for (int round = 0; round < 10; ++round) {
      gate->cut_all();
      traffic.flow(50);
    }
  });
}

BOOST_AUTO_TEST_CASE(connections_that_carry_nothing_for_two_seconds) {
  const Tally met = survive("connections stalled for 2 s", [](Traffic& traffic) {
    DatabaseGate gate;
    traffic.flow(100);
    gate->stall();
    std::this_thread::sleep_for(std::chrono::seconds(2));  // the fault's length
    gate->resume();
    traffic.flow(200);
  });
  BOOST_TEST(met.longest > 1.5);
}

BOOST_AUTO_TEST_CASE(connections_that_stall_for_longer_than_a_worker_waits) {
  const Tally met = survive("connections stalled for 9 s, then cut", [](Traffic& traffic) {
    DatabaseGate gate;
    traffic.flow(100);
    gate->stall();
    std::this_thread::sleep_for(std::chrono::seconds(9));  // above database.read_timeout
    gate->cut_all();
    gate->resume();
  });
  BOOST_TEST(met.unknown > 0);
}

BOOST_AUTO_TEST_CASE(tables_locked_for_two_seconds) {
  const Tally met = survive("tables locked for 2 s", [](Traffic&) {
    const auto locker = administrator("users");
    locker->run_script("LOCK TABLES users WRITE, sessions WRITE; DO SLEEP(2); UNLOCK TABLES",
                       "lock");
  });
  BOOST_TEST(met.longest > 1.5);
}

BOOST_AUTO_TEST_CASE(a_phone_whose_row_another_holds_waits_and_is_settled) {
  for (const bool commit : {false, true}) {
    const std::string phone = fresh_phone();
    const auto other = administrator("users");
    other->run_script(
        "START TRANSACTION; INSERT INTO users (phone, password, createTime) VALUES ('+86" + phone +
            "', 'x', UTC_TIMESTAMP())",
        "hold");
    std::atomic<int> code{-1};
    std::jthread client([&] { code = regist(phone).code(); });
    BOOST_TEST(wait_until(10, [] {
      return query(
                 "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'users_service' "
                 "AND info LIKE "
                 "'INSERT INTO users%'") == "1";
    }));
    // Only requests for that row wait.
    BOOST_TEST(regist(fresh_phone()).code() == 0);
    other->run_script(commit ? "COMMIT" : "ROLLBACK", "release");
    client.join();
    BOOST_TEST(code == (commit ? 1002 : 0));
    BOOST_TEST(count_users("+86" + phone) == 1);
  }
}

BOOST_AUTO_TEST_CASE(all_connections_taken) {
  const double before = failed_connects();
  const Tally met = survive("max_connections reached", [](Traffic& traffic) {
    const auto last = administrator();
    const GlobalVariable fewest("max_connections", "10");
    cut_service_connections(*last);
    traffic.flow(200);
  });
  BOOST_TEST(failed_connects() > before);
  BOOST_TEST((met.unknown == 0 || met.longest > 2));
}

BOOST_AUTO_TEST_CASE(a_read_only_server) {
  const Tally met = survive("server read-only", [](Traffic& traffic) {
    const GlobalVariable read_only("read_only", "1");
    traffic.flow(200);
  });
  BOOST_TEST(met.unknown > 0);
}

BOOST_AUTO_TEST_SUITE_END()
