// Pass two of an import: hashes what was planned on all cores and writes it in small transactions.
#include <future>
#include <mutex>
#include <thread>

#include "accounts/password.hpp"
#include "import/import.hpp"

namespace users {
namespace {

/// How long a database that is away is waited for: a restart does not end the work of hours.
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kBetweenTries{250};

/// What the threads share.
struct Run {
  const Config& config;
  const Secret& database_password;
  const ImportPlan& plan;
  const std::string& operator_name;
  ImportProgress& progress;
  ImportFile& file;
  std::vector<PlannedRow>::const_iterator next = plan.todo.begin();
  std::mutex mutex{};  ///< of the last two

  void work();
  /// The next rows of the plan; empty at its end.
  std::vector<ImportRow> take_batch();
  void write(db::Database& database, std::vector<ImportRow> rows) const;
};

void drop_registered(db::Database& database, std::vector<ImportRow>& rows) {
  std::vector<std::string> phones;
  for (const ImportRow& row : rows) phones.push_back(row.phone);
  const auto found = find_registered(database, phones);
  std::erase_if(rows, [&](const ImportRow& row) { return found.contains(row.phone); });
}

void Run::work() {
  try {
    Metrics metrics;
    const PasswordCheck passwords(config, metrics);
    db::Database database(config, database_password, metrics);
    while (!progress.stopped) {
      auto rows = take_batch();
      if (rows.empty()) return;
      for (ImportRow& row : rows) {
        if (row.hash.empty()) row.hash = passwords.hash(row.password);
      }
      write(database, std::move(rows));
    }
  } catch (...) {
    progress.stopped = true;
    throw;
  }
}

std::vector<ImportRow> Run::take_batch() {
  const std::lock_guard lock(mutex);
  file.require_unchanged();
  std::vector<ImportRow> rows;
  for (; rows.size() < kImportBatch && next != plan.todo.end(); ++next) {
    auto line = file.next();
    while (line && line->number < next->line) line = file.next();
    if (!line || line->number != next->line ||
        plan.fingerprints.of(line->text) != next->fingerprint) {
      throw file.changed();
    }
    rows.push_back(judge_row(plan.layout, *line, config.phone_default_region));
    // The text is the same, but the line may have lost its end.
    if (rows.back().fault != nullptr) throw file.changed();
  }
  return rows;
}

void Run::write(db::Database& database, std::vector<ImportRow> rows) const {
  const std::size_t all = rows.size();
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  const auto wait_or_rethrow = [&] {
    if (progress.stopped || std::chrono::steady_clock::now() > patience) throw;
    std::this_thread::sleep_for(kBetweenTries);
  };
  const auto operation = db::new_operation();
  bool was_tried = false;
  while (!rows.empty()) {
    try {
      if (std::exchange(was_tried, true) && database.is_done(operation)) break;
      database.once(operation, [&](db::Transaction& transaction) {
        insert_imported(transaction, rows, operator_name);
        return true;
      });
      break;
    } catch (const db::DuplicateKey&) {
      drop_registered(database, rows);
    } catch (const db::Unavailable&) {
      wait_or_rethrow();
    } catch (const db::ConnectionLost&) {  // of a server that took its time
      wait_or_rethrow();
    }
  }
  progress.written += rows.size();
  progress.taken += all - rows.size();
}

}  // namespace

void run_import(const Config& config, const Secret& database_password, ImportFile& file,
                const ImportPlan& plan, const std::string& operator_name, unsigned threads,
                ImportProgress& progress, const std::function<void()>& tick) {
  file.rewind();
  Run run{config, database_password, plan, operator_name, progress, file};
  std::vector<std::future<void>> workers;
  for (unsigned i = 0; i < threads; ++i) {
    workers.push_back(std::async(std::launch::async, [&run] { run.work(); }));
  }
  const auto is_running = [](const std::future<void>& worker) {
    return worker.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
  };
  while (std::ranges::any_of(workers, is_running)) tick();
  for (auto& worker : workers) worker.get();
}

}  // namespace users
