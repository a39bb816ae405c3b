// The worker: connects configuration, log, database and service to the accept loop on descriptor 0.
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <unistd.h>

#include "accounts/phone.hpp"
#include "base/config.hpp"
#include "base/log.hpp"
#include "base/program.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"
#include "programs/run.hpp"
#include "service/account_service.hpp"
#include "web/fcgi_worker.hpp"
#include "web/result_code.hpp"
#include "web/routes.hpp"
namespace {

constexpr std::string_view kHelp =
    R"(users-fcgi: a FastCGI worker of the accounts service.

A process manager starts it with the listening socket as standard input, for example
  spawn-fcgi -n -s /run/users-fcgi/hash.sock -M 0660 -- \
    /usr/bin/multiwatch -r 1000000 -f 8 -- /usr/sbin/users-fcgi --config FILE

  --config FILE     the configuration (default /etc/users-fcgi/users.conf)
  --check-config    checks the configuration and the secrets, then exits
  --check-database  also connects to the database
  --print-config    prints the effective configuration and the origin of each value; secrets are in
                    files of their own and are not shown
  --print=WHAT      prints a file from the program's tables: codes (users_codes.conf of nginx),
                    api-codes (for openapi.json), example-config (users.conf.example)
  --help            this text
  --version         the version

The environment variable USERS_FCGI_SECTION_KEY overrides a key of the file. TERM, INT and USR1 stop
the worker after the current request.

Exit codes: 0 stopped by a signal, or the check passed; 64 wrong usage; 78 the configuration, a secret
or the version of the database's schema is wrong; 1 anything else.
)";

constexpr users::PrintedFile kDocuments[] = {{"codes", users::web::print_codes},
                                             {"api-codes", users::web::print_api_codes},
                                             {"example-config", users::print_example}};

void warn_of_format(const users::Config& config) {
  if (config.verification == users::CodeCheck::format) {
    users::log::warning(
        {"verification = format: any six digits pass as a code, nobody proves a number"});
  }
}

int run(const users::Config& config, const users::Secret& password, const users::Secret& key) {
  using namespace users;
  if (!web::is_listening_socket(STDIN_FILENO)) {
    std::cerr << "users-fcgi: standard input is no listening socket: start it with spawn-fcgi, see "
                 "users-fcgi --help\n";
    return kExitUsage;
  }

  log::start(config.log_directory, config.log_level, config.log_keep_days);
  log::info({"worker started, version " USERS_FCGI_VERSION ", pid ", std::to_string(::getpid())});
  warn_of_format(config);
  load_numbering_plans();
  Metrics metrics(config.metrics_file);
  const log::FailureScope unlogged(
      [count = metrics.counter(MetricId::log_failures)] { count.add(); });
  metrics.workers().enter(web::path_of_socket(STDIN_FILENO));
  Watchdog watchdog(config, metrics);
  db::Database database(config, password, metrics);
  database.try_connect();  // exits here if the schema has another version
  hold_stop_signals();
  metrics.workers().set_ready();
  AccountService accounts(config, key, database, metrics);
  web::Context context{config, database, accounts, metrics};
  try {
    web::serve(
        STDIN_FILENO, [&](web::Request& request) { return web::dispatch(context, request); },
        [&] {
          watchdog.tend();
          database.tend();
          // Other processes no longer see what this worker does, so it ends; its successor creates
          // a new file.
          if (metrics.is_cut()) static_cast<void>(::raise(SIGTERM));
        },
        metrics.workers());
  } catch (const std::exception& error) {
    log::error({"worker ends: ", error.what()});
    throw;
  }
  log::info({"worker stopped, pid ", std::to_string(::getpid())});
  if (database.is_connecting()) std::_Exit(EXIT_SUCCESS);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return users::run_service({"users-fcgi", kHelp, kDocuments, run}, argc, argv);
}
