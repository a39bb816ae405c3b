// Sends thousands of almost valid FastCGI streams to the stack's hash pool: it answers, refuses or
// exits, and never carries out an incomplete request. Environment: SECONDS_EACH, default 8; SEED of
// the first stream, default random.
#include <chrono>
#include <cstdlib>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "stream/mutation.hpp"
#include "support/stack.hpp"
#include "support/text.hpp"

namespace users::test {
namespace {

constexpr std::string_view kPlanted = "planted-secret-of-another-client";
constexpr double kLongestSeconds = 15;

std::uint64_t setting(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return text == nullptr || *text == '\0' ? fallback : std::stoull(text);
}

/// Everything that a worker sends. After one has died the socket still listens until the next has
/// started.
std::string answer_to(const std::string& stream) {
  fcgi::Client client(run_folder() + "/hash.sock");
  client.send(stream);
  client.finish_sending();
  return client.everything(kLongestSeconds);
}

bool pool_answers() {
  return contains(answer_to(fcgi::whole(fcgi::get("/users/health/live"))), R"("code":0,)");
}

std::string workers_log() {
  return read_file(state_folder() + "/log/workers.log");
}

/// What workers have written to standard error since, except libfcgi's assertions.
std::string unexpected_errors(std::size_t since) {
  std::istringstream log(workers_log().substr(since));
  std::string unexpected;
  for (std::string line; std::getline(log, line);) {
    // multiwatch starts another worker after one has died.
    const bool is_end =
        line.empty() || line.starts_with("Child[") || line.starts_with("Spawning child[");
    if (!contains(line, "fcgiapp.c") && !is_end) unexpected += line + '\n';
  }
  return unexpected;
}

/// Puts a secret into every worker's memory, as far as one request can.
void plant_secret() {
  fcgi::Request request = fcgi::regist(registration("12", std::string(kPlanted)));
  request.parameters["HTTP_AUTHORIZATION"] = "Bearer " + std::string(kPlanted);
  request.parameters["HTTP_COOKIE"] = "users=" + std::string(kPlanted);
  BOOST_TEST(contains(answer_to(fcgi::whole(request)), R"("code":1001,)"));
}

fcgi::Request any_request(Random& random) {
  std::ostringstream phone;
  phone << "139" << (10'000'000 + up_to(random, 89'999'999));
  switch (up_to(random, 5)) {
    case 0:
      return fcgi::get("/users/auth");
    case 1:
      return fcgi::get("/users/health/live");
    case 2:
      return fcgi::post("/users/login", registration(phone.str()));
    default:
      return fcgi::regist(registration(phone.str()));
  }
}

struct Counts {
  std::uint64_t streams = 0;
  std::uint64_t without_reply = 0;
  std::uint64_t registered = 0;
};

/// A registration may be answered 0 only if all of it arrived, and then it must exist.
void judge_success(const std::string& stream, const std::string& answer, Counts& counts) {
  const auto body = whole_body(stream);
  BOOST_TEST_REQUIRE(body.has_value(), "answered 0 though not all of it came: " << answer);
  const auto sent = nlohmann::json::parse(*body);
  const auto phone = sent.at("phone").get<std::string>();
  BOOST_TEST(sent.contains("password"));
  BOOST_TEST(sent.contains("code"));
  BOOST_TEST(query("SELECT COUNT(*) FROM users WHERE '+86" + phone.substr(phone.size() - 11) +
                   "' = phone") == "1");
  ++counts.registered;
}

void send_one(std::uint64_t seed, Counts& counts) {
  Random random(seed);
  const fcgi::Request request = any_request(random);
  const std::string stream = mutated(request, random);
  if (counts.streams % 32 == 0) plant_secret();
  const std::string answer = answer_to(stream);
  ++counts.streams;
  counts.without_reply += answer.empty() ? 1 : 0;
  BOOST_TEST(!contains(answer, kPlanted), "another client's secret in " << answer);
  const auto path = request.parameters.find("DOCUMENT_URI");
  const bool is_registration = path != request.parameters.end() && path->second == "/users/regist";
  if (is_registration && contains(answer, R"("code":0,)")) {
    judge_success(stream, answer, counts);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stream)

BOOST_AUTO_TEST_CASE(a_stream_that_is_nearly_right_is_refused_or_taken_whole) {
  const auto now = std::chrono::steady_clock::now;
  const auto end = now() + std::chrono::seconds(setting("SECONDS_EACH", 8));
  const std::uint64_t first_seed = setting("SEED", std::random_device{}());
  const std::size_t log_size = workers_log().size();
  const std::size_t pool = worker_pids("hash").size();
  const std::string before = query("SELECT COUNT(*) FROM users");
  Counts counts;
  for (std::uint64_t seed = first_seed; now() < end; ++seed) {
    BOOST_TEST_CONTEXT("again: SEED=" << seed) {
      send_one(seed, counts);
      if (counts.streams % 64 == 0) BOOST_TEST_REQUIRE(pool_answers());
    }
  }
  BOOST_TEST_CONTEXT("streams from SEED=" << first_seed) {
    BOOST_TEST(pool_answers());
    BOOST_TEST(wait_until(10, [&] { return worker_pids("hash").size() == pool; }));
    BOOST_TEST(unexpected_errors(log_size) == "");
    const auto rows = std::stoull(query("SELECT COUNT(*) FROM users")) - std::stoull(before);
    BOOST_TEST(rows == counts.registered);
    BOOST_TEST(counts.registered > 0U);
  }
  std::printf("stream: %llu streams, %llu without a reply, %llu registered, SEED=%llu\n",
              static_cast<unsigned long long>(counts.streams),
              static_cast<unsigned long long>(counts.without_reply),
              static_cast<unsigned long long>(counts.registered),
              static_cast<unsigned long long>(first_seed));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
