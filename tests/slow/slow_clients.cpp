// Clients that connect and then stop: the worker is soon free again, uses no processor time
// meanwhile and can be stopped.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <functional>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

using fcgi::RecordType;

constexpr double kFreeAgainSeconds = 10;
constexpr double kIdleCpuSeconds = 0.2;

/// Points in a request after which a client may stop.
struct Beginning {
  const char* what;
  std::string bytes;
};

std::vector<Beginning> beginnings() {
  const fcgi::Request request = fcgi::regist(registration("13912345678"));
  const std::string begin = fcgi::begin_record();
  const std::string parameters =
      fcgi::record(RecordType::parameters, fcgi::encode(request.parameters));
  const std::string head = fcgi::head_of(request);
  const std::string half = request.body.substr(0, 9);
  return {
      {"half a header", begin.substr(0, 4)},
      {"the begin of a request", begin},
      {"half of the parameters", begin + parameters.substr(0, parameters.size() / 2)},
      {"parameters without their end", begin + parameters},
      {"no body", head},
      {"half of the body", head + fcgi::record(RecordType::standard_input, half)},
      {"a body without its end", head + fcgi::record(RecordType::standard_input, request.body)}};
}

/// A worker with a client that has stopped.
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

/// One for each point, so that they wait in parallel.
std::deque<Stalled> stall_each() {
  std::deque<Stalled> all;
  for (const Beginning& beginning : beginnings()) all.emplace_back(beginning);
  return all;
}

/// Returns the seconds left of a time limit shared by several waits.
std::function<double()> countdown() {
  using Clock = std::chrono::steady_clock;
  return [began = Clock::now()] {
    const std::chrono::duration<double> passed = Clock::now() - began;
    return std::max(kFreeAgainSeconds - passed.count(), 0.1);
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(slow_clients)

BOOST_AUTO_TEST_CASE(the_next_client_is_served_after_one_that_falls_silent) {
  auto all = stall_each();
  std::deque<fcgi::Client> next;
  for (const Stalled& stalled : all) {
    next.push_back(stalled.worker.connect());
    next.back().send(fcgi::whole(fcgi::get("/users/health/live")));
  }
  const auto left = countdown();
  for (std::size_t i = 0; i < all.size(); ++i) {
    BOOST_TEST_CONTEXT("after " << all[i].what) {
      BOOST_CHECK_NO_THROW(BOOST_TEST(next[i].reply(left()).status == 200));
      BOOST_TEST(all[i].worker.cpu_seconds() - all[i].cpu_before < kIdleCpuSeconds);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_worker_stops_though_its_client_has_fallen_silent) {
  auto all = stall_each();
  for (const Stalled& stalled : all) stalled.worker.signal(SIGTERM);
  const auto left = countdown();
  for (Stalled& stalled : all) {
    BOOST_TEST_CONTEXT("after " << stalled.what) {
      BOOST_TEST(stalled.worker.exit_within(left()).value_or(-1) == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_silent_connection_keeps_its_worker_neither_from_the_next_client_nor_busy) {
  const WorkerProcess worker;
  const fcgi::Client silent = worker.connect();
  const double before = worker.cpu_seconds();
  BOOST_TEST(worker.answers());
  BOOST_TEST(worker.cpu_seconds() - before < kIdleCpuSeconds);
}

BOOST_AUTO_TEST_CASE(silent_connections_neither_keep_a_worker_from_stopping_nor_add_up) {
  for (const auto& [connections, seconds] : {std::pair(1, 3.5), {5, 5.0}}) {
    WorkerProcess worker;
    std::deque<fcgi::Client> silent;
    for (int i = 0; i < connections; ++i) silent.push_back(worker.connect());
    const double before = worker.cpu_seconds();
    worker.signal(SIGTERM);
    // It waits as long as it runs.
    BOOST_TEST(!wait_until(1, [&] {
      return !worker.exit_within(0) && worker.cpu_seconds() - before > kIdleCpuSeconds;
    }));
    BOOST_TEST(worker.exit_within(seconds - 1).value_or(-1) == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_stays_after_its_reply_does_not_hold_its_worker) {
  const WorkerProcess worker;
  for (const bool keep : {true, false}) {
    fcgi::Client client = worker.connect();
    client.send(fcgi::whole(fcgi::get("/users/health/live"), keep));
    BOOST_TEST(client.reply().status == 200);
    BOOST_TEST(worker.answers());
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_goes_on_sending_after_its_reply_does_not_hold_its_worker) {
  const WorkerProcess worker;
  for (const std::string& request :
       {fcgi::whole(fcgi::get("/users/health/live")),
        // Refused before it is a request.
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
