// How a worker exits: at once if idle, otherwise after its reply, and never with half a request
// taken for a whole one.
#include <csignal>

#include <boost/test/unit_test.hpp>

#include "support/text.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

constexpr double kIdleStopSeconds = 1.5;  // half a second, plus time for a busy machine
constexpr double kPeerTimeoutSeconds = 5;
constexpr double kSlackSeconds = 2;

constexpr int kSignals[] = {SIGTERM, SIGINT, SIGUSR1};
const std::string kRegistration = registration("13912345678");

/// Sends half of a registration's body.
fcgi::Client begin_registration(const WorkerProcess& worker) {
  const fcgi::Request request = fcgi::regist(kRegistration);
  fcgi::Client client = worker.connect();
  client.send(fcgi::head_of(request) +
              fcgi::record(fcgi::RecordType::standard_input, kRegistration.substr(0, 10)));
  BOOST_TEST_REQUIRE(client.all_taken());
  return client;
}

void check_ends(WorkerProcess& worker) {
  BOOST_TEST(worker.exit_within(kIdleStopSeconds).value_or(-1) == 0, worker.errors());
}

/// Sends the rest of the registration: the worker must answer, as far as it can without a database,
/// and exit.
void check_answers_and_ends(WorkerProcess& worker, fcgi::Client& client) {
  client.send(fcgi::record(fcgi::RecordType::standard_input, kRegistration.substr(10)) +
              fcgi::record(fcgi::RecordType::standard_input));
  BOOST_TEST(client.reply().code() == 9001);
  client.close();
  check_ends(worker);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stop)

BOOST_AUTO_TEST_CASE(an_idle_worker_leaves_at_each_stop_signal, *boost::unit_test::label("deep")) {
  for (const int signal : kSignals) {
    BOOST_TEST_CONTEXT("signal " << signal) {
      WorkerProcess worker;
      worker.signal(signal);
      check_ends(worker);
      BOOST_TEST(contains(worker.log(), "worker stopped"));
      BOOST_TEST(worker.errors() == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_worker_that_has_served_leaves_as_well) {
  WorkerProcess worker;
  BOOST_TEST(worker.ask(fcgi::regist(kRegistration)).code() == 9001);
  worker.signal(SIGTERM);
  check_ends(worker);
}

BOOST_AUTO_TEST_CASE(a_request_in_flight_gets_its_reply_first) {
  for (const int signal : kSignals) {
    BOOST_TEST_CONTEXT("signal " << signal) {
      WorkerProcess worker;
      fcgi::Client client = begin_registration(worker);
      worker.signal(signal);
      BOOST_TEST(!worker.exit_within(0.2).has_value());
      check_answers_and_ends(worker, client);
    }
  }
}

BOOST_AUTO_TEST_CASE(signals_sent_again_and_again_change_nothing) {
  WorkerProcess worker;
  fcgi::Client client = begin_registration(worker);
  for (int i = 0; i < 300; ++i) worker.signal(kSignals[i % 3]);
  check_answers_and_ends(worker, client);
}

BOOST_AUTO_TEST_CASE(half_a_body_is_never_taken_for_a_whole_one, *boost::unit_test::label("deep")) {
  WorkerProcess worker;
  // The part sent is a valid registration; only the announced length shows that more was to come.
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
  check_ends(worker);
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
