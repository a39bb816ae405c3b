// Takes over the accounts of another system, and gives accounts out in the same form.
#include "import/import.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <sstream>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.hpp"
#include "base/stop_signals.hpp"
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

/// The rows that stay out, on standard output: line, kind, phone (masked), reason. A phone that is
/// none is not shown at all: a password may stand in its column.
void report(const ImportPlan& plan, const std::string& region) {
  for (const Finding& finding : plan.findings) {
    std::cout << finding.line << '\t';
    if (finding.fault != nullptr) {
      std::cout << "bad\t-\t" << finding.fault << '\n';
      continue;
    }
    const auto phone = Phone::parse("+" + std::to_string(finding.phone), region);
    const std::string masked = phone ? phone->masked() : "-";
    if (finding.kept == 0) {
      std::cout << "registered\t" << masked << "\tthe phone has an account already\n";
    } else {
      std::cout << "duplicate\t" << masked << "\tanother row of this phone counts: line "
                << finding.kept << '\n';
    }
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

std::vector<std::string> ignored_columns(const Call& call) {
  std::vector<std::string> names;
  std::istringstream list(call.option("ignore-column").value_or(""));
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

/// How far it is, on standard error: in one line of a terminal, otherwise a line every 5 seconds.
class ProgressLine {
 public:
  ~ProgressLine() {
    if (is_terminal_) std::cerr << std::endl;
  }
  void show(std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_terminal_ && now - shown_ < std::chrono::seconds(5)) return;
    shown_ = now;
    std::ostringstream line;
    line << (is_terminal_ ? "\r" : "") << done << " of " << total << " rows";
    if (done != 0) {
      const std::chrono::duration<double, std::ratio<60>> minutes = now - start_;
      const double share = static_cast<double>(total - done) / static_cast<double>(done);
      line << ", " << std::ceil(minutes.count() * share) << " min left";
    }
    // ESC [K clears what a longer line left behind; std::cerr would show it instead.
    line << (is_terminal_ ? "\033[K" : "\n");
    [[maybe_unused]] const ssize_t written =
        ::write(STDERR_FILENO, line.view().data(), line.view().size());
  }

 private:
  bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_ = start_;
};

int write(const Config& config, const Secret& password, ImportFile& file, const ImportPlan& plan) {
  const std::uint64_t total = plan.todo.size();
  ImportProgress progress;
  const auto done = [&] { return progress.written + progress.taken; };
  const auto say_how_to_go_on = [&] {
    std::cerr << "written: " << progress.written << " of " << counted(total, "row")
              << "; run the same command again to go on\n";
  };
  try {
    ProgressLine line;
    // One thread more than cores: while one waits for the disk, another hashes.
    const unsigned threads = std::max(1U, std::thread::hardware_concurrency()) + 1;
    run_import(config, password, file, plan, operator_name(), threads, progress, [&] {
      if (stop_requested(std::chrono::milliseconds(100))) progress.stopped = true;
      line.show(done(), total);
    });
  } catch (const std::exception&) {
    say_how_to_go_on();
    throw;
  }
  if (done() < total) {
    say_how_to_go_on();
    return EXIT_FAILURE;
  }
  std::cerr << "imported " << counted(progress.written, "account") << '\n';
  if (progress.taken != 0) {
    std::cerr << "registered meanwhile: " << counted(progress.taken, "phone")
              << "; those accounts stay\n";
  }
  if (plan.layout.has(Column::password)) {
    std::cerr << file.name() << " holds passwords in plain text: when the move is done, delete it "
              << "with shred -u, and drop the table it came from\n";
  }
  return EXIT_SUCCESS;
}

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

/// `2018-04-22 10:00:00`, as databases read it, of ISO 8601.
std::string plain_time(const std::string& time) {
  return time.substr(0, 10) + ' ' + time.substr(11, 8);
}

}  // namespace

int import_users(const Call& call) {
  constexpr int kNice = 10;  // the hash pool's: the live service goes first
  hold_stop_signals();
  log::start_on_stderr(LogLevel::warning);
  [[maybe_unused]] const int nice = ::nice(kNice);
  const Config config = call.config();
  const Secret password =
      read_secret(config, "database.password_file", config.database_password_file);
  ImportFile file(call.arguments.front());
  if (file.open_to_others()) {
    std::cerr << "warning: other users may read the file: chmod 600 it\n";
  }
  Metrics metrics;
  db::Database database(config, password, metrics);
  database.connection();  // if it is away, that is better known before a long file is read
  const auto plan = plan_import(
      file, config, database, [] { return stop_requested(std::chrono::milliseconds(0)); },
      ignored_columns(call));
  if (!plan) {
    std::cerr << "stopped; nothing was written\n";
    return EXIT_FAILURE;
  }
  report(*plan, config.phone_default_region);
  summarise(*plan);
  if (call.has("dry-run")) {
    std::cerr << "nothing was written\n";
    return plan->bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  return write(config, password, file, *plan);
}

int export_users(const Call& call) {
  constexpr std::uint64_t kPage = 1000;
  refuse_file_open_to_others();
  if (::isatty(STDOUT_FILENO) == 1 &&
      !confirmed(call, "The hashes of all passwords come onto this terminal.")) {
    return EXIT_FAILURE;
  }
  log::start_on_stderr(LogLevel::warning);
  const Config config = call.config();
  Service service(config);
  std::uint64_t last = 0;
  std::cout << "phone\thash\tcreateTime\tdisableTime\n";
  for (;;) {
    const auto page = service.read(
        [&](db::Connection& connection) { return list_users.all(connection, last, 0, kPage); });
    for (const User& user : page) {
      std::cout << user.phone << '\t' << user.password << '\t' << plain_time(user.created) << '\t'
                << (user.disabled ? plain_time(*user.disabled) : "NULL") << '\n';
      last = user.id;
    }
    flush_output();
    if (page.empty()) return EXIT_SUCCESS;
  }
}

}  // namespace users::ctl
