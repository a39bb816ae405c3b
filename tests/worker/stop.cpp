// How a worker ends: at once where it is idle, after its reply where it is not, and never with half
// a request taken for a whole one.
#include <csignal>

#include <boost/test/unit_test.hpp>

#include "support/worker_process.hpp"

namespace users::test {

constexpr double kIdleStopSeconds = 1.5;  // half a second, and the machine may be busy
constexpr double kPeerTimeoutSeconds = 5;
constexpr double kSlackSeconds = 2;

const std::string kRegistration = registration("13912345678");

/// Brings a worker into the middle of a registration: half of its body is there.
fcgi::Client begin_registration(const WorkerProcess& worker) {
  const fcgi::Request request = fcgi::regist(kRegistration);
  fcgi::Client client = worker.connect();
  client.send(fcgi::head_of(request) +
              fcgi::record(fcgi::RecordType::standard_input, kRegistration.substr(0, 10)));
  BOOST_TEST_REQUIRE(client.all_taken());
  return client;
}

void send_rest(const fcgi::Client& client) {
  using fcgi::RecordType;
  client.send(fcgi::record(RecordType::standard_input, kRegistration.substr(10)) +
              fcgi::record(RecordType::standard_input));
}

BOOST_AUTO_TEST_SUITE(stop)

BOOST_AUTO_TEST_CASE(an_idle_worker_leaves_at_each_stop_signal, *boost::unit_test::label("deep")) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    BOOST_TEST_CONTEXT("signal " << signal) {
      WorkerProcess worker;
      worker.signal(signal);
      BOOST_TEST(worker.exit_within(kIdleStopSeconds).value_or(-1) == 0);
      BOOST_TEST(worker.log().find("worker stopped") != std::string::npos);
      BOOST_TEST(worker.errors() == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_worker_that_has_served_leaves_as_well) {
  WorkerProcess worker;
  BOOST_TEST(worker.ask(fcgi::regist(kRegistration)).code() == 9001);
  worker.signal(SIGTERM);
  BOOST_TEST(worker.exit_within(kIdleStopSeconds).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_request_in_flight_gets_its_reply_first) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    BOOST_TEST_CONTEXT("signal " << signal) {
      WorkerProcess worker;
      fcgi::Client client = begin_registration(worker);
      worker.signal(signal);
      BOOST_TEST(!worker.exit_within(0.2).has_value());
      send_rest(client);
      BOOST_TEST(client.reply().code() == 9001);  // whole: it went as far as the database
      client.close();
      BOOST_TEST(worker.exit_within(kIdleStopSeconds).value_or(-1) == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(signals_sent_again_and_again_change_nothing) {
  WorkerProcess worker;
  fcgi::Client client = begin_registration(worker);
  for (int i = 0; i < 100; ++i) {
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) worker.signal(signal);
  }
  send_rest(client);
  BOOST_TEST(client.reply().code() == 9001);
  client.close();
  BOOST_TEST(worker.exit_within(kIdleStopSeconds).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(half_a_body_is_never_taken_for_a_whole_one, *boost::unit_test::label("deep")) {
  WorkerProcess worker;
  // What is sent is a good registration; only its announced length shows that more was to come.
  fcgi::Request request = fcgi::regist(kRegistration);
  request.parameters["CONTENT_LENGTH"] = std::to_string(kRegistration.size() + 10);
  fcgi::Client client = worker.connect();
  client.send(fcgi::head_of(request) +
              fcgi::record(fcgi::RecordType::standard_input, kRegistration));
  BOOST_TEST_REQUIRE(client.all_taken());
  worker.signal(SIGTERM);
  const HttpReply reply = client.reply(kPeerTimeoutSeconds + kSlackSeconds);
  BOOST_TEST((reply.status == 0 || reply.code() == 1001), reply.body);
  client.close();
  BOOST_TEST(worker.exit_within(kIdleStopSeconds).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_connection_that_waits_is_left_to_the_next_worker,
                     *boost::unit_test::label("deep")) {
  WorkerProcess worker;
  worker.signal(SIGTERM);
  BOOST_TEST_REQUIRE(worker.exit_within(kIdleStopSeconds).value_or(-1) == 0);
  fcgi::Client client = worker.connect();
  client.send(fcgi::whole(fcgi::get("/users/health/live")));
  worker.start_again();
  BOOST_TEST(client.reply().status == 200);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
