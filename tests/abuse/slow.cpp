// Hundreds of slow clients (slowhttptest): others are served all the time.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>

#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/person.hpp"
#include "support/temporary_directory.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

/// The attacker's connections and the length of the attack.
constexpr int kConnections = 200;
constexpr int kSeconds = 8;

/// The worst that other clients saw during an attack.
struct Watch {
  int asked = 0;
  int failed = 0;
  double slowest = 0;
};

/// The largest "connected: N" in its reports.
int most_connected(const std::string& output) {
  constexpr std::string_view kLabel = "connected:";
  int most = 0;
  for (auto at = output.find(kLabel); at != std::string::npos; at = output.find(kLabel, at + 1)) {
    // The number follows a terminal's colour codes.
    const std::string line = output.substr(at, output.find('\n', at) - at);
    const auto number = line.rfind('m');
    if (number != std::string::npos)
      most = std::max(most, static_cast<int>(std::strtol(line.c_str() + number + 1, nullptr, 10)));
  }
  return most;
}

/// Runs slowhttptest in one mode while another client sends requests.
Watch attack(const std::string& mode, const std::string& path) {
  const TemporaryDirectory folder;
  const std::string command = "cd '" + folder.path().string() + "' && slowhttptest " + mode +
                              " -c " + std::to_string(kConnections) + " -l " +
                              std::to_string(kSeconds) + " -r 100 -p 3 -u '" + base_url() + path +
                              "' 2>&1";
  std::atomic<bool> over{false};
  std::string output;
  Watch watch;
  in_parallel(2, 2, [&](int part) {
    if (part == 0) {
      output = run_command(command).output;
      over = true;
      return;
    }
    while (!over) {
      const auto began = std::chrono::steady_clock::now();
      const HttpReply reply = call("GET", "health/ready");
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
      ++watch.asked;
      if (reply.status != 200) ++watch.failed;
      watch.slowest = std::max(watch.slowest, took.count());
    }
  });
  BOOST_TEST(most_connected(output) >= kConnections / 2, output);
  // The attack did run, and found the service available each time.
  BOOST_TEST(contains(output, "service available:"), output);
  BOOST_TEST(!contains(output, "NO"), output);
  return watch;
}

void check(const Watch& watch) {
  BOOST_TEST(watch.asked > 50);
  BOOST_TEST(watch.failed == 0);
  BOOST_TEST(watch.slowest < 2);
  registered();
  check_service_is_whole();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(slow)

BOOST_AUTO_TEST_CASE(slow_headers_keep_nobody_out) {
  check(attack("-H -i 1 -x 24 -t GET", "/users/regist"));
}

BOOST_AUTO_TEST_CASE(slow_bodies_keep_nobody_out) {
  check(attack("-B -i 1 -s 8192 -x 24 -t POST", "/users/regist"));
}

BOOST_AUTO_TEST_CASE(slow_readers_keep_nobody_out) {
  check(attack("-X -w 1 -y 16 -n 1 -z 1 -k 3", "/users/openapi.json"));
}

BOOST_AUTO_TEST_SUITE_END()
