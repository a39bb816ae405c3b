// What must not come back with an older state of the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "db/mysql.hpp"

namespace users {

/// How many of each were ended, and where the numbers of accounts go on.
struct AfterRestore {
  std::uint64_t sessions;
  std::uint64_t codes;
  std::uint64_t messages;  ///< that were still to be sent
  std::uint64_t next_id;   ///< of the next account

  /// How far ahead the numbers of accounts go on by default: beyond all that were given out since
  /// the rows were saved.
  static constexpr std::uint64_t kIdsAhead = 1'000'000;

  /// To be called once on a database whose rows are older than what clients have seen (a restored
  /// backup or snapshot, a replica that was behind), before the service starts on it: ends every
  /// session, since one that was ended meanwhile is alive in it again; voids every code, since one
  /// that was used is unused again; keeps every pending message from being sent again; and gives no
  /// number of an account out again, since backends know accounts by it. Users, audit and the
  /// counters of limits stay. One transaction; running it twice does no harm. The audit names the
  /// operator. `next_id`: the number of the next account, instead of kIdsAhead beyond the greatest.
  /// Throws std::invalid_argument if that number may have been given out; db::DatabaseError, then
  /// nothing is changed (or, with db::ConnectionLost, perhaps all).
  static AfterRestore run(db::Connection& connection, std::string_view operator_name,
                          std::optional<std::uint64_t> next_id = {});
};

}  // namespace users
