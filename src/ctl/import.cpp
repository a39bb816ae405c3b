// Takes over the accounts of another system: reports first, then hashes and writes.
#include <algorithm>
#include <iostream>
#include <sstream>

#include <unistd.h>

#include "base/log.hpp"
#include "base/program.hpp"
#include "ctl/command.hpp"
#include "ctl/progress.hpp"
#include "import/plan.hpp"
#include "import/run.hpp"

namespace users::ctl {
namespace {

constexpr std::chrono::milliseconds kTick{100};
/// The hash pool's: the live service goes first.
constexpr int kNice = 10;

std::string_view kind_of(RowFault fault) {
  if (fault == RowFault::duplicate) return "duplicate";
  return fault == RowFault::registered ? "registered" : "bad";
}

/// The rows that stay out, on standard output: line, kind, phone (masked), reason. A phone that is
/// none is not shown at all: a password may stand in its column.
void report(const ImportPlan& plan, const std::string& region) {
  for (const Finding& finding : plan.findings) {
    const auto phone =
        finding.phone == 0 ? std::nullopt : Phone::parse(phone_of(finding.phone), region);
    std::cout << finding.line << '\t' << kind_of(finding.fault) << '\t'
              << (phone ? phone->masked() : "-") << '\t' << text_of(finding.fault);
    if (finding.fault == RowFault::duplicate) std::cout << ": line " << finding.kept;
    std::cout << '\n';
  }
  std::cout.flush();
  if (!std::cout) throw std::runtime_error("standard output cannot be written: is the disk full?");
}

void summarise(const ImportPlan& plan) {
  std::cerr << counted(plan.rows, "row") << ": " << plan.todo.size() << " to be imported, "
            << plan.bad() << " bad, " << counted(plan.duplicates, "duplicate") << " of older rows, "
            << plan.registered << " with an account already\n";
  if (!plan.layout.ignored.empty()) {
    std::cerr << "columns that are not taken over:";
    for (const std::string& name : plan.layout.ignored) std::cerr << ' ' << name;
    std::cerr << '\n';
  }
  if (plan.disabled.rows != 0) {
    std::cerr << "disabled accounts, which stay so: " << plan.disabled.rows << '\n';
  }
  if (plan.disabled_before.rows != 0) {
    std::cerr << "warning: disabled in the file, enabled here, and left so: "
              << counted(plan.disabled_before.rows, "account") << " (the first is in line "
              << plan.disabled_before.first << "); if need be: users-ctl user disable PHONE\n";
  }
  if (plan.unclear.rows != 0) {
    std::cerr << "warning: " << counted(plan.unclear.rows, "account") << " (the first is in line "
              << plan.unclear.first
              << ") taken for disabled, since the column is neither a plain yes nor a plain no; to "
                 "change that: users-ctl user enable PHONE\n";
  }
  if (plan.lost_dates.rows != 0) {
    std::cerr << "warning: the createTime of " << counted(plan.lost_dates.rows, "row")
              << " (the first is line " << plan.lost_dates.first
              << ") cannot be read; write it as 2016-05-03 08:34:12, from 1970 on. These accounts "
                 "get the time of the import\n";
  }
  if (plan.looks_hashed != 0) {
    std::cerr << "warning: passwords that look like hashes: " << plan.looks_hashed
              << ". They are taken as typed passwords; if they are hashes, name that column hash "
                 "instead of password\n";
  }
}

std::vector<std::string> ignored_columns(const Call& call) {
  std::vector<std::string> names;
  std::istringstream list(call.option("ignore-column").value_or(""));
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

int stopped_before_writing() {
  std::cerr << "stopped; nothing was written\n";
  return EXIT_FAILURE;
}

void say_how_to_go_on(const ImportCounts& counts, const ImportPlan& plan) {
  std::cerr << "written: " << counts.written << " of " << counted(plan.todo.size(), "row")
            << "; run the same command again to go on\n";
}

/// False where it was stopped.
bool write_all(ImportRun& run, const ImportPlan& plan) {
  const auto done = [&] { return run.counts().written + run.counts().taken; };
  Progress progress(plan.todo.size());
  bool stopped = false;
  while (run.running()) {
    if (stop_requested(kTick)) {
      stopped = true;
      run.stop();
    }
    progress.show(done());
  }
  progress.finish(done());
  try {
    run.wait();
  } catch (const std::exception&) {
    say_how_to_go_on(run.counts(), plan);
    throw;
  }
  return !stopped || done() == plan.todo.size();
}

void say_done(const ImportCounts& counts, const ImportPlan& plan, const std::string& file) {
  std::cerr << "imported " << counted(counts.written, "account") << '\n';
  if (counts.taken != 0) {
    std::cerr << "registered meanwhile: " << counted(counts.taken, "phone")
              << "; those accounts stay\n";
  }
  if (!plan.layout.plain) return;
  std::cerr
      << (file == "-" ? "the file" : file)
      << " holds passwords in plain text: when the move is done, delete it with shred -u, and "
         "drop the table it came from\n";
}

int write(const Config& config, const Secret& password, const ImportFile& file,
          const ImportPlan& plan, const std::string& name) {
  if (plan.todo.empty()) {
    say_done({}, plan, name);
    return EXIT_SUCCESS;
  }
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  // One more: while a thread waits for the disk, another hashes.
  ImportRun run(config, password, file, plan, operator_name(), cores + 1);
  if (!write_all(run, plan)) {
    say_how_to_go_on(run.counts(), plan);
    return EXIT_FAILURE;
  }
  say_done(run.counts(), plan, name);
  return EXIT_SUCCESS;
}

}  // namespace

int import_users(const Call& call) {
  hold_stop_signals();
  log::start_on_stderr(LogLevel::warning);
  [[maybe_unused]] const int nice = ::nice(kNice);
  const Config config = call.config();
  const Secret password =
      read_secret(config, "database.password_file", config.database_password_file);
  const std::string& name = call.arguments.front();
  const ImportFile file(name);
  if (file.open_to_others()) {
    std::cerr << "warning: other users may read the file: chmod 600 it\n";
  }
  Metrics metrics;
  db::Database database(config, password, metrics);
  database.connection();  // if it is away, that is better known before a long file is read
  const auto plan = plan_import(
      file, config, database, [] { return stop_requested(std::chrono::milliseconds{0}); },
      ignored_columns(call));
  if (!plan) return stopped_before_writing();
  report(*plan, config.phone_default_region);
  summarise(*plan);
  if (call.has("dry-run")) {
    std::cerr << "nothing was written\n";
    return plan->bad() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  return write(config, password, file, *plan, name);
}

}  // namespace users::ctl
