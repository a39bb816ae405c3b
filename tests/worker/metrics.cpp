// Metrics that workers share, without a database, and the end of stuck workers.
#include <csignal>

#include <boost/test/unit_test.hpp>
#include <unistd.h>

#include "support/metrics_text.hpp"
#include "support/stack.hpp"
#include "support/text.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

Samples metrics_of(const WorkerProcess& worker) {
  const HttpReply reply = worker.ask(fcgi::get("/users/metrics"));
  BOOST_TEST(reply.status == 200);
  return read_metrics(reply.body);
}

/// Workers that count into the file of the first.
struct Pool {
  TemporaryDirectory directory;
  std::string file = (directory.path() / "metrics").string();
  WorkerOptions options{.environment = {"USERS_FCGI_METRICS_FILE=" + file}};
};

/// The same, with requests limited to a second.
struct ImpatientPool : Pool {
  ImpatientPool() { options.config = "worker.request_limit = 1"; }
};

/// Sends the first half of a request.
fcgi::Client begin_request(const WorkerProcess& worker) {
  fcgi::Client client = worker.connect();
  const std::string bytes = fcgi::whole(fcgi::regist("{}"));
  client.send(bytes.substr(0, bytes.size() / 2));
  return client;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(metrics_are_plain_text_of_their_own_type) {
  const WorkerProcess worker;
  fcgi::Request request = fcgi::get("/users/metrics");
  request.parameters["HTTP_ACCEPT"] = "application/json";
  const HttpReply reply = worker.ask(request);
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.header("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  BOOST_TEST(reply.header("cache-control") == "no-store");
  BOOST_TEST(reply.body.starts_with("# HELP users_build_info "));
  BOOST_TEST(reply.body.find("users_build_info{version=\"" USERS_FCGI_VERSION "\"} 1\n") !=
             std::string::npos);
  BOOST_TEST(worker.ask(fcgi::post("/users/metrics", "")).header("allow") == "GET, HEAD");
}

BOOST_AUTO_TEST_CASE(without_a_database_they_come_all_the_same) {
  const WorkerProcess worker;
  const Samples samples = metrics_of(worker);
  BOOST_TEST(samples.at("users_database_up") == 0);
  BOOST_TEST(samples.count("users_outbox_oldest_seconds") == 0U);
  BOOST_TEST(samples.count("users_outbox_messages{state=\"pending\"}") == 0U);
  BOOST_TEST(samples.at("users_database_connects_total{result=\"failed\"}") >= 1);
  BOOST_TEST(samples.at("users_database_connects_total{result=\"ok\"}") == 0);
}

BOOST_AUTO_TEST_CASE(every_reply_is_counted_by_route_and_code) {
  const WorkerProcess worker;
  const Samples before = metrics_of(worker);
  for (int i = 0; i < 3; ++i) worker.ask(fcgi::regist("{}"));
  worker.ask(fcgi::regist(registration("13912345678")));
  worker.ask(fcgi::regist(std::string(20'000, ' ')));
  worker.ask(fcgi::get("/users/auth"));
  const Samples after = metrics_of(worker);
  BOOST_TEST(grown(before, after, requests("POST regist", 1001)) == 3);
  BOOST_TEST(grown(before, after, requests("POST regist", 9001)) == 1);
  BOOST_TEST(grown(before, after, requests("POST regist", 9004)) == 1);
  BOOST_TEST(grown(before, after, requests("GET auth", 1009)) == 1);
  BOOST_TEST(grown(before, after, requests("GET metrics", 0)) == 1);
  BOOST_TEST(grown(before, after, "users_request_seconds_count{route=\"POST regist\"}") == 5);
}

BOOST_AUTO_TEST_CASE(what_a_client_makes_up_is_one_label) {
  const WorkerProcess worker;
  const std::size_t before = metrics_of(worker).size();
  for (int i = 0; i < 30; ++i) {
    worker.ask(fcgi::get("/users/" + std::to_string(i) + "\"\n{}"));
    worker.ask(fcgi::post("/users/sessions/" + std::to_string(i), ""));
    fcgi::Request request = fcgi::regist("");
    request.parameters["REQUEST_METHOD"] = "M" + std::to_string(i);
    worker.ask(request);
    request.parameters.erase("REQUEST_METHOD");
    worker.ask(request);
  }
  const Samples after = metrics_of(worker);
  BOOST_TEST(value_of(after, requests("other", 9002)) == 30);
  BOOST_TEST(value_of(after, requests("other", 9003)) == 60);
  BOOST_TEST(value_of(after, requests("other", 1001)) == 30);
  // Three counters and a histogram of 14 buckets, sum and count; the same for GET metrics.
  BOOST_TEST(after.size() == before + 3 + 16 + 1 + 16);
}

BOOST_AUTO_TEST_CASE(any_worker_tells_what_all_have_counted_dead_ones_too) {
  const Pool pool;
  WorkerProcess one(pool.options);
  const WorkerProcess other(pool.options);
  const Samples before = metrics_of(other);
  BOOST_TEST(before.at("users_workers") == 2);
  for (int i = 0; i < 5; ++i) one.ask(fcgi::regist("{}"));
  one.signal(SIGKILL);
  BOOST_TEST(one.exit_within(5).value_or(-1) == 128 + SIGKILL);
  const Samples after = metrics_of(other);
  BOOST_TEST(grown(before, after, requests("POST regist", 1001)) == 5);
  BOOST_TEST(after.at("users_workers") == 1);
  BOOST_TEST(after.at("users_workers_busy") == 1);  // the worker that answers
  BOOST_TEST(after.at("users_workers_ended_total") == 0);
}

BOOST_AUTO_TEST_CASE(a_worker_without_its_file_serves_all_the_same) {
  const WorkerProcess worker({.environment = {"USERS_FCGI_METRICS_FILE=/nowhere/metrics"}});
  BOOST_TEST(worker.answers());
  BOOST_TEST(metrics_of(worker).at("users_workers") == 1);
  BOOST_TEST(contains(worker.log(), "metrics: /nowhere/metrics: "));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_while_in_use_fails_no_request,
                     *boost::unit_test::label("deep")) {
  for (const off_t size : {100'000, 5000, 0}) {
    const Pool pool;
    WorkerProcess worker(pool.options);
    // Stopped, so that the file is cut in the middle of a request.
    fcgi::Client client = worker.connect();
    worker.signal(SIGSTOP);
    client.send(fcgi::whole(fcgi::get("/users/metrics")));
    BOOST_TEST_REQUIRE(::truncate(pool.file.c_str(), size) == 0);
    worker.signal(SIGCONT);
    BOOST_TEST(client.reply().status == 200);
    // It exits, and its successor makes a new file.
    BOOST_TEST(worker.exit_within(30).value_or(-1) == 0);
    worker.start_again();
    BOOST_TEST(metrics_of(worker).at("users_workers") == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_worker_that_is_stuck_in_a_request_is_ended,
                     *boost::unit_test::label("deep")) {
  const ImpatientPool pool;
  WorkerProcess stuck(pool.options);
  WorkerProcess idle(pool.options);
  const WorkerProcess watcher(pool.options);
  const fcgi::Client client = begin_request(stuck);
  BOOST_TEST(wait_until(30, [&] { return metrics_of(watcher).at("users_workers_busy") == 2; }));
  stuck.signal(SIGSTOP);
  idle.signal(SIGSTOP);

  BOOST_TEST(stuck.exit_within(10).value_or(-1) == 128 + SIGKILL);
  const Samples after = metrics_of(watcher);
  BOOST_TEST(after.at("users_workers_ended_total") == 1);
  BOOST_TEST(after.at("users_workers") == 2);
  const std::string line = "ERROR [-] worker " + std::to_string(stuck.pid()) +
                           " has been in one request for 1 s and is ended (worker.request_limit)";
  BOOST_TEST(contains(watcher.log(), line), watcher.log());
  // A worker without a request is not stuck, even if it does not run.
  idle.signal(SIGCONT);
  BOOST_TEST(idle.answers());
}

BOOST_AUTO_TEST_CASE(a_client_that_never_ends_its_request_ends_no_service,
                     *boost::unit_test::label("deep")) {
  const ImpatientPool pool;
  WorkerProcess held(pool.options);
  const WorkerProcess watcher(pool.options);
  const fcgi::Client client = begin_request(held);
  BOOST_TEST(held.exit_within(10).value_or(-1) == 128 + SIGKILL);
  held.start_again();
  BOOST_TEST(held.answers());
  BOOST_TEST(watcher.answers());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
