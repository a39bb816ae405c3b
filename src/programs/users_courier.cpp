// The courier: connects configuration, log, database and the send-sms program to the outbox.
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <unistd.h>

#include "base/config.hpp"
#include "base/log.hpp"
#include "base/program.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"
#include "programs/run.hpp"
#include "sms/courier.hpp"
namespace {

constexpr std::string_view kHelp =
    R"(users-courier: sends the messages that the workers put into the outbox.

  --config FILE     the configuration (default /etc/users-fcgi/users.conf)
  --check-config    checks the configuration and the secrets, then exits
  --check-database  also connects to the database
  --print-config    prints the effective configuration and the origin of each value; secrets are in
                    files of their own and are not shown
  --help            this text
  --version         the version

It runs sms.command once per message, with the message as JSON on standard input:
  {"code":"123456","id":7,"language":"zh","phone":"+8618866668888","purpose":"regist","text":"..."}
Exit code 0 of that program: sent; 75: try again later; any other: failed. Several couriers can share
the work. The courier also deletes expired rows and ends workers that are stuck (worker.request_limit).
TERM, INT and USR1 stop it after the current message.

Exit codes: 0 stopped by a signal, or the check passed; 64 wrong usage; 78 the configuration, a secret
or the version of the database's schema is wrong; 1 anything else.
)";

/// Between two polls of an empty outbox.
constexpr std::chrono::milliseconds kIdle{100};
constexpr std::chrono::minutes kBetweenPurges{1};

void work(users::Courier& courier, users::db::Database& database, users::Watchdog& watchdog,
          const users::Metrics& metrics) {
  using Clock = std::chrono::steady_clock;
  auto next_purge = Clock::now();
  bool busy = false;
  // If the metrics file was truncated, the courier ends; its successor creates a new file.
  while (!metrics.is_cut() && !users::stop_requested(busy ? std::chrono::milliseconds(0) : kIdle)) {
    watchdog.tend();
    database.tend();
    try {
      busy = courier.deliver_one();
      // One batch between two messages, so that a busy outbox does not delay purging.
      if (Clock::now() >= next_purge) {
        const bool more = courier.purge();
        if (!more) next_purge = Clock::now() + kBetweenPurges;
        busy = busy || more;
      }
    } catch (const users::db::SchemaMismatch&) {
      throw;
    } catch (const users::db::DatabaseError& error) {
      users::log::warning({"outbox: ", error.what()});
      busy = false;
    }
  }
}

int run(const users::Config& config, const users::Secret& password, const users::Secret& key) {
  using namespace users;
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  log::start(config.log_directory, config.log_level, config.log_keep_days);
  log::info({"courier started, version " USERS_FCGI_VERSION ", pid ", std::to_string(::getpid())});
  Metrics metrics(config.metrics_file);
  const log::FailureScope unlogged(
      [count = metrics.counter(MetricId::log_failures)] { count.add(); });
  metrics.workers().enter(kCourierPool);
  Watchdog watchdog(config, metrics);
  db::Database database(config, password, metrics);
  database.try_connect();  // exits here if the schema has another version
  hold_stop_signals();
  metrics.workers().set_ready();
  const Sender sender = [&](std::uint64_t id, const Message& message) {
    return run_send_command(config, id, message);
  };
  Courier courier(config, key, database, sender, metrics);
  work(courier, database, watchdog, metrics);
  log::info({"courier stopped, pid ", std::to_string(::getpid())});
  if (database.is_connecting()) std::_Exit(EXIT_SUCCESS);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return users::run_service({"users-courier", kHelp, {}, run}, argc, argv);
}
