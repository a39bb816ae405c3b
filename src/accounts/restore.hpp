// What must not come back with an older state of the database.
#pragma once

#include <cstdint>
#include <string_view>

#include "db/mysql.hpp"

namespace users {

/// How many of each were ended.
struct AfterRestore {
  std::uint64_t sessions;
  std::uint64_t codes;
  std::uint64_t messages;  ///< that were still to be sent

  /// To be called once on a database whose rows are older than what clients have seen (a restored
  /// full backup or snapshot, a replica that was behind), before the service starts on it: ends
  /// every session, since one that was ended meanwhile is alive in it again; voids every code,
  /// since one that was used is unused again; and keeps every pending message from being sent
  /// again. Users, audit and the counters of limits stay. One transaction; running it twice does no
  /// harm. The audit names the operator. Throws db::DatabaseError, then nothing
  /// is changed (or, with db::ConnectionLost, perhaps all).
  static AfterRestore run(db::Connection& connection, std::string_view operator_name);
};

}  // namespace users
