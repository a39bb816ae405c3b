// What an import would do, found out before it does anything: pass one over the file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/crypto.hpp"
#include "db/database.hpp"
#include "import/row.hpp"

namespace users {

/// E.164 without the plus, as a number: at most 15 digits.
using PhoneNumber = std::uint64_t;

struct PlannedRow {
  std::uint64_t line;
  PhoneNumber phone;
  std::uint64_t fingerprint;  ///< of the line's text, by ImportPlan::fingerprints
};

/// A row that stays out.
struct Finding {
  std::uint64_t line;
  RowFault fault;
  bool enabled = false;    ///< of one with an account: that may be used
  PhoneNumber phone = 0;   ///< 0: it has none
  std::uint64_t kept = 0;  ///< of a duplicate: the line that is kept
};

/// How many rows a warning is about.
struct RowCount {
  std::uint64_t rows = 0;
  std::uint64_t first = 0;  ///< its line

  void add(std::uint64_t line) {
    if (rows++ == 0) first = line;
  }
};

/// Takes 24 bytes for each row to be imported and 32 for each that is not; meanwhile 16 more for
/// each that is counted for a warning.
struct ImportPlan {
  ImportLayout layout;
  /// Pass two reads the file again: it writes a line only if that is the line that was judged.
  crypto::Fingerprinter fingerprints;
  std::uint64_t rows = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t registered = 0;
  std::uint64_t looks_hashed = 0;
  // Of the rows to be imported.
  RowCount lost_dates;
  RowCount unclear;
  RowCount disabled;
  /// Of those with an account already: disabled in the file, enabled here.
  RowCount disabled_before;
  std::vector<PlannedRow> todo;   ///< in the order of the file
  std::vector<Finding> findings;  ///< the same

  /// Rows that cannot become accounts at all.
  [[nodiscard]] std::uint64_t bad() const { return findings.size() - duplicates - registered; }
};

/// Reads the whole file, judges each row, keeps one of each phone: one that is not disabled, else
/// the oldest (by createTime, then id, then line; unknown is newest) and asks the database which
/// phones have accounts. `stopped` is asked now and then; where it says yes nothing is returned.
/// Throws ImportRefused and db::DatabaseError.
std::optional<ImportPlan> plan_import(const ImportFile& file, const Config& config,
                                      db::Database& database, const std::function<bool()>& stopped,
                                      const std::vector<std::string>& ignore_columns = {});

PhoneNumber number_of(const Phone& phone);
/// E.164.
std::string phone_of(PhoneNumber number);

}  // namespace users
