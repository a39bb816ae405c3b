// Writes the accounts to standard output, in the form that import reads.
#include <iostream>

#include <unistd.h>

#include "accounts/import_store.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "programs/ctl/command.hpp"

namespace users::ctl {
namespace {

constexpr std::uint64_t kPage = 1000;

void write_page(const std::vector<store::ExportedUser>& page) {
  for (const auto& user : page) {
    std::cout << user.phone << '\t' << user.password << '\t' << user.created << '\t'
              << (user.disabled.empty() ? "NULL" : user.disabled) << '\n';
  }
  std::cout.flush();
  if (!std::cout) throw std::runtime_error("standard output cannot be written: is the disk full?");
}

}  // namespace

int export_users(const Call& call) {
  if (::isatty(STDOUT_FILENO) == 1 &&
      !confirmed(call, "The hashes of all passwords come onto this terminal.")) {
    return EXIT_FAILURE;
  }
  log::start_on_stderr(LogLevel::warning);
  const Config config = call.config();
  const Secret password =
      read_secret(config, "database.password_file", config.database_password_file);
  Metrics metrics;
  db::Database database(config, password, metrics);
  std::uint64_t last = 0;
  for (bool first = true;; first = false) {
    const auto page = database.replay([&](db::Connection& connection) {
      return store::list_for_export(connection, last, kPage);
    });
    if (first) std::cout << "phone\thash\tcreateTime\tdisableTime\n";
    write_page(page);
    if (page.empty()) return EXIT_SUCCESS;
    last = page.back().id;
  }
}

}  // namespace users::ctl
