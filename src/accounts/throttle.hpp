// What may be done how often: counters in the database that no restart, worker or spelling resets.
#pragma once

#include <string_view>

#include "db/connection.hpp"
#include "metrics/metrics.hpp"

namespace users::throttle {

/// At most `most` in `seconds`, counted from the first.
struct Limit {
  std::string_view name;
  unsigned most;
  unsigned seconds;
  bool locks = false;  ///< reaching `most` starts the time anew: nothing for `seconds` from then on
};

constexpr Limit kSendCooldown{"send", 1, 60};
constexpr Limit kSendsAnHour{"send-hour", 5, 60 * 60};
constexpr Limit kSendsADay{"send-day", 10, 24 * 60 * 60};
/// Guesses at codes of one phone, whatever their purpose; a new code does not reset them.
constexpr Limit kGuessesADay{"guess", 20, 24 * 60 * 60};
/// Tries of a password. The owner gets in by code meanwhile; a reset clears it.
constexpr Limit kLogins{"login", 10, 15 * 60, true};

/// Counts one for `subject` (a phone in E.164, or nothing where the limit is the service's), in one
/// atomic statement. 0 where that is within the limit, else the seconds until it is again, and
/// `metrics` has it.
unsigned hit(db::Connection& connection, Metrics& metrics, const Limit& limit,
             std::string_view subject);

/// Spends one of a budget of the whole service. Its count is split over several rows, because all
/// requests would wait for the lock of a single one. 0 if there was something left, else the
/// seconds until there is again, and `metrics` has it. If `charged` is false, it reads and writes
/// as much, but what it writes is counted apart and limits nobody.
unsigned spend(db::Connection& connection, Metrics& metrics, const Limit& budget, bool charged);

/// Locks the subject for limit.seconds, as if it had just used its last attempt.
void exhaust(db::Connection& connection, const Limit& limit, std::string_view subject);

struct Count {
  std::uint64_t used = 0;
  std::uint64_t seconds = 0;  ///< until it is forgotten
};
/// What is counted now.
Count count_of(db::Connection& connection, const Limit& limit, std::string_view subject);

/// Forgets what was counted.
void clear(db::Connection& connection, const Limit& limit, std::string_view subject);

}  // namespace users::throttle
