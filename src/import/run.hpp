// Pass two of an import: hashes what was planned on all cores and writes it in small transactions.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/config.hpp"
#include "base/secret.hpp"
#include "import/plan.hpp"
#include "import/store.hpp"

namespace users {

/// Rows that this run has settled.
struct ImportCounts {
  std::uint64_t written;
  std::uint64_t taken;  ///< somebody registered the phone meanwhile; that account stays
};

/// Threads with a connection each. All that it is given must outlive it.
class ImportRun {
 public:
  /// Rows of one transaction: few enough that whoever registers one of their phones at the same
  /// time waits for some milliseconds only.
  static constexpr std::size_t kBatch = 64;

  /// How long a database that is away is waited for: a restart does not end the work of hours.
  static constexpr std::chrono::seconds kPatience{60};

  /// Starts `threads` of them.
  ImportRun(const Config& config, const Secret& database_password, const ImportFile& file,
            const ImportPlan& plan, std::string operator_name, unsigned threads);
  /// Stops and waits.
  ~ImportRun();
  ImportRun(const ImportRun&) = delete;
  ImportRun& operator=(const ImportRun&) = delete;

  [[nodiscard]] ImportCounts counts() const { return {written_, taken_}; }
  [[nodiscard]] bool running() const { return running_ != 0; }
  /// Each thread ends when the batch it is at is written.
  void stop() { stopped_ = true; }
  /// Waits for the threads; throws what stopped one of them.
  void wait();

 private:
  void work();
  /// The next rows of the plan; empty at its end.
  std::vector<ImportRow> take_batch();
  /// Throws ImportRefused if the file no longer has the row that was judged.
  ImportRow read_again(const PlannedRow& planned);
  void write(db::Database& database, std::vector<ImportedUser> users);

  const Config& config_;
  const Secret& database_password_;
  const ImportFile& file_;
  const ImportPlan& plan_;
  const std::string operator_name_;

  std::mutex mutex_;  ///< of the next three
  LineReader reader_{file_};
  std::size_t next_ = 0;  ///< in plan_.todo
  std::exception_ptr failure_;

  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<bool> stopped_{false};
  std::atomic<unsigned> running_{0};
  std::vector<std::jthread> threads_;  ///< last: they use all of the above
};

}  // namespace users
