// Writes the accounts to standard output, in the form that import reads.
#include <iostream>

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.hpp"
#include "base/secret.hpp"
#include "ctl/command.hpp"
#include "db/database.hpp"
#include "import/store.hpp"

namespace users::ctl {
namespace {

constexpr std::uint64_t kPage = 1000;

/// A shell makes the file of a redirection by its umask, mostly 022, and hashes are secrets. Pipes
/// and terminals are not checked.
void refuse_file_open_to_others() {
  struct stat output {};
  if (::fstat(STDOUT_FILENO, &output) != 0) return;  // writing to it will fail
  if (!S_ISREG(output.st_mode) || (output.st_mode & 077U) == 0) return;
  throw Refused(
      "standard output is a file that other users may open: nothing was written. chmod 600 the "
      "file, or remove it and set umask 077 in the shell, then export again");
}

void write_page(const std::vector<ExportedUser>& page) {
  for (const auto& user : page) {
    std::cout << user.phone << '\t' << user.password << '\t' << user.created << '\t'
              << user.disabled.value_or("NULL") << '\n';
  }
  std::cout.flush();
  if (!std::cout) throw std::runtime_error("standard output cannot be written: is the disk full?");
}

}  // namespace

int export_users(const Call& call) {
  refuse_file_open_to_others();
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
    const auto page = database.replay(
        [&](db::Connection& connection) { return list_for_export(connection, last, kPage); });
    if (first) std::cout << "phone\thash\tcreateTime\tdisableTime\n";
    write_page(page);
    if (page.empty()) return EXIT_SUCCESS;
    last = page.back().id;
  }
}

}  // namespace users::ctl
