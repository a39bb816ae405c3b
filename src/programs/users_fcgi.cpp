// The worker: connects configuration, database and service to the accept loop on descriptor 0.
#include <csignal>

#include <malloc.h>
#include <unistd.h>

#include "accounts/phone.hpp"
#include "base/hash_memory.hpp"
#include "base/log.hpp"
#include "programs/run.hpp"
#include "service/account_service.hpp"
#include "web/fcgi_worker.hpp"
#include "web/result_code.hpp"
#include "web/routes.hpp"

namespace users {
namespace {

constexpr std::string_view kAbout =
    R"(users-fcgi: a FastCGI worker of the accounts service.

A process manager starts it with the listening socket as standard input, for example
  spawn-fcgi -n -s /run/users-fcgi/hash.sock -M 0660 -- \
    /usr/bin/multiwatch -r 1000000 -f 8 -- /usr/sbin/users-fcgi --config FILE
)";

constexpr std::string_view kNotes =
    R"(WHAT is codes (users_codes.conf of nginx), api-codes (for openapi.json) or example-config
(users.conf.example). Secrets are in files of their own, so --print-config does not show them.

The environment variable USERS_FCGI_SECTION_KEY overrides a key of the file. TERM, INT and USR1 stop
the worker after the current request.
)";

constexpr PrintedFile kDocuments[] = {{"codes", web::print_codes},
                                      {"api-codes", web::print_api_codes},
                                      {"example-config", print_example}};

std::string place() {
  if (web::is_listening_socket(STDIN_FILENO)) return web::path_of_socket(STDIN_FILENO);
  throw UsageError("standard input is no listening socket: start it with spawn-fcgi");
}

void serve(Server& server) {
  if (server.config.verification == CodeCheck::format) {
    log::warning({"verification = format: any six digits pass as a code, nobody proves a number"});
  }
  // Each large buffer of a request would merge malloc's old free lists; its newer ones suffice.
  ::mallopt(M_MXFAST, 0);
  load_numbering_plans(server.config.phone_default_region);
  ::malloc_trim(0);  // reading them takes more than keeping them
  hash_memory::keep(server.config.password_argon2_memory);
  AccountService accounts(server.config, server.key, server.database, server.metrics);
  web::Context context{server.config, server.database, accounts, server.metrics};
  server.set_ready();
  web::serve(
      STDIN_FILENO, [&](web::Request& request) { return web::dispatch(context, request); },
      [&] {
        server.tend();
        // Other processes no longer see what this worker does, so it ends; its successor creates
        // a new file.
        if (server.metrics.is_cut()) static_cast<void>(::raise(SIGTERM));
      },
      server.metrics.workers());
}

}  // namespace
}  // namespace users

int main(int argc, char** argv) {
  using namespace users;
  return run_service({"users-fcgi", "worker", kAbout, kNotes, kDocuments, place, serve}, argc,
                     argv);
}
