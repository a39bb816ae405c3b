// Several database hosts: the first is preferred, the others are used while it is down.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "db/database.hpp"
#include "metrics/metrics.hpp"
#include "sms/outbox.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/worker_process.hpp"

using namespace users;
using namespace users::test;

namespace {

const Secret kNoPassword;

/// Two names of one server: `home`, which comes and goes, and `other`.
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

/// Whether it switches to another connection between requests.
bool changes_over(db::Database& database, const std::string& from, double seconds) {
  return wait_until(seconds, [&] {
    database.tend();
    return connection_id(database) != from;
  });
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(hosts, Hosts)

BOOST_AUTO_TEST_CASE(a_lost_host_is_left_and_the_first_is_gone_home_to) {
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
  // The switch is permanent: the other host may disappear.
  std::filesystem::remove(other);
  BOOST_TEST(!changes_over(database, connection_id(database), 1));
}

BOOST_AUTO_TEST_CASE(a_silent_first_host_holds_up_nobody_but_the_first_request) {
  const ListeningSocket silent(home);
  const Config settings = config();
  db::Database database(settings, kNoPassword, metrics);
  const std::string id = connection_id(database);
  double longest = 0;
  BOOST_TEST(!wait_until(6, [&] {
    const auto start = std::chrono::steady_clock::now();
    database.tend();
    BOOST_TEST_REQUIRE(connection_id(database) == id);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    longest = std::max(longest, took.count());
    return longest > 0.5;
  }));
}

BOOST_AUTO_TEST_CASE(a_moment_without_any_host_is_waited_out_and_a_longer_one_is_told_at_once) {
  link(home);
  const Config settings = config();
  db::Database database(settings, kNoPassword, metrics);
  const auto lose = [&] {
    const std::string id = connection_id(database);
    std::filesystem::remove(home);
    std::filesystem::remove(other);
    scratch.connect()->run_script("KILL " + id, "kill");
  };
  const auto seconds = [](auto&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (int i = 0; i < 3; ++i) {
    lose();
    const std::jthread healer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      link(other);
    });
    BOOST_CHECK_NO_THROW(connection_id(database));
  }
  lose();
  const auto ask = [&] { BOOST_CHECK_THROW(connection_id(database), db::Unavailable); };
  BOOST_TEST(seconds(ask) > 1.9);
  BOOST_TEST(seconds(ask) < 0.5);
  link(other);
  BOOST_TEST(wait_until(2, [&] { return database.try_connect(); }));
}

BOOST_AUTO_TEST_CASE(a_host_that_was_silent_is_tried_again_at_once_if_no_other_serves) {
  std::filesystem::remove(other);
  Config settings = config();
  settings.database_connect_timeout = 2;
  std::optional<ListeningSocket> silent(home);
  db::Database database(settings, kNoPassword, metrics);
  BOOST_CHECK_THROW(database.connection(), db::Unavailable);
  silent.reset();
  std::filesystem::remove(home);
  link(home);
  // It would wait four times the timeout, 8 s, only if another host answered.
  BOOST_TEST(wait_until(4, [&] { return database.try_connect(); }));
}

/// A server that is slow to refuse each connection with an error.
class BusyServer {
 public:
  BusyServer(const std::filesystem::path& path, std::chrono::milliseconds pause)
      : socket_(path), thread_([this, pause](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            pollfd waiting{socket_.descriptor(), POLLIN, 0};
            if (::poll(&waiting, 1, 20) <= 0) continue;
            const int client = ::accept4(socket_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC);
            std::this_thread::sleep_for(pause);
            constexpr std::string_view kTooMany("\x17\0\0\0\xff\x10\x04Too many connections", 27);
            static_cast<void>(::write(client, kTooMany.data(), kTooMany.size()));
            ::close(client);
          }
        }) {}

 private:
  ListeningSocket socket_;
  std::jthread thread_;
};

BOOST_AUTO_TEST_CASE(a_host_that_answers_late_that_it_cannot_is_asked_again_soon) {
  Config settings = config();
  settings.database_connect_timeout = 5;
  auto busy = std::make_unique<BusyServer>(home, std::chrono::milliseconds(1500));
  db::Database database(settings, kNoPassword, metrics);
  const std::string away = connection_id(database);
  busy.reset();
  std::filesystem::remove(home);
  link(home);
  // Four times 1.5 s would be 6 s.
  BOOST_TEST(changes_over(database, away, 3));
}

BOOST_AUTO_TEST_CASE(a_silent_host_does_not_hold_up_a_stop) {
  const TemporaryDirectory folder;
  const ListeningSocket fcgi(folder.path() / "worker.sock");
  const Config settings = config();
  const auto file = write_worker_config(folder);
  const std::vector<std::string> environment{
      "USERS_FCGI_DATABASE_HOSTS=" + settings.database_hosts[0] + "," + settings.database_hosts[1],
      "USERS_FCGI_DATABASE_NAME=" + settings.database_name,
      "USERS_FCGI_DATABASE_USER=" + settings.database_user,
      "USERS_FCGI_DATABASE_CONNECT_TIMEOUT=30"};
  for (const char* program : {"users-fcgi", "users-courier"}) {
    WorkerProgram service({.program = program,
                           .arguments = {"--config", file.string()},
                           .environment = environment,
                           .standard_input = fcgi.descriptor(),
                           .output = folder.path() / "output",
                           .errors = folder.path() / "errors"});
    // The other host serves it when this one returns, and it does not log that.
    const std::string connections =
        "SELECT COUNT(*) > 0 FROM information_schema.processlist WHERE db = DATABASE() AND id <> "
        "CONNECTION_ID()";
    BOOST_TEST_REQUIRE(wait_until(30, [&] { return scratch.query(connections) == "1"; }));
    const ListeningSocket silent(home);
    pollfd caller{silent.descriptor(), POLLIN, 0};
    BOOST_TEST_REQUIRE(::poll(&caller, 1, 30'000) == 1);
    service.signal(SIGTERM);
    BOOST_TEST(service.exit_within(10).value_or(-1) == 0);
    std::filesystem::remove(home);
  }
}

BOOST_AUTO_TEST_CASE(a_password_that_was_changed_is_read_again_when_the_old_one_is_refused) {
  const std::string account = "'" + scratch.name() + "'@'localhost'";
  scratch.query("CREATE USER " + account + " IDENTIFIED BY 'the first'; GRANT SELECT, INSERT, " +
                "UPDATE, DELETE ON " + scratch.name() + ".* TO " + account);
  Config settings = scratch.config();
  settings.database_user = scratch.name();
  settings.database_password_file = directory.write("password", "the first\n").string();
  const Secret first(std::string("the first"));
  db::Database database(settings, first, metrics);
  const auto ask = [&] {
    database.replay([](db::Connection& connection) { return outbox::depth.all(connection); });
  };
  ask();
  scratch.query("ALTER USER " + account + " IDENTIFIED BY 'the second'");
  scratch.query("KILL " +
                scratch.query("SELECT id FROM information_schema.processlist WHERE user = '" +
                              scratch.name() + "'"));
  // The file still has the old password.
  BOOST_CHECK_THROW(ask(), db::DatabaseError);
  std::filesystem::remove(settings.database_password_file);
  settings.database_password_file = directory.write("password", "the second\n").string();
  BOOST_TEST(wait_until(30, [&] { return database.try_connect(); }));
  scratch.query("DROP USER " + account);
}

BOOST_AUTO_TEST_SUITE_END()
