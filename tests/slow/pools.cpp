// The two pools: a busy pool does not affect the other, and a full queue refuses what it cannot
// take.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/replace.hpp>
#include <boost/test/unit_test.hpp>

#include "support/api_description.hpp"
#include "support/person.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

/// Workers that are stopped, as if busy, while this lives.
class Frozen {
 public:
  explicit Frozen(std::vector<int> pids) : pids_(std::move(pids)) {
    signal_all(SIGSTOP);
    // With only a pending signal a worker could still accept one more connection.
    BOOST_TEST_REQUIRE(wait_until(30, [this] { return std::ranges::all_of(pids_, is_stopped); }));
  }
  ~Frozen() { signal_all(SIGCONT); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  static bool is_stopped(int pid) {
    return run_script("ps -o state= -p " + std::to_string(pid)).starts_with('T');
  }
  void signal_all(int signal) const {
    for (const int pid : pids_) ::kill(pid, signal);
  }
  std::vector<int> pids_;
};

int niceness(int pid) {
  return std::stoi(run_script("ps -o ni= -p " + std::to_string(pid)));
}

/// The line "/autogroup-ID nice N" of a process's session, or nullopt without
/// CONFIG_SCHED_AUTOGROUP.
std::optional<int> session_niceness(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/autogroup");
  std::string word;
  int nice = 0;
  return file >> word >> word >> nice ? std::optional(nice) : std::nullopt;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pools)

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_without_haste_and_the_other_pool_answers) {
  constexpr int kQueue = 128;  // set by scripts/start; the kernel accepts one more
  constexpr int kRequests = kQueue + 40;
  constexpr std::size_t kWorkers = 8;
  const std::string paths[] = {"/users/regist", "/users/login"};
  const Person person;
  regist(person.phone());
  const std::string token = person.token();
  std::atomic<int> waited{0};
  std::mutex mutex;
  std::vector<HttpReply> refused;
  {
    std::jthread traffic;
    // Includes workers that an earlier test has had replaced.
    BOOST_TEST_REQUIRE(wait_until(30, [] { return worker_pids("hash").size() == kWorkers; }));
    const std::vector<int> workers = worker_pids("hash");
    const Frozen frozen(workers);
    traffic = std::jthread([&] {
      in_parallel(kRequests, kRequests, [&](int i) {
        const HttpReply reply =
            send(base_url(), {.path = paths[static_cast<std::size_t>(i) % 2], .body = "{}"});
        if (reply.code() == 1001) ++waited;
        if (reply.status != 503) return;
        const std::scoped_lock lock(mutex);
        refused.push_back(reply);
      });
    });
    const bool are_refused = wait_until(30, [&] {
      const std::scoped_lock lock(mutex);
      return refused.size() >= kRequests - kQueue - 1;
    });
    BOOST_TEST(are_refused, refused.size()
                                << " were refused, " << waited << " were served by frozen workers");
    BOOST_TEST(worker_pids("hash") == workers, boost::test_tools::per_element());
    BOOST_TEST(call("GET", "health/live").status == 200);
    BOOST_TEST(call("GET", "auth", token).status == 204);
    BOOST_TEST(call("GET", "auth").status == 401);
  }
  BOOST_TEST(refused.size() + static_cast<std::size_t>(waited) == kRequests);
  BOOST_TEST(waited >= kQueue);
  // The refusal takes at least half a second, so that clients that retry at once cost nginx little.
  BOOST_TEST(std::ranges::all_of(refused, [](const HttpReply& reply) {
    return reply.code() == 9001 && reply.header("retry-after") == "1" && reply.milliseconds > 400;
  }));
}

BOOST_AUTO_TEST_CASE(the_hash_pool_and_the_courier_give_way) {
  const std::map<std::string, int> expected{{"hash", 10}, {"courier", 10}, {"fast", 0}};
  for (const auto& [part, nice] : expected) {
    BOOST_TEST(!worker_pids(part).empty(), part);
    for (const int pid : worker_pids(part)) BOOST_TEST(niceness(pid) == nice, part);
  }
  // The courier's programs are as nice, each in its own session.
  for (const int pid : worker_pids("courier")) BOOST_TEST(session_niceness(pid).value_or(10) == 10);
}

BOOST_AUTO_TEST_CASE(each_path_has_the_pool_of_its_cost) {
  // Freezing a pool shows which one serves a path.
  const auto answered_without = [](const std::string& pool, const HttpRequest& request) {
    const Frozen frozen(worker_pids(pool));
    return run_command("curl -s -o /dev/null --max-time 1 -X " + request.method + " -d '{}' " +
                       curl_arguments(base_url(), request.path))
               .status == 0;
  };
  const std::string row = run_script(
      "sed -n 's/^| hash | requests that hash a password: \\([^|]*\\) |.*/, \\1,/p' "
      "conf/README.md");
  BOOST_TEST(row.starts_with(", "));
  for (const auto& [path, item] : ApiDescription::shipped().document()["paths"].items()) {
    for (const auto& [verb, operation] : item.items()) {
      const std::string method = boost::to_upper_copy(verb);
      const std::string name = path.substr(1);
      const bool hashes = contains(row, ", " + (method == "POST" ? "" : method + " ") + name + ",");
      const std::string sent = "/users" + boost::replace_all_copy(path, "{id}", "1");
      const HttpRequest request{.method = method, .path = sent};
      BOOST_TEST_CONTEXT(method << " " << path << " and conf/README.md") {
        BOOST_TEST(answered_without(hashes ? "fast" : "hash", request));
        BOOST_TEST(!answered_without(hashes ? "hash" : "fast", request));
      }
    }
  }
  BOOST_TEST(answered_without("hash", {.path = "/users/nothing"}));
}

BOOST_AUTO_TEST_SUITE_END()
