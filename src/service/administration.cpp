#include "service/administration.hpp"

#include <utility>

#include "accounts/user.hpp"
#include "sms/message.hpp"

namespace users {
namespace {

using db::StatementId;

std::optional<std::string> text_or_nothing(db::Value& value) {
  if (value.null) return std::nullopt;
  return std::move(value.text);
}

UserRow user_of(db::Row& row) {
  return {row[0].number, std::move(row[1].text), std::move(row[2].text), text_or_nothing(row[3])};
}

Retry retry_one(db::Connection& connection, std::uint64_t id) {
  const auto row = connection.query_one(StatementId::lock_message, {id});
  if (!row) return Retry::unknown;
  const std::string& state = (*row)[0].text;
  if (state == "sent") return Retry::sent;
  if (state == "unsent") return Retry::unsent;
  if (state != "pending") return Retry::failed;
  if ((*row)[1].number == 0) return Retry::expired;
  if ((*row)[2].number != 0) return Retry::in_hand;
  connection.execute(StatementId::hasten_message, {id});
  return Retry::due;
}

}  // namespace

Administration::Administration(const Config& config, const Secret& key, db::Database& database,
                               Metrics& metrics, std::string operator_name)
    : config_(config),
      key_(key),
      database_(database),
      operator_name_(std::move(operator_name)),
      sessions_(config, key),
      passwords_(config, metrics) {}

std::vector<UserRow> Administration::list(const UserFilter& filter) {
  return database_.replay([&](db::Connection& connection) {
    std::vector<UserRow> users;
    const std::uint64_t only_disabled = filter.only_disabled ? 1 : 0;
    for (auto& row :
         connection.query(StatementId::list_users, {filter.after, only_disabled, filter.limit})) {
      users.push_back(user_of(row));
    }
    return users;
  });
}

std::optional<UserDetails> Administration::show(const Phone& phone) {
  return database_.replay([&](db::Connection& connection) -> std::optional<UserDetails> {
    auto row = connection.query_one(StatementId::show_user, {phone.e164()});
    if (!row) return std::nullopt;
    UserDetails user{user_of(*row), std::move((*row)[4].text), 0, {}, {}, {}};
    user.sessions = sessions_.count(connection, user.id);
    user.logins = throttle::count_of(connection, throttle::kLogins, phone.e164());
    user.guesses = throttle::count_of(connection, throttle::kGuessesADay, phone.e164());
    user.sends = throttle::count_of(connection, throttle::kSendsADay, phone.e164());
    return user;
  });
}

std::vector<SessionRow> Administration::sessions(std::uint64_t user_id) {
  return database_.replay(
      [&](db::Connection& connection) { return sessions_.list(connection, user_id); });
}

std::vector<AuditRow> Administration::audit(std::uint64_t user_id, std::uint64_t limit) {
  return database_.replay([&](db::Connection& connection) {
    std::vector<AuditRow> events;
    for (auto& row : connection.query(StatementId::list_audit, {user_id, limit})) {
      events.push_back({std::move(row[0].text), std::move(row[1].text), std::move(row[2].text),
                        std::move(row[3].text), text_or_nothing(row[4])});
    }
    return events;
  });
}

Change Administration::lock(const Phone& phone) {
  return change(phone, "locked", [&](db::Connection& connection, std::uint64_t, bool) {
    throttle::exhaust(connection, throttle::kLogins, phone.e164());
    store::void_codes(connection, phone.e164());
    return true;
  });
}

Change Administration::unlock(const Phone& phone) {
  return database_.replay([&](db::Connection& connection) -> Change {
    db::Transaction transaction(connection);
    const auto user = connection.query_one(StatementId::lock_user, {phone.e164()});
    const std::uint64_t id = user ? user->front().number : store::kNoAccount;
    for (const auto& limit : {throttle::kLogins, throttle::kGuessesADay, throttle::kSendCooldown,
                              throttle::kSendsAnHour, throttle::kSendsADay}) {
      throttle::clear(connection, limit, phone.e164());
    }
    record(connection, id, "unlocked");
    transaction.commit();
    return {Verdict::done, id};
  });
}

Change Administration::disable(const Phone& phone) {
  return change(phone, "disabled",
                [&](db::Connection& connection, std::uint64_t id, bool disabled) {
                  if (disabled) return false;
                  connection.execute(StatementId::disable_user, {id});
                  Sessions::end_all(connection, id, phone.e164());
                  return true;
                });
}

Change Administration::enable(const Phone& phone) {
  return change(phone, "enabled", [&](db::Connection& connection, std::uint64_t id, bool disabled) {
    if (!disabled) return false;
    connection.execute(StatementId::enable_user, {id});
    // Whatever disabled it, no session from before comes back.
    Sessions::end_all(connection, id, phone.e164());
    return true;
  });
}

Change Administration::set_password(const Phone& phone, std::string_view password_text) {
  const auto password = normalise_password(password_text, config_.password_min_length);
  if (!password) return {Verdict::bad_password};
  if (is_weak(*password, phone, config_.password_service_name)) return {Verdict::weak_password};
  return replace_hash(phone, "password changed", passwords_.hash(*password));
}

Change Administration::set_hash(const Phone& phone, std::string_view hash) {
  if (const auto fault = find_fault(hash)) {
    const bool is_costly = *fault != HashFault::form;
    return {is_costly ? Verdict::costly_hash : Verdict::bad_hash, store::kNoAccount, *fault};
  }
  return replace_hash(phone, "hash set", hash);
}

Change Administration::rename_phone(const Phone& phone, const Phone& new_phone) {
  try {
    return change(phone, "phone changed", [&](db::Connection& connection, std::uint64_t id, bool) {
      if (phone.e164() == new_phone.e164()) return false;
      store::update_phone(connection, id, new_phone.e164());
      connection.execute(StatementId::delete_codes, {phone.e164()});
      Sessions::end_all(connection, id, phone.e164());
      // What strangers tried before the number was this account's must not lock its owner out.
      throttle::clear(connection, throttle::kLogins, new_phone.e164());
      return true;
    });
  } catch (const db::DuplicateKey&) {
    return {Verdict::phone_taken};
  }
}

Change Administration::end_sessions(const Phone& phone) {
  return change(phone, "sessions ended", [&](db::Connection& connection, std::uint64_t id, bool) {
    Sessions::end_all(connection, id, phone.e164());
    return true;
  });
}

Change Administration::remove(const Phone& phone) {
  return change(phone, "deleted", [&](db::Connection& connection, std::uint64_t id, bool) {
    return store::delete_user(connection, id, phone.e164());
  });
}

std::vector<PendingMessage> Administration::pending_messages(std::uint64_t limit) {
  return database_.replay([&](db::Connection& connection) {
    std::vector<PendingMessage> messages;
    for (auto& row : connection.query(StatementId::list_messages, {limit})) {
      auto& message = messages.emplace_back(
          PendingMessage{row[0].number, std::move(row[1].text), std::move(row[2].text),
                         std::move(row[3].text), row[4].number, "", ""});
      auto opened = open_message(key_, row[5].text);
      if (!opened) continue;
      wipe(opened->code);
      message.phone = std::move(opened->phone);
      message.purpose = std::move(opened->purpose);
    }
    return messages;
  });
}

std::vector<Retry> Administration::retry_messages(const std::vector<std::uint64_t>& ids) {
  return database_.replay([&](db::Connection& connection) {
    db::Transaction transaction(connection);
    std::vector<Retry> retries;
    bool any = false;
    for (const std::uint64_t id : ids) {
      retries.push_back(retry_one(connection, id));
      any = any || retries.back() == Retry::due;
    }
    if (any) record(connection, store::kNoAccount, "messages retried");
    transaction.commit();
    return retries;
  });
}

std::uint64_t Administration::retry_all_messages() {
  return database_.replay([&](db::Connection& connection) {
    db::Transaction transaction(connection);
    const std::uint64_t count = connection.execute(StatementId::hasten_messages, {});
    if (count > 0) record(connection, store::kNoAccount, "messages retried");
    transaction.commit();
    return count;
  });
}

std::vector<SentCode> Administration::codes(const Phone& phone) {
  return database_.replay(
      [&](db::Connection& connection) { return Verification::list(connection, phone); });
}

Change Administration::replace_hash(const Phone& phone, std::string_view event,
                                    std::string_view hash) {
  return change(phone, event, [&](db::Connection& connection, std::uint64_t id, bool) {
    connection.execute(StatementId::set_password, {hash, id});
    Sessions::end_all(connection, id, phone.e164());
    throttle::clear(connection, throttle::kLogins, phone.e164());
    return true;
  });
}

Change Administration::change(const Phone& phone, std::string_view event, const Work& work) {
  std::uint64_t committing = store::kNoAccount;
  return database_.replay([&](db::Connection& connection) -> Change {
    // What an earlier try committed whose answer was lost is done, not missing or done before.
    const bool tried = committing != store::kNoAccount;
    db::Transaction transaction(connection);
    const auto user = connection.query_one(StatementId::lock_user, {phone.e164()});
    if (!user) return {tried ? Verdict::done : Verdict::no_account, committing};
    const std::uint64_t id = (*user)[0].number;
    if (!work(connection, id, (*user)[1].number != 0)) {
      return {tried ? Verdict::done : Verdict::unchanged, id};
    }
    record(connection, id, event);
    committing = id;
    transaction.commit();
    return {Verdict::done, id};
  });
}

void Administration::record(db::Connection& connection, std::uint64_t user_id,
                            std::string_view event) const {
  store::insert_audit(connection, {user_id, event, "", "", operator_name_});
}

}  // namespace users
