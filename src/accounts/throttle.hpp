// Rate limits: counters in the database, which no restart, worker or spelling of a phone resets.
#pragma once

#include <array>
#include <string_view>

#include "db/database.hpp"
#include "metrics/metrics.hpp"

namespace users::throttle {

/// At most `most` in `seconds`, starting with the first.
struct Limit {
  std::string_view name;
  unsigned most;
  unsigned seconds;
  bool locks = false;  ///< reaching `most` restarts the time: locked for `seconds` from then
};

constexpr Limit kSendCooldown{"send", 1, 60};
constexpr Limit kSendsAnHour{"send-hour", 5, 60 * 60};
constexpr Limit kSendsADay{"send-day", 10, 24 * 60 * 60};
/// Guesses at a phone's codes, for all purposes; a new code does not reset them.
constexpr Limit kGuessesADay{"guess", 20, 24 * 60 * 60};
/// Password attempts. The owner can still log in by code; a reset clears the count.
constexpr Limit kLogins{"login", 10, 15 * 60, true};
/// Second factors of an account, of every kind. A right one is forgiven, and clears no others. Does
/// not lock: a right one that is the tenth would restart the time of the wrong ones.
constexpr Limit kSecondFactors{"factor", 10, 15 * 60};

/// Those that count by phone, and those that count by account; an operator can clear them.
inline constexpr std::array kOfPhone{kSendCooldown, kSendsAnHour, kSendsADay, kGuessesADay,
                                     kLogins};
inline constexpr std::array kOfAccount{kSecondFactors};

/// Counts one for `subject` (a phone in E.164, or an account's number) in one atomic statement.
/// Returns 0 if within the limit, else the seconds to wait, and counts the refusal in `metrics`.
unsigned hit(db::Connection& connection, Metrics& metrics, const Limit& limit,
             std::string_view subject);

/// The same in a replay of its own, so that a later replay does not count again.
unsigned hit(db::Database& database, Metrics& metrics, const Limit& limit,
             std::string_view subject);

/// Spends one of a budget of the whole service. The count is split over several rows, because all
/// requests would wait for the lock on a single row. Returns 0 if something was left, else the
/// seconds to wait, and counts the refusal in `metrics`. If `charged` is false, it reads and writes
/// the same amount, but into a separate count that limits nobody.
unsigned spend(db::Connection& connection, Metrics& metrics, const Limit& budget, bool charged);

/// Locks the subject for limit.seconds, as if it had just used its last attempt. Only clear() ends
/// the lock before its time.
void exhaust(db::Connection& connection, const Limit& limit, std::string_view subject);

struct Count {
  std::uint64_t used = 0;
  std::uint64_t seconds = 0;  ///< until it resets
};
/// The current count.
Count count_of(db::Connection& connection, const Limit& limit, std::string_view subject);

/// Takes back one that was counted.
void forgive(db::Connection& connection, const Limit& limit, std::string_view subject);

/// Resets the count.
void clear(db::Connection& connection, const Limit& limit, std::string_view subject);

/// Resets the count after a right attempt, which may have begun before a lock.
void clear_attempts(db::Connection& connection, const Limit& limit, std::string_view subject);
void clear_attempts(db::Database& database, const Limit& limit, std::string_view subject);

}  // namespace users::throttle
