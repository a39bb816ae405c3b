// Takes messages from the outbox and sends them; several couriers share the work.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/config.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"
#include "sms/outbox.hpp"

namespace users {

/// The result of one attempt to send a message.
enum class Delivery { sent, try_again, failed };

/// Sends one message; returns within config.sms_timeout. Must not throw.
using Sender = std::function<Delivery(std::uint64_t id, const Message& message)>;

/// Runs sms.command (a program, not a shell line) with the message as one JSON object on standard
/// input: id, phone (E.164), purpose, code, language (zh or en), text. Its output goes to ours, or
/// in pieces to `relay` (base/subprocess.hpp). Exit code 0: sent. 75 (EX_TEMPFAIL), a signal, or
/// longer than sms.timeout (then its process group is killed): try again. Any other: failed.
Delivery run_send_command(const Config& config, std::uint64_t id, const Message& message,
                          const std::function<void(std::string_view, bool)>& relay = {});

struct TakenMessage;

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
