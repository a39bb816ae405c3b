// Messages to phones: sealing them (a code opens an account), the queue, and their results.
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

/// Encrypts a message for the outbox with a key derived from the service's key.
std::string seal(const Secret& key, const Message& message);

/// Returns nullopt if it was sealed with another key.
std::optional<Message> open_message(const Secret& key, std::string_view sealed);

/// Lifetime of a code and its message in seconds, whole minutes (NIST SP 800-63B-4 3.1.3.2: at most
/// 10 minutes).
constexpr unsigned kCodeLifetime = 600;

}  // namespace users

namespace users::outbox {

/// Inserts a message that lives for kCodeLifetime and returns its id. An empty one is a decoy: its
/// row looks like the others, but no courier takes it.
std::uint64_t put(db::Connection& connection, std::string_view sealed);

/// Cancels a pending message.
extern const db::Write<void(std::uint64_t id)> supersede;
/// Cancels all pending messages.
extern const db::Write<void()> supersede_all;

/// A message that waits or is being sent. Times are ISO 8601 in UTC.
struct Pending {
  std::uint64_t id = 0;
  std::string created;
  std::string next;  ///< earliest time of the next attempt
  std::string expires;
  std::uint64_t attempts = 0;
  std::string sealed;
  std::string phone;    ///< empty if it was sealed with another key
  std::string purpose;  ///< likewise
};

/// Oldest first.
std::vector<Pending> list(db::Connection& connection, const Secret& key, std::uint64_t limit);

constexpr std::string_view kDue = "due";

/// Makes a message due now, in the caller's transaction. Its attempts still count. Returns kDue, or
/// why it cannot be sent: sent, failed, unsent, expired, in hand (being sent) or unknown.
std::string retry(db::Connection& connection, std::uint64_t id);
/// The same for all pending messages that are not expired and not being sent. Returns how many.
extern const db::Write<void()> retry_all;

struct Depth {
  std::string state;  ///< pending, sent, failed or unsent
  std::uint64_t messages = 0;
  std::uint64_t oldest = 0;  ///< age of the oldest pending message in seconds
};
extern const db::Query<Depth()> depth;

struct Delays {
  std::uint64_t overdue = 0;  ///< messages that should have been sent a minute ago
  std::uint64_t oldest = 0;   ///< age of the oldest of these in seconds
  std::uint64_t failed = 0;   ///< given up within the last hour
};
extern const db::Query<Delays()> delays;

}  // namespace users::outbox
