// An import in two passes over its file: a plan, found out before anything is done, and its
// execution.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "accounts/user.hpp"
#include "base/config.hpp"
#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "import/row.hpp"

namespace users {

/// A row to be imported.
struct PlannedRow {
  std::uint64_t line;
  std::uint64_t fingerprint;  ///< of the line's text, by ImportPlan::fingerprints
};

/// A row that stays out: a bad one, a duplicate, or one whose phone has an account.
struct ExcludedRow {
  std::uint64_t line;
  const char* reason;
  std::uint64_t phone = 0;  ///< E.164 as a number; 0: of a bad row
  std::uint64_t kept = 0;   ///< of a duplicate: the line that is kept
};

struct RowCount {
  std::uint64_t rows = 0;
  std::uint64_t first = UINT64_MAX;  ///< the first one's line

  void add(std::uint64_t line) {
    ++rows;
    first = std::min(first, line);
  }
};

/// Takes 16 bytes for each row to be imported and 32 for each that is not; while it is made 48 more
/// for each that is not bad.
struct ImportPlan {
  ImportLayout layout{};
  /// Pass two reads the file again: it writes a line only if that is the line that was judged.
  crypto::Fingerprinter fingerprints{};
  std::uint64_t rows = 0;
  std::uint64_t bad = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t registered = 0;
  std::array<RowCount, kRemarks> remarks{};
  std::vector<PlannedRow> todo{};       ///< in the order of the file
  std::vector<ExcludedRow> findings{};  ///< the same
};

/// Pass one: reads the whole file, judges each row, keeps one of each phone: one that is not
/// disabled, else the oldest (by createTime, then id, then line; unknown is newest) and asks the
/// database which phones have accounts. Calls `tick` now and then, which may throw to stop it.
/// Throws ImportRefused and db::DatabaseError.
ImportPlan plan_import(ImportFile& file, const Config& config, db::Database& database,
                       const std::function<void()>& tick,
                       const std::vector<std::string>& ignore_columns = {});

/// Pass two: hashes what is planned and writes it, in threads with a connection each.
struct ImportRun {
  /// Rows of one transaction: few enough that a registration of one of their phones at the
  /// same time waits for some milliseconds only.
  static constexpr std::size_t kBatch = 64;

  const Config& config;
  const Secret& database_password;
  const ImportPlan& plan;
  const std::string operator_name;
  ImportFile& file;

  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> taken{0};  ///< registered by somebody meanwhile; that account stays
  /// Set it to end each thread when the batch it is at is written.
  std::atomic<bool> stopped{false};

  // What the threads share with the file.
  std::mutex mutex{};
  std::vector<PlannedRow>::const_iterator next = plan.todo.begin();

  /// Calls `tick` again and again until all threads have ended. A database that is away is waited
  /// for. Throws what stopped a thread, such as ImportRefused if the file no longer has the rows
  /// that were judged.
  void run(unsigned threads, const std::function<void()>& tick);

  void work();
  /// The next rows of the plan; empty at its end.
  std::vector<ImportRow> take_batch();
  void write(db::Database& database, std::vector<ImportRow> rows);
};

/// Those of `phones` (E.164) that have an account: their phone and disabled; one round trip.
std::map<std::string, User> find_registered(db::Database& database,
                                            const std::vector<std::string>& phones);

}  // namespace users
