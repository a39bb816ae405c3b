// Clients that connect and stop: the worker is free again soon, uses no processor time meanwhile,
// and can be stopped.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"
#include "support/worker_process.hpp"

namespace users::test {

using fcgi::RecordType;

constexpr double kFreeAgainSeconds = 10;
constexpr double kIdleCpuSeconds = 0.2;

/// The beginnings of a request after which a client may fall silent.
struct Beginning {
  const char* what;
  std::string bytes;
};

std::vector<Beginning> beginnings() {
  const fcgi::Request request = fcgi::regist(registration("13912345678"));
  const std::string parameters = fcgi::encode(request.parameters);
  return {
      {"half a header", fcgi::begin_record().substr(0, 4)},
      {"the begin of a request", fcgi::begin_record()},
      {"half of the parameters",
       fcgi::begin_record() +
           fcgi::record(RecordType::parameters, parameters).substr(0, 8 + parameters.size() / 2)},
      {"parameters without their end",
       fcgi::begin_record() + fcgi::record(RecordType::parameters, parameters)},
      {"no body", fcgi::head_of(request)},
      {"half of the body", fcgi::head_of(request) +
                               fcgi::record(RecordType::standard_input, request.body.substr(0, 9))},
      {"a body without its end",
       fcgi::head_of(request) + fcgi::record(RecordType::standard_input, request.body)},
  };
}

/// A worker and a client that has fallen silent.
struct Stalled {
  explicit Stalled(const Beginning& beginning) : what(beginning.what), client(worker.connect()) {
    client.send(beginning.bytes);
    BOOST_TEST_REQUIRE(client.all_taken());
    cpu_before = worker.cpu_seconds();
  }

  const char* what;
  WorkerProcess worker;
  fcgi::Client client;
  double cpu_before = 0;
};

/// One for each beginning: their waits run side by side.
std::deque<Stalled> stall_each() {
  std::deque<Stalled> all;
  for (const Beginning& beginning : beginnings()) all.emplace_back(beginning);
  return all;
}

/// One time limit for several waits in a row.
class Deadline {
 public:
  explicit Deadline(double seconds) : end_(Clock::now() + std::chrono::duration<double>(seconds)) {}
  [[nodiscard]] double left() const {
    constexpr double kLeast = 0.1;
    return std::max(std::chrono::duration<double>(end_ - Clock::now()).count(), kLeast);
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::time_point<Clock, std::chrono::duration<double>> end_;
};

BOOST_AUTO_TEST_SUITE(slow_clients)

BOOST_AUTO_TEST_CASE(the_next_client_is_served_after_one_that_falls_silent,
                     *boost::unit_test::label("deep")) {
  auto all = stall_each();
  std::deque<fcgi::Client> next;
  for (const Stalled& stalled : all) {
    next.push_back(stalled.worker.connect());
    next.back().send(fcgi::whole(fcgi::get("/users/health/live")));
  }
  const Deadline deadline(kFreeAgainSeconds);
  for (std::size_t i = 0; i < all.size(); ++i) {
    BOOST_TEST_CONTEXT("after " << all[i].what) {
      BOOST_CHECK_NO_THROW(BOOST_TEST(next[i].reply(deadline.left()).status == 200));
      BOOST_TEST(all[i].worker.cpu_seconds() - all[i].cpu_before < kIdleCpuSeconds);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_worker_stops_though_its_client_has_fallen_silent,
                     *boost::unit_test::label("deep")) {
  auto all = stall_each();
  for (const Stalled& stalled : all) stalled.worker.signal(SIGTERM);
  const Deadline deadline(kFreeAgainSeconds);
  for (Stalled& stalled : all) {
    BOOST_TEST_CONTEXT("after " << stalled.what) {
      BOOST_TEST(stalled.worker.exit_within(deadline.left()).value_or(-1) == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_silent_connection_neither_keeps_a_worker_from_stopping_nor_busy,
                     *boost::unit_test::label("deep")) {
  WorkerProcess worker;
  const fcgi::Client silent = worker.connect();
  const double before = worker.cpu_seconds();
  worker.signal(SIGTERM);
  BOOST_TEST(!wait_until(1, [&] { return worker.cpu_seconds() - before > kIdleCpuSeconds; }));
  BOOST_TEST(worker.exit_within(2.5).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(the_next_client_is_served_after_a_silent_connection,
                     *boost::unit_test::label("deep")) {
  const WorkerProcess worker;
  const fcgi::Client silent = worker.connect();
  const double before = worker.cpu_seconds();
  BOOST_TEST(worker.answers());
  BOOST_TEST(worker.cpu_seconds() - before < kIdleCpuSeconds);
}

BOOST_AUTO_TEST_CASE(silent_connections_do_not_add_up_when_a_worker_is_stopped,
                     *boost::unit_test::label("deep")) {
  WorkerProcess worker;
  std::deque<fcgi::Client> silent;
  for (int i = 0; i < 5; ++i) silent.push_back(worker.connect());
  worker.signal(SIGTERM);
  BOOST_TEST(worker.exit_within(5).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_kept_connection_that_is_idle_does_not_hold_its_worker,
                     *boost::unit_test::label("deep")) {
  const WorkerProcess worker;
  fcgi::Client client = worker.connect();
  client.send(fcgi::whole(fcgi::get("/users/health/live"), true));
  BOOST_TEST(client.reply().status == 200);
  BOOST_TEST(worker.answers());
}

BOOST_AUTO_TEST_CASE(a_client_that_stays_after_its_reply_does_not_hold_its_worker,
                     *boost::unit_test::label("deep")) {
  const WorkerProcess worker;
  fcgi::Client client = worker.connect();
  client.send(fcgi::whole(fcgi::get("/users/health/live")));
  BOOST_TEST(client.reply().status == 200);
  BOOST_TEST(worker.answers());
}

BOOST_AUTO_TEST_CASE(a_client_that_goes_on_sending_after_its_reply_does_not_hold_its_worker,
                     *boost::unit_test::label("deep")) {
  const WorkerProcess worker;
  for (const std::string& request :
       {fcgi::whole(fcgi::get("/users/health/live")),
        // What is refused before it is a request.
        fcgi::begin_record() +
            fcgi::stream(fcgi::RecordType::parameters, std::string(100'000, '\1'))}) {
    fcgi::Client client = worker.connect();
    client.send(request);
    const std::jthread dripping([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        client.send("x");
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
    });
    BOOST_TEST(worker.answers());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
