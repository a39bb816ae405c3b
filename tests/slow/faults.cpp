// Faults of production: a worker killed, the database gone and back, a pool gone.
#include <algorithm>
#include <csignal>
#include <future>

#include <boost/test/unit_test.hpp>

#include "support/metrics_text.hpp"
#include "support/person.hpp"
#include "support/stack.hpp"
#include "support/whole_stack.hpp"

using namespace users::test;

BOOST_FIXTURE_TEST_SUITE(faults, WholeStack)

BOOST_AUTO_TEST_CASE(the_database_gone_is_said_and_its_return_is_found) {
  const auto workers = worker_pids();
  const std::string phone = fresh_phone();
  run_script("scripts/stop database");
  for (int i = 0; i < 8; ++i) {
    const HttpReply reply = regist(phone);
    BOOST_TEST(reply.status == 503, i);
    BOOST_TEST(reply.code() == 9001, i);
    BOOST_TEST(reply.header("retry-after") == "1");
  }
  // For a second, a worker may repeat what it found just before the stop.
  HttpReply ready;
  BOOST_TEST(wait_until(30, [&] {
    ready = call("GET", "health/ready");
    return ready.status == 503;
  }));
  BOOST_TEST(ready.header("retry-after") == "1");
  BOOST_TEST(call("GET", "health/live").status == 200);

  run_script("scripts/start database");
  BOOST_TEST(wait_until(30, every_worker_is_ready));
  BOOST_TEST(regist(phone).code() == 0);
  BOOST_TEST(worker_pids() == workers, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_worker_whose_connection_was_cut_is_ready) {
  administrator()->run_script("KILL USER users_service", "cut");
  for (int i = 0; i < 24; ++i) BOOST_TEST(call("GET", "health/ready").status == 200, i);
}

BOOST_AUTO_TEST_CASE(a_worker_killed_while_idle_is_replaced) {
  const auto before = worker_pids();
  BOOST_TEST_REQUIRE(::kill(before.front(), SIGKILL) == 0);
  BOOST_TEST(wait_until(30, [&] {
    const auto now = worker_pids();
    return now.size() == before.size() && std::ranges::count(now, before.front()) == 0;
  }));
  for (std::size_t i = 0; i < before.size(); ++i) BOOST_TEST(regist(fresh_phone()).code() == 0);
}

BOOST_AUTO_TEST_CASE(the_pool_gone_is_said_in_json) {
  run_script("scripts/stop pool");
  const HttpReply reply = regist(fresh_phone());
  BOOST_TEST(reply.status == 503);
  BOOST_TEST(reply.code() == 9001);
  BOOST_TEST(reply.header("retry-after") == "1");
  BOOST_TEST(reply.body.find(R"("retry_after":1)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_login_outlives_the_lock_on_its_counter) {
  Person person;
  person.regist();
  static_cast<void>(person.token());
  const std::string bucket = "'login:" + person.e164() + "'";
  query("INSERT INTO throttle (bucket, used, resetTime) VALUES (" + bucket +
        ", 1, UTC_TIMESTAMP() + INTERVAL 15 MINUTE)");
  const auto holder = administrator("users");
  holder->run_script(
      "START TRANSACTION; SELECT 1 FROM throttle WHERE bucket = " + bucket + " FOR UPDATE", "lock");
  const Samples before = scrape();
  const auto errors = [&](const std::string& kind) {
    return grown(before, scrape(),
                 "users_statement_errors_total{statement=\"hit_throttle\",error=\"" + kind + "\"}");
  };
  auto login = std::async(std::launch::async, [&] { return person.login(); });
  BOOST_TEST(wait_until(30, [&] { return errors("lock_wait") > 0; }));
  holder->run_script("ROLLBACK", "unlock");
  BOOST_TEST(login.get().code() == 0);
  BOOST_TEST(errors("connection_lost") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
