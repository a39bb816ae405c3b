// Messages to phones: their sealed form, since the code in one opens an account, those that wait to
// be sent, and what became of the others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "db/database.hpp"

namespace users {

struct Message {
  std::string phone;    ///< E.164
  std::string purpose;  ///< regist, login, reset or phone
  std::string code;
  std::string language;  ///< zh or en
};

/// Encrypts a message for the outbox under a key derived from the service's.
std::string seal(const Secret& key, const Message& message);

/// Returns nullopt if it was sealed with another key.
std::optional<Message> open_message(const Secret& key, std::string_view sealed);

}  // namespace users

namespace users::outbox {

/// Puts a message there, which lives for `lifetime` seconds, and returns its number. An empty one
/// is for nobody: its row is as any other's, and no courier takes it.
std::uint64_t put(db::Connection& connection, std::string_view sealed, std::uint64_t lifetime);

/// A message that waits is no longer to be sent.
extern const db::Command<void(std::uint64_t id)> supersede;
/// The same for all.
extern const db::Command<void()> supersede_all;

/// A message that waits, or that a courier is sending. All times are ISO 8601 in UTC.
struct Pending {
  std::uint64_t id = 0;
  std::string created;
  std::string next;  ///< not before
  std::string expires;
  std::uint64_t attempts = 0;
  std::string phone;    ///< empty if it was sealed with another key
  std::string purpose;  ///< the same
};

/// Oldest first.
std::vector<Pending> list(db::Connection& connection, const Secret& key, std::uint64_t limit);

/// What became of a message that was asked to be sent again.
enum class Retry { due, expired, in_hand, sent, failed, unsent, unknown };

/// Makes a message that still waits due now, in the caller's transaction. Its tries stay counted.
Retry retry(db::Connection& connection, std::uint64_t id);
/// The same with all that wait, are not expired and in no courier's hands. Returns how many.
extern const db::Command<void()> retry_all;

struct Depth {
  std::string state;  ///< pending, sent, failed or unsent
  std::uint64_t messages = 0;
  std::uint64_t oldest = 0;  ///< of those pending: seconds since it was put there
};
extern const db::Query<Depth()> depth;

struct Delays {
  std::uint64_t overdue = 0;  ///< messages that should have been sent a minute ago
  std::uint64_t oldest = 0;   ///< seconds since the oldest of these was put there
  std::uint64_t failed = 0;   ///< given up within an hour
};
extern const db::Query<Delays()> delays;

}  // namespace users::outbox
