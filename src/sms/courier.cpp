#include "sms/courier.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "accounts/identity_keys.hpp"
#include "base/log.hpp"

namespace users {

/// A message that this courier has leased.
struct TakenMessage {
  std::uint64_t id = 0;
  std::string sealed;
  std::uint64_t attempts = 0;  ///< including this one
  bool is_alive = false;
  bool is_outcome_unknown = false;  ///< the last courier recorded no result
};

namespace {

/// The part of a lease that is reserved for recording the result.
constexpr std::chrono::seconds kSpare{30};

/// Seconds until the next attempt: 5, 10, 20, 40, ... at most 2 minutes.
std::uint64_t backoff(std::uint64_t attempts) {
  constexpr std::uint64_t kFirst = 5;
  constexpr std::uint64_t kLongest = 120;
  return std::min(kLongest, kFirst << std::min<std::uint64_t>(attempts - 1, 5));
}

/// Locks the row until the transaction ends; skips rows that others have locked.
const db::Query<TakenMessage()> take_message{
    "take_message",
    "SELECT",
    {{"id", &TakenMessage::id},
     {"sealed", &TakenMessage::sealed},
     {"attempts + 1", &TakenMessage::attempts},
     {"expireTime > UTC_TIMESTAMP()", &TakenMessage::is_alive},
     {"takeTime IS NOT NULL", &TakenMessage::is_outcome_unknown}},
    "FROM outbox WHERE state = 'pending' AND nextTime <= UTC_TIMESTAMP() ORDER BY nextTime LIMIT 1 "
    "FOR UPDATE SKIP LOCKED"};

/// The courier that takes a message has this many seconds; after that any courier may take it.
const db::Write<void(std::uint64_t seconds, std::uint64_t id)> lease_message{
    "lease_message",
    "UPDATE outbox SET attempts = attempts + 1, takeTime = UTC_TIMESTAMP(), nextTime = "
    "UTC_TIMESTAMP() + INTERVAL ? SECOND WHERE id = ?"};

// Only for the holder of the lease, identified by `attempts`.
const db::Write<void(std::string_view state, std::uint64_t id, std::uint64_t attempts)>
    finish_message{"finish_message",
                   "UPDATE outbox SET state = ?, sealed = NULL, takeTime = NULL, nextTime = "
                   "UTC_TIMESTAMP() WHERE id = ? AND attempts = ? AND state = 'pending'"};
const db::Write<void(std::uint64_t seconds, std::uint64_t id, std::uint64_t attempts)>
    retry_message{"retry_message",
                  "UPDATE outbox SET takeTime = NULL, nextTime = UTC_TIMESTAMP() + INTERVAL ? "
                  "SECOND WHERE id = ? AND attempts = ? AND state = 'pending'"};

// Small batches, so that locks are short.
constexpr std::uint64_t kBatch = 500;
const db::Write<void(std::uint64_t batch)> kPurges[] = {
    {"purge_codes",
     "DELETE FROM verification_codes WHERE expireTime < UTC_TIMESTAMP() - INTERVAL 1 DAY LIMIT ?"},
    {"purge_messages",
     "DELETE FROM outbox WHERE state <> 'pending' AND nextTime < UTC_TIMESTAMP() - INTERVAL 7 DAY "
     "LIMIT ?"},
    {"purge_throttle", "DELETE FROM throttle WHERE resetTime < UTC_TIMESTAMP() LIMIT ?"},
    {"purge_enrolments", "DELETE FROM totp_enrolments WHERE expireTime < UTC_TIMESTAMP() LIMIT ?"},
    {"purge_challenges",
     "DELETE FROM passkey_challenges WHERE expireTime < UTC_TIMESTAMP() LIMIT ?"},
    {"purge_sessions", "DELETE FROM sessions WHERE expireTime < UTC_TIMESTAMP() LIMIT ?"},
    {"purge_identity_keys",
     std::string("DELETE FROM identity_keys WHERE id < ") + kOldestPublished + " LIMIT ?"},
    {"purge_audit",
     "DELETE FROM audit WHERE createTime < UTC_TIMESTAMP() - INTERVAL 180 DAY LIMIT ?"}};

}  // namespace

Courier::Courier(const Config& config, const Secret& key, db::Database& database, Sender sender,
                 Metrics& metrics)
    : config_(config),
      key_(key),
      database_(database),
      sender_(std::move(sender)),
      sent_(metrics.counter(MetricId::sms, R"(result="sent")")),
      tried_again_(metrics.counter(MetricId::sms, R"(result="try_again")")),
      failed_(metrics.counter(MetricId::sms, R"(result="failed")")),
      unknown_(metrics.counter(MetricId::sms, R"(result="unknown")")) {}

bool Courier::deliver_one() {
  const auto taken = take();
  if (!taken) return false;
  if (taken->is_outcome_unknown) {
    unknown_.add();
    log::warning({"message ", std::to_string(taken->id),
                  ": its courier ended before it recorded the result; it may be sent twice"});
  }
  const Delivery delivery = send(*taken);
  const auto end = std::chrono::steady_clock::now() + kSpare;
  for (;;) {
    try {
      finish(*taken, delivery);
      return true;
    } catch (const db::SchemaMismatch&) {
      throw;
    } catch (const db::DatabaseError&) {
      // Only this process knows the result; without a record the message is sent again.
      if (std::chrono::steady_clock::now() > end) throw;
    }
    constexpr std::chrono::milliseconds kBetween{100};
    std::this_thread::sleep_for(kBetween);
  }
}

std::optional<TakenMessage> Courier::take() {
  return database_.once(db::new_operation(), [&](db::Transaction& transaction) {
    auto taken = take_message.one(transaction.connection());
    if (!taken) return transaction.refuse(taken);
    const std::uint64_t lease = config_.sms_timeout + kSpare.count();
    lease_message(transaction.connection(), lease, taken->id);
    return taken;
  });
}

Delivery Courier::send(const TakenMessage& taken) const {
  if (!taken.is_alive) return Delivery::failed;
  auto message = open_message(key_, taken.sealed);
  if (!message) {
    log::error({"message ", std::to_string(taken.id), ": sealed with another key"});
    return Delivery::failed;
  }
  const Delivery delivery = sender_(taken.id, *message);
  wipe(message->code);
  const bool last = delivery == Delivery::try_again && taken.attempts >= config_.sms_attempts;
  return last ? Delivery::failed : delivery;
}

void Courier::finish(const TakenMessage& taken, Delivery delivery) {
  const std::string id = std::to_string(taken.id);
  const std::string attempt = std::to_string(taken.attempts);
  database_.replay([&](db::Connection& connection) {
    if (delivery == Delivery::try_again) {
      retry_message(connection, backoff(taken.attempts), taken.id, taken.attempts);
    } else {
      finish_message(connection, delivery == Delivery::sent ? "sent" : "failed", taken.id,
                     taken.attempts);
    }
  });
  switch (delivery) {
    case Delivery::sent:
      sent_.add();
      return log::info({"message ", id, ": sent at try ", attempt});
    case Delivery::try_again:
      tried_again_.add();
      return log::warning({"message ", id, ": try ", attempt, " failed, another follows"});
    case Delivery::failed:
      failed_.add();
      return log::error({"message ", id, ": given up at try ", attempt});
  }
}

bool Courier::purge() {
  bool more = false;
  for (const auto& purge : kPurges) {
    const auto deleted =
        database_.replay([&](db::Connection& connection) { return purge(connection, kBatch); });
    if (deleted > 0) {
      log::info({purge.name, ": ", std::to_string(deleted), " rows"});
    }
    more = more || deleted >= kBatch;
  }
  return more;
}

}  // namespace users
