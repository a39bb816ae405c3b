#include "sms/outbox.hpp"

#include <algorithm>
#include <array>

#include "base/crypto.hpp"

namespace users {
namespace {

crypto::Digest outbox_key(const Secret& key) {
  return crypto::keyed_hash(key, "outbox", "");
}

}  // namespace

std::string seal(const Secret& key, const Message& message) {
  std::string text = message.phone;
  text.append("\n").append(message.purpose).append("\n").append(message.code);
  text.append("\n").append(message.language);
  std::string sealed = crypto::seal(outbox_key(key), text);
  wipe(text);
  return sealed;
}

std::optional<Message> open_message(const Secret& key, std::string_view sealed) {
  const auto opened = crypto::open_sealed(outbox_key(key), sealed);
  if (!opened) return std::nullopt;
  // Views, because a moved-from string would leave the code in memory.
  std::array<std::string_view, 4> parts;
  std::string_view rest = opened->reveal();
  for (auto& part : parts) {
    part = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  return Message{std::string(parts[0]), std::string(parts[1]), std::string(parts[2]),
                 std::string(parts[3])};
}

}  // namespace users

namespace users::outbox {
namespace {

const std::string kIsInHand = "takeTime IS NOT NULL AND nextTime > UTC_TIMESTAMP()";
const std::string kIsOverdue =
    "FROM outbox WHERE state = 'pending' AND nextTime < UTC_TIMESTAMP() - INTERVAL 1 MINUTE";

/// `sealed`: NULL for an unsent message.
const db::Write<void(db::Parameter sealed, std::string_view state, std::uint64_t lifetime)>
    insert_message{"insert_message",
                   "INSERT INTO outbox (sealed, state, createTime, nextTime, expireTime) VALUES "
                   "(?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL ? SECOND)"};

const db::Query<Pending(std::uint64_t limit)> list_messages{
    "list_messages",
    "SELECT",
    {{"id", &Pending::id},
     {db::iso8601("createTime"), &Pending::created},
     {db::iso8601("nextTime"), &Pending::next},
     {db::iso8601("expireTime"), &Pending::expires},
     {"attempts", &Pending::attempts},
     {"sealed", &Pending::sealed}},
    "FROM outbox WHERE state = 'pending' ORDER BY id LIMIT ?"};

/// Returns the state as retry() does.
const db::Query<db::Text(std::uint64_t id)> lock_message{
    "lock_message",
    "SELECT",
    {{"CASE WHEN state <> 'pending' THEN state WHEN expireTime <= UTC_TIMESTAMP() THEN 'expired' "
      "WHEN " +
          kIsInHand + " THEN 'in hand' ELSE 'due' END",
      &db::Text::value}},
    "FROM outbox WHERE id = ? FOR UPDATE"};

const db::Write<void(std::uint64_t id)> hasten_message{
    "hasten_message", "UPDATE outbox SET nextTime = UTC_TIMESTAMP() WHERE id = ?"};

}  // namespace

decltype(supersede) supersede{
    "supersede_message",
    "UPDATE outbox SET state = 'unsent', sealed = NULL WHERE state = 'pending' AND id = ?"};
decltype(supersede_all) supersede_all{
    "void_messages", "UPDATE outbox SET state = 'unsent', sealed = NULL WHERE state = 'pending'"};
decltype(retry_all) retry_all{
    "hasten_messages",
    "UPDATE outbox SET nextTime = UTC_TIMESTAMP() WHERE state = 'pending' AND expireTime > "
    "UTC_TIMESTAMP() AND NOT (" +
        kIsInHand + ")"};
decltype(depth) depth{
    "outbox_depth",
    "SELECT",
    {{"state", &Depth::state},
     {"COUNT(*)", &Depth::messages},
     {"IF(state = 'pending', (SELECT GREATEST(0, TIMESTAMPDIFF(SECOND, MIN(createTime), "
      "UTC_TIMESTAMP())) FROM outbox WHERE state = 'pending'), 0)",
      &Depth::oldest}},
    "FROM outbox GROUP BY state"};
decltype(delays) delays{"outbox_state",
                        "SELECT",
                        {{"(SELECT COUNT(*) " + kIsOverdue + ")", &Delays::overdue},
                         {"(SELECT IFNULL(MAX(TIMESTAMPDIFF(SECOND, createTime, "
                          "UTC_TIMESTAMP())), 0) " +
                              kIsOverdue + ")",
                          &Delays::oldest},
                         {"(SELECT COUNT(*) FROM outbox WHERE state = 'failed' AND nextTime > "
                          "UTC_TIMESTAMP() - INTERVAL 1 HOUR)",
                          &Delays::failed}},
                        ""};

std::uint64_t put(db::Connection& connection, std::string_view sealed) {
  const bool is_for_nobody = sealed.empty();
  insert_message(connection, is_for_nobody ? db::Parameter(nullptr) : db::Parameter(sealed),
                 is_for_nobody ? "unsent" : "pending", kCodeLifetime);
  return connection.last_insert_id();
}

std::vector<Pending> list(db::Connection& connection, const Secret& key, std::uint64_t limit) {
  auto messages = list_messages.all(connection, limit);
  for (Pending& message : messages) {
    auto opened = open_message(key, message.sealed);
    if (!opened) continue;
    wipe(opened->code);
    message.phone = std::move(opened->phone);
    message.purpose = std::move(opened->purpose);
  }
  return messages;
}

std::string retry(db::Connection& connection, std::uint64_t id) {
  const auto state = lock_message.one(connection, id).value_or(db::Text{"unknown"});
  if (state.value == kDue) hasten_message(connection, id);
  return state.value;
}

}  // namespace users::outbox
