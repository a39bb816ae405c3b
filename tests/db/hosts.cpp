// Several database hosts: the first is home; the others serve while it is away.
#include <chrono>
#include <filesystem>
#include <string>

#include <boost/test/unit_test.hpp>

#include "base/metrics.hpp"
#include "db/database.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/worker_process.hpp"

using namespace users;
using namespace users::test;

namespace {

const Secret kNoPassword;

/// Two names of the one server: `home`, which comes and goes, and `other`.
struct Hosts {
  ScratchDatabase scratch;
  TemporaryDirectory directory;
  std::filesystem::path home = directory.path() / "home.sock";
  std::filesystem::path other = directory.path() / "other.sock";
  Metrics metrics;

  Hosts() { link(other); }

  void link(const std::filesystem::path& name) const {
    std::filesystem::create_symlink(scratch.config().database_hosts[0], name);
  }
  [[nodiscard]] Config config() const {
    Config config = scratch.config();
    config.database_hosts = {home.string(), other.string()};
    config.database_connect_timeout = 1;
    return config;
  }
};

std::string connection_id(db::Database& database) {
  return database.replay([](db::Connection& connection) {
    return connection.run_script("SELECT CONNECTION_ID()", "id").value_or("");
  });
}

/// Whether it goes over to another connection, between requests only.
bool changes_over(db::Database& database, const std::string& from, double seconds) {
  return wait_until(seconds, [&] {
    database.tend();
    return connection_id(database) != from;
  });
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(hosts, Hosts, *boost::unit_test::label("deep"))

BOOST_AUTO_TEST_CASE(the_next_host_serves_at_once_while_the_first_is_away) {
  const Config settings = config();
  db::Database database(settings, kNoPassword, metrics);
  BOOST_TEST(!connection_id(database).empty());
}

BOOST_AUTO_TEST_CASE(a_lost_host_is_left_and_the_first_is_gone_home_to,
                     *boost::unit_test::label("deep")) {
  link(home);
  const Config settings = config();
  db::Database database(settings, kNoPassword, metrics);
  const std::string at_home = connection_id(database);
  std::filesystem::remove(home);
  scratch.connect()->run_script("KILL " + at_home, "kill");
  const std::string away = connection_id(database);
  BOOST_TEST(away != at_home);
  BOOST_TEST(!changes_over(database, away, 1));
  link(home);
  BOOST_TEST_REQUIRE(changes_over(database, away, 5));
  // For good: what was the other host may go.
  std::filesystem::remove(other);
  BOOST_TEST(!changes_over(database, connection_id(database), 1));
}

BOOST_AUTO_TEST_CASE(a_silent_first_host_holds_up_nobody_but_the_first_request,
                     *boost::unit_test::label("deep")) {
  const ListeningSocket silent(home);
  const Config settings = config();
  db::Database database(settings, kNoPassword, metrics);
  const std::string id = connection_id(database);
  double longest = 0;
  BOOST_TEST(!wait_until(6, [&] {
    const auto start = std::chrono::steady_clock::now();
    database.tend();
    BOOST_TEST_REQUIRE(connection_id(database) == id);
    longest = std::max(longest, seconds_since(start));
    return longest > 0.5;
  }));
}

BOOST_AUTO_TEST_CASE(without_any_host_it_is_unavailable_until_one_is_back) {
  std::filesystem::remove(other);
  const Config settings = config();
  db::Database database(settings, kNoPassword, metrics);
  BOOST_CHECK_THROW(database.connection(), db::Unavailable);
  BOOST_CHECK_THROW(database.connection(), db::Unavailable);
  link(other);
  BOOST_TEST(wait_until(30, [&] {
    try {
      return !database.connection().lost();
    } catch (const db::Unavailable&) {
      return false;
    }
  }));
}

BOOST_AUTO_TEST_SUITE_END()
