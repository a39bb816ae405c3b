#include "sms/courier.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/log.hpp"

namespace users {
namespace {

using db::StatementId;

/// The part of a lease that is left to write down what became of the message.
constexpr std::chrono::seconds kSpare{30};

/// Seconds until the next try: 5, 10, 20, 40, ... at most 2 minutes; a code lives for 10.
std::uint64_t backoff(std::uint64_t attempts) {
  constexpr std::uint64_t kFirst = 5;
  constexpr std::uint64_t kLongest = 120;
  return std::min(kLongest, kFirst << std::min<std::uint64_t>(attempts - 1, 5));
}

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
  if (taken->untold) {
    unknown_.add();
    log::warning({"message ", std::to_string(taken->id),
                  ": its courier ended before it told what became of it; it may come twice"});
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
      // Only this process knows: were it to give up, the message would be sent again.
      if (std::chrono::steady_clock::now() > end) throw;
    }
    constexpr std::chrono::milliseconds kBetween{100};
    std::this_thread::sleep_for(kBetween);
  }
}

std::optional<Courier::Taken> Courier::take() {
  return database_.replay([&](db::Connection& connection) -> std::optional<Taken> {
    db::Transaction transaction(connection);
    auto row = connection.query_one(StatementId::take_message, {});
    if (!row) return std::nullopt;
    Taken taken{(*row)[0].number, std::move((*row)[1].text), (*row)[2].number + 1,
                (*row)[3].number != 0, (*row)[4].number != 0};
    const std::uint64_t lease = config_.sms_timeout + kSpare.count();
    connection.execute(StatementId::lease_message, {lease, taken.id});
    transaction.commit();
    return taken;
  });
}

Delivery Courier::send(const Taken& taken) const {
  if (!taken.alive) return Delivery::failed;
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

void Courier::finish(const Taken& taken, Delivery delivery) {
  const std::string id = std::to_string(taken.id);
  const std::string attempt = std::to_string(taken.attempts);
  database_.replay([&](db::Connection& connection) {
    if (delivery == Delivery::try_again) {
      connection.execute(StatementId::retry_message,
                         {backoff(taken.attempts), taken.id, taken.attempts});
    } else {
      const std::string_view state = delivery == Delivery::sent ? "sent" : "failed";
      connection.execute(StatementId::finish_message, {state, taken.id, taken.attempts});
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
  constexpr std::uint64_t kBatch = 500;  // as in the statements
  bool more = false;
  for (const StatementId id :
       {StatementId::purge_codes, StatementId::purge_messages, StatementId::purge_throttle,
        StatementId::purge_sessions, StatementId::purge_audit}) {
    const auto deleted =
        database_.replay([&](db::Connection& connection) { return connection.execute(id, {}); });
    if (deleted > 0) log::info({db::text_of(id).name, ": ", std::to_string(deleted), " rows"});
    more = more || deleted >= kBatch;
  }
  return more;
}

}  // namespace users
