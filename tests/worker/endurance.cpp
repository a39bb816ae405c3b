// A worker after many requests, and one without free descriptors.
#include <csignal>

#include <boost/test/unit_test.hpp>
#include <sys/resource.h>

#include "support/stack.hpp"
#include "support/text.hpp"
#include "support/worker_process.hpp"

namespace users::test {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kKeepsFreedMemory = true;  // and detects leaks itself
#else
constexpr bool kKeepsFreedMemory = false;
#endif

/// Below the worker's own descriptors, so that it gets no more. Not 0, because the limit must not
/// be below the number of descriptors that poll(2) gets.
constexpr rlim_t kNoneLeft = 3;

/// Sets the soft limit of descriptors of a running process; returns the old one.
rlim_t limit_descriptors(pid_t pid, rlim_t limit) {
  rlimit now{};
  BOOST_TEST_REQUIRE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &now) == 0);
  const rlimit next{limit, now.rlim_max};
  BOOST_TEST_REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &next, nullptr) == 0);
  return now.rlim_cur;
}

/// Looks in the log, and on standard error in case midnight made the log need a new descriptor.
bool says(const WorkerProcess& worker, const char* text) {
  return contains(worker.log() + worker.errors(), text);
}

/// Leaves the worker without free descriptors; returns the old limit.
rlim_t take_descriptors(const WorkerProcess& worker) {
  const rlim_t usual = limit_descriptors(worker.pid(), kNoneLeft);
  BOOST_TEST_REQUIRE(wait_until(30, [&] { return says(worker, "Too many open files"); }));
  return usual;
}

/// Sends one request of each kind.
void ask_everything(const WorkerProcess& worker) {
  BOOST_TEST_REQUIRE(worker.ask(fcgi::get("/users/health/live")).code() == 0);
  BOOST_TEST_REQUIRE(worker.ask(fcgi::regist(registration("13912345678"))).code() == 9001);
  BOOST_TEST_REQUIRE(worker.ask(fcgi::regist("{\"phone\":")).code() == 1001);
  BOOST_TEST_REQUIRE(worker.ask(fcgi::get("/nothing")).code() == 9002);
  BOOST_TEST_REQUIRE(worker.ask(fcgi::regist(std::string(20'000, ' '))).code() == 9004);
}

BOOST_AUTO_TEST_SUITE(endurance)

BOOST_AUTO_TEST_CASE(a_thousand_requests_cost_no_descriptor_and_no_memory) {
  constexpr unsigned long kDescriptors = 16;  // one leaked per hundred requests is too many
  constexpr int kWarmUp = 50;
  constexpr int kRounds = 200;
  constexpr long kMostGrowthKib = 2048;
  const WorkerProcess worker({.descriptors = kDescriptors});
  for (int i = 0; i < kWarmUp; ++i) ask_everything(worker);
  const long before = worker.resident_kib();
  for (int i = 0; i < kRounds; ++i) ask_everything(worker);
  if (!kKeepsFreedMemory) BOOST_TEST(worker.resident_kib() - before < kMostGrowthKib);
  BOOST_TEST(worker.errors() == "");
}

BOOST_AUTO_TEST_CASE(a_thousand_clients_that_want_to_keep_their_connection_cost_none) {
  const WorkerProcess worker({.descriptors = 16});
  for (int i = 0; i < 1000; ++i) {
    fcgi::Client client = worker.connect();
    client.send(fcgi::whole(fcgi::get("/users/health/live"), true));
    BOOST_TEST_REQUIRE(client.reply().status == 200);
  }
  BOOST_TEST(worker.errors() == "");
}

BOOST_AUTO_TEST_CASE(a_worker_without_descriptors_waits_and_recovers,
                     *boost::unit_test::label("deep")) {
  const WorkerProcess worker;
  const rlim_t usual = take_descriptors(worker);
  fcgi::Client client = worker.connect();
  client.send(fcgi::whole(fcgi::get("/users/health/live")));
  const double before = worker.cpu_seconds();
  BOOST_TEST(!wait_until(1.5, [&] { return worker.cpu_seconds() - before > 0.2; }));
  limit_descriptors(worker.pid(), usual);
  BOOST_TEST(client.reply().status == 200);
  client.close();
  BOOST_TEST(worker.answers());
}

BOOST_AUTO_TEST_CASE(a_worker_without_descriptors_can_be_stopped,
                     *boost::unit_test::label("deep")) {
  // The leak check at exit needs a descriptor and would retry for ever.
  WorkerProcess worker({.environment = {"LSAN_OPTIONS=detect_leaks=0"}});
  take_descriptors(worker);
  worker.signal(SIGTERM);
  const auto status = worker.exit_within(10);
  BOOST_TEST(status.value_or(-1) == 0, worker.errors());
  BOOST_TEST(says(worker, "worker stopped"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
