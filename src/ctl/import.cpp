// Takes over the accounts of another system, and gives accounts out in the same form.
#include "import/import.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <iostream>
#include <sstream>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.hpp"
#include "base/program.hpp"
#include "ctl/service.hpp"

namespace users::ctl {
namespace {

struct Warning {
  Remark remark;
  std::string_view text;
};

constexpr Warning kWarnings[] = {
    {kDisabledBefore,
     "disabled in the file but enabled here, and left so; to disable one: users-ctl user disable "
     "PHONE"},
    {kUnclear,
     "imported as disabled, since the column says neither yes nor no; to enable one: users-ctl "
     "user enable PHONE"},
    {kLostDate,
     "the createTime cannot be read, so the account gets the time of the import; write it as "
     "2016-05-03 08:34:12, from 1970 on"},
    {kLooksHashed,
     "the password looks like a hash, but is taken as it stands; if it is one, call the column "
     "hash"},
};

/// Throws if what was written to std::cout did not get out.
void flush_output() {
  if (!std::cout.flush()) {
    throw std::runtime_error("standard output cannot be written: is the disk full?");
  }
}

/// The rows that stay out, on standard output: line, kind, phone (masked), reason. A phone that is
/// none is not shown at all: a password may stand in its column.
void report(const ImportPlan& plan, const std::string& region) {
  for (const auto& [line, reason, number, kept] : plan.findings) {
    const auto phone = Phone::parse("+" + std::to_string(number), region);
    const char* kind = kept == 0 ? "registered" : "duplicate";
    std::cout << line << '\t' << (number == 0 ? "bad" : kind) << '\t'
              << (phone ? phone->masked() : "-") << '\t' << reason;
    if (kept != 0) std::cout << ": line " << kept;
    std::cout << '\n';
  }
  flush_output();
}

void summarise(const ImportPlan& plan) {
  std::cerr << counted(plan.rows, "row") << ": " << plan.todo.size() << " to be imported, "
            << plan.bad << " bad, " << counted(plan.duplicates, "duplicate") << " of older rows, "
            << plan.registered << " with an account already\n";
  if (!plan.layout.unused.empty()) {
    std::cerr << "columns that are not taken over:";
    for (const std::string& name : plan.layout.unused) std::cerr << ' ' << name;
    std::cerr << '\n';
  }
  if (plan.remarks[kDisabled].rows != 0) {
    std::cerr << "disabled accounts, which stay so: " << plan.remarks[kDisabled].rows << '\n';
  }
  for (const auto& [remark, text] : kWarnings) {
    const auto& [rows, first] = plan.remarks.at(remark);
    if (rows == 0) continue;
    std::cerr << "warning: " << counted(rows, "row") << " (the first is line " << first
              << "): " << text << '\n';
  }
}

/// How far it is, on standard error: on a terminal in place of what was shown before.
void show_progress(const ImportRun& run, std::chrono::duration<double, std::ratio<60>> minutes,
                   bool is_terminal) {
  const std::uint64_t done = run.written + run.taken;
  const std::uint64_t left = run.plan.todo.size() - done;
  std::ostringstream line;
  line << (is_terminal ? "\r" : "") << done << " of " << done + left << " rows";
  if (done != 0) {
    const double share = static_cast<double>(left) / static_cast<double>(done);
    line << ", " << std::ceil(minutes.count() * share) << " min left";
  }
  // ESC [K clears what a longer line left behind; std::cerr would show it instead.
  line << (is_terminal ? "\033[K" : "\n");
  [[maybe_unused]] const auto size = ::write(STDERR_FILENO, line.view().data(), line.view().size());
}

int write(ImportRun& run) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kTick{100};
  constexpr int kTicksBetweenLines = 50;
  const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
  // One thread more than cores: while one waits for the disk, another hashes.
  const unsigned threads = std::max(1U, std::thread::hardware_concurrency()) + 1;
  std::exception_ptr failure;
  try {
    run.run(threads, [&, start = Clock::now(), ticks = 0]() mutable {
      if (stop_requested(kTick)) run.stopped = true;
      if (is_terminal || ++ticks % kTicksBetweenLines == 0) {
        show_progress(run, Clock::now() - start, is_terminal);
      }
    });
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (is_terminal) std::cerr << std::endl;
  const std::size_t total = run.plan.todo.size();
  if (failure != nullptr || run.written + run.taken < total) {
    std::cerr << "written: " << run.written << " of " << counted(total, "row")
              << "; run the same command again to go on\n";
    if (failure != nullptr) std::rethrow_exception(failure);
    return EXIT_FAILURE;
  }
  std::cerr << "imported " << counted(run.written, "account") << '\n';
  if (run.taken != 0) {
    std::cerr << "registered meanwhile: " << counted(run.taken, "phone")
              << "; those accounts stay\n";
  }
  if (run.plan.layout.has(Column::password)) {
    std::cerr << run.file.name() << " holds passwords in plain text: when the move is done, delete "
              << "it with shred -u, and drop the table it came from\n";
  }
  return EXIT_SUCCESS;
}

/// `2018-04-22 10:00:00`, as databases read it, of ISO 8601.
std::string plain_time(const std::string& time) {
  return time.substr(0, 10) + ' ' + time.substr(11, 8);
}

int import_users(const Call& call) {
  constexpr int kNice = 10;  // the hash pool's: the live service goes first
  hold_stop_signals();
  log::start_on_stderr(LogLevel::warning);
  [[maybe_unused]] const int nice = ::nice(kNice);
  const Config config = call.config();
  const Secret password = read_secret(config, "database.password_file");
  ImportFile file(call.arguments.front());
  if (file.open_to_others()) {
    std::cerr << "warning: other users may read the file: chmod 600 it\n";
  }
  Metrics metrics;
  db::Database database(config, password, metrics);
  database.connection();  // if it is away, that is better known before a long file is read
  std::vector<std::string> ignored;
  std::istringstream names(call.option("ignore-column").value_or(""));
  for (std::string name; std::getline(names, name, ',');) ignored.push_back(name);
  const auto tick = [] {
    if (stop_requested(std::chrono::milliseconds(0))) {
      throw Refused("stopped; nothing was written");
    }
  };
  const ImportPlan plan = plan_import(file, config, database, tick, ignored);
  report(plan, config.phone_default_region);
  summarise(plan);
  if (call.has("dry-run")) {
    std::cerr << "nothing was written\n";
    return plan.bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  ImportRun run{config, password, plan, operator_name(), file};
  return write(run);
}

int export_users(const Call& call) {
  constexpr std::uint64_t kPage = 1000;
  // A shell makes the file of a redirection by its umask, mostly 022, and hashes are secrets. Pipes
  // and terminals are not checked.
  struct stat output {};
  if (::fstat(STDOUT_FILENO, &output) == 0 && S_ISREG(output.st_mode) &&
      (output.st_mode & 077U) != 0) {
    throw Refused(
        "standard output is a file that other users may open: nothing was written. chmod 600 the "
        "file, or remove it and set umask 077 in the shell, then export again");
  }
  if (::isatty(STDOUT_FILENO) == 1 &&
      !confirmed(call, "The hashes of all passwords come onto this terminal.")) {
    return EXIT_FAILURE;
  }
  log::start_on_stderr(LogLevel::warning);
  Service service(call);
  std::uint64_t last = 0;
  std::cout << "phone\thash\tcreateTime\tdisableTime\tgroups\n";
  for (;;) {
    const auto page = service.read(
        [&](db::Connection& connection) { return list_users.all(connection, last, 0, kPage); });
    if (page.empty()) return EXIT_SUCCESS;
    for (const User& user : page) {
      std::cout << user.phone << '\t' << user.password << '\t' << plain_time(user.created) << '\t'
                << (user.disabled ? plain_time(*user.disabled) : "NULL") << '\t'
                << (user.groups.empty() ? "NULL" : user.groups) << '\n';
    }
    last = page.back().id;
    flush_output();
  }
}

}  // namespace

const std::vector<Command> kTransferCommands{
    {"import", "FILE", "--dry-run --ignore-column",
     "Imports accounts, without second factors, from the output of mariadb --batch for a table "
     "with the columns phone and password (plain text; it is hashed), or phone and hash, and "
     "optionally id, createTime, groups (names, separated by commas) and columns that mark "
     "disabled accounts; from lines of phone, tab and hash; or from the output of export. First "
     "lists the rejected rows on standard output, tab-separated: line, kind (bad, duplicate, "
     "registered), phone (masked), reason. --dry-run stops there, with exit code 1 if rows are "
     "bad. Existing accounts stay unchanged. You can stop it at any time; the next run continues. "
     "FILE is read twice; - is standard input, if that is a file. See IMPORTED TABLES.",
     import_users},
    {"export", "", "--yes",
     "Writes all accounts to standard output in the format of import: phone, hash, createTime, "
     "disableTime, groups, with a heading; second factors are left out, so owners enrol them "
     "again. Hashes are secrets: on a terminal it asks first, unless --yes; it refuses a file that "
     "group or others may read (use umask 077 or chmod 600).",
     export_users},
};

}  // namespace users::ctl
