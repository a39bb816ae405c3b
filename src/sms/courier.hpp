// Takes messages out of the outbox and has them sent; several at once share the work.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/config.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"
#include "sms/outbox.hpp"

namespace users {

/// What became of one try to send a message.
enum class Delivery { sent, try_again, failed };

/// Sends one message; returns within config.sms_timeout. Must not throw.
using Sender = std::function<Delivery(std::uint64_t id, const Message& message)>;

/// A message that this courier has to itself for a while.
struct TakenMessage {
  std::uint64_t id = 0;
  std::string sealed;
  std::uint64_t attempts = 0;  ///< this one included
  bool is_alive = false;
  bool is_outcome_unknown = false;  ///< whoever took it last never told what became of it
};

class Courier {
 public:
  /// All must outlive this object.
  Courier(const Config& config, const Secret& key, db::Database& database, Sender sender,
          Metrics& metrics);

  /// Takes one message that is due and tries to send it; no transaction is open meanwhile. What
  /// became of it is written down as soon as the database takes it, while the lease lasts. A
  /// courier that dies in between leaves it to be sent once more when its lease is over, which is
  /// counted. False where none is due. Throws db::DatabaseError.
  bool deliver_one();

  /// Deletes what has expired, a small batch of each table. True where there may be more.
  bool purge();

 private:
  std::optional<TakenMessage> take();
  Delivery send(const TakenMessage& taken) const;
  void finish(const TakenMessage& taken, Delivery delivery);

  const Config& config_;
  const Secret& key_;
  db::Database& database_;
  Sender sender_;
  Counter sent_;
  Counter tried_again_;
  Counter failed_;
  Counter unknown_;
};

}  // namespace users
