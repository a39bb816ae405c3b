// Runs sqlmap on every parameter of every endpoint. Limits are reset all the time, because refused
// requests would prove nothing.
#include <atomic>

#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/metrics_text.hpp"
#include "support/person.hpp"
#include "support/temporary_directory.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

struct Target {
  std::string name;
  int parameters;
  std::string request;  ///< the start of its lines in nginx's log
  std::string arguments;
};

/// Every body, then headers and paths that reach the database.
std::vector<Target> targets(const Person& person, const std::string& token) {
  std::vector<Target> all;
  for (const Endpoint& endpoint : endpoints_of(person.phone())) {
    all.push_back({endpoint.path, static_cast<int>(endpoint.arguments.size()),
                   endpoint.method + " /users/" + endpoint.path,
                   "-u " + shell_word(base_url() + "/users/" + endpoint.path) + " --method " +
                       endpoint.method + " --data " + shell_word(endpoint.arguments.dump()) +
                       " -H " + shell_word("Authorization: Bearer " + token) +
                       " -H 'Content-Type: application/json'"});
  }
  all.push_back({"cookie", 1, "GET /users/me",
                 "-u " + shell_word(base_url() + "/users/me") + " --cookie " +
                     shell_word("users=" + token) + " -p users --level 2"});
  all.push_back({"token", 1, "GET /users/me",
                 "-u " + shell_word(base_url() + "/users/me") + " -H " +
                     shell_word("Authorization: Bearer " + token + "*")});
  all.push_back({"path", 1, "DELETE /users/sessions/1",
                 "-u " + shell_word(base_url() + "/users/sessions/1*") + " --method DELETE -H " +
                     shell_word("Authorization: Bearer " + token)});
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sqlmap)

BOOST_AUTO_TEST_CASE(it_finds_no_parameter_that_can_be_injected) {
  const TemporaryDirectory folder;
  Person person = registered();
  const auto all = targets(person, person.token());
  std::vector<std::string> output(all.size());
  std::atomic<std::size_t> left{all.size()};
  const Samples before = scrape();
  const double errors = internal_errors();
  in_parallel(3, static_cast<int>(all.size()) + 1, [&](int i) {
    if (i == 0) {
      const auto connection = administrator("users");
      wait_until(600, [&] {
        connection->run_script("DELETE FROM throttle", "test");
        return left == 0;
      });
      return;
    }
    const auto n = static_cast<std::size_t>(i) - 1;
    output[n] =
        run_command(
            "HOME='" + folder.path().string() + "' timeout 300 sqlmap --batch --disable-coloring " +
            "--ignore-code=401,404 --skip-waf --level 1 --risk 1 --time-sec 2 --output-dir '" +
            folder.path().string() + "/" + std::to_string(n) + "' " + all[n].arguments + " 2>&1")
            .output;
    --left;
  });
  const std::string log = all_logs();
  for (std::size_t n = 0; n < all.size(); ++n) {
    BOOST_TEST_CONTEXT(all[n].name) {
      // It reports each parameter after dozens of requests, and all of them at the end.
      BOOST_TEST(count_of(output[n], "does not seem to be injectable") >= all[n].parameters,
                 output[n]);
      BOOST_TEST(count_of(output[n], "all tested parameters do not appear to be injectable") == 1);
      BOOST_TEST(count_of(log, "\"" + all[n].request) > 50 * all[n].parameters);
      BOOST_TEST(count_of(output[n], "is vulnerable") == 0, output[n]);
    }
  }
  // The service answered, not the limits.
  BOOST_TEST(grown(before, scrape(), requests("POST login", 1004)) > 50);
  BOOST_TEST(internal_errors() == errors);
  BOOST_TEST(person.login().code() == 0);
  check_service_is_whole();
}

BOOST_AUTO_TEST_SUITE_END()
