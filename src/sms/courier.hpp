// Takes messages from the outbox and sends them; several couriers share the work.
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

/// The result of one attempt to send a message.
enum class Delivery { sent, try_again, failed };

/// Sends one message; returns within config.sms_timeout. Must not throw.
using Sender = std::function<Delivery(std::uint64_t id, const Message& message)>;

/// A message that this courier has leased.
struct TakenMessage {
  std::uint64_t id = 0;
  std::string sealed;
  std::uint64_t attempts = 0;  ///< including this one
  bool is_alive = false;
  bool is_outcome_unknown = false;  ///< the last courier recorded no result
};

class Courier {
 public:
  /// All arguments must outlive this object.
  Courier(const Config& config, const Secret& key, db::Database& database, Sender sender,
          Metrics& metrics);

  /// Takes one message that is due and tries to send it, without an open transaction. Records the
  /// result as soon as the database accepts it, during the lease. If a courier dies in between, the
  /// message is sent again when the lease ends, which is counted. Returns false if none is due.
  /// Throws db::DatabaseError.
  bool deliver_one();

  /// Deletes expired rows, a small batch per table. Returns true if there may be more.
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
