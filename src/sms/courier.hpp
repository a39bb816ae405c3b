// Takes messages out of the outbox and has them sent; several at once share the work.
#pragma once

#include <functional>
#include <string>

#include "base/config.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"
#include "sms/message.hpp"

namespace users {

/// What became of one try to send a message.
enum class Delivery { sent, try_again, failed };

/// Sends one message; returns within config.sms_timeout. Must not throw.
using Sender = std::function<Delivery(std::uint64_t id, const Message& message)>;

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
  struct Taken {
    std::uint64_t id;
    std::string sealed;
    std::uint64_t attempts;  ///< this one included
    bool alive;
    bool untold;  ///< whoever took it last never told what became of it
  };
  std::optional<Taken> take();
  Delivery send(const Taken& taken) const;
  void finish(const Taken& taken, Delivery delivery);

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
