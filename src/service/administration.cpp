#include "service/administration.hpp"

#include <algorithm>
#include <utility>

#include "accounts/foreign_hash.hpp"
#include "accounts/groups.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "factors/second_factor.hpp"
#include "factors/verification.hpp"

namespace users {
namespace {

const db::Write<void()> delete_all_sessions{"delete_all_sessions", "DELETE FROM sessions"};
const db::Write<void()> delete_all_recovery_codes{"delete_all_recovery_codes",
                                                  "DELETE FROM recovery_codes"};
const db::Write<void()> delete_all_challenges{"delete_all_challenges",
                                              "DELETE FROM passkey_challenges"};
const db::Write<void()> delete_all_codes{"delete_all_codes", "DELETE FROM verification_codes"};

struct LastIds {
  std::uint64_t user = 0;
  std::uint64_t in_audit = 0;
};
const db::Query<LastIds()> last_user_ids{
    "last_user_ids",
    "SELECT",
    {{"CAST(IFNULL((SELECT MAX(id) FROM users), 0) AS UNSIGNED)", &LastIds::user},
     {"CAST(IFNULL((SELECT MAX(user_id) FROM audit), 0) AS UNSIGNED)", &LastIds::in_audit}},
    ""};
/// The next account gets the number after this one, even when this row is deleted again.
const db::Write<void(std::uint64_t id)> skip_user_ids{
    "skip_user_ids",
    "INSERT INTO users (id, phone, password, createTime) VALUES (?, '', '', UTC_TIMESTAMP())"};
const db::Query<db::Number()> next_user_id{
    "next_user_id",
    "SELECT",
    {{"AUTO_INCREMENT", &db::Number::value}},
    "FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'users'"};

/// Returns the number of the next account. It is greater than `wanted` if the server has already
/// used greater ones.
std::uint64_t move_ids_ahead(db::Connection& connection, std::optional<std::uint64_t> wanted) {
  const LastIds ids = last_user_ids.one(connection).value_or(LastIds{});
  const std::uint64_t last = std::max(ids.user, ids.in_audit);
  const std::uint64_t next = wanted.value_or(last + Administration::kIdsAhead + 1);
  if (next <= last) {
    throw std::invalid_argument("accounts up to number " + std::to_string(last) +
                                " have been: give a greater one");
  }
  // Needs only rights on rows; ALTER TABLE would need more.
  if (next - 1 > ids.user) {
    skip_user_ids(connection, next - 1);
    delete_user(connection, next - 1);
  }
  return next_user_id.one(connection).value_or(db::Number{next}).value;
}

}  // namespace

Administration::Administration(const Config& config, const Secret& key, db::Database& database,
                               Metrics& metrics, std::string operator_name)
    : config_(config),
      key_(key),
      database_(database),
      operator_name_(std::move(operator_name)),
      client_{.operator_name = operator_name_},
      sessions_(config, key),
      passwords_(config, metrics) {}

Standing Administration::standing(const User& user) {
  return database_.replay([&](db::Connection& connection) -> Standing {
    return {sessions_.count(connection, user.id),
            list_factors.all(connection, user.id).size(),
            count_passkeys.one(connection, user.id).value_or(db::Number{}).value,
            RecoveryCodes::left(connection, user.id),
            throttle::count_of(connection, throttle::kLogins, user.phone),
            throttle::count_of(connection, throttle::kGuessesADay, user.phone),
            throttle::count_of(connection, throttle::kSendsADay, user.phone),
            throttle::count_of(connection, throttle::kSecondFactors, std::to_string(user.id))};
  });
}

ChangeResult Administration::lock(const Phone& phone) {
  return change(phone, [&](const Change& change) {
    db::Connection& connection = change.transaction.connection();
    throttle::exhaust(connection, throttle::kLogins, phone.e164());
    void_codes(connection, phone.e164());
    record(change.transaction, change.user.id, "locked", client_);
    return true;
  });
}

ChangeResult Administration::unlock(const Phone& phone) {
  return database_.once(db::new_operation(), [&](db::Transaction& transaction) -> ChangeResult {
    db::Connection& connection = transaction.connection();
    const auto user = lock_user_by_phone.one(connection, phone.e164());
    const std::uint64_t id = user ? user->id : kNoAccount;
    for (const auto& limit : throttle::kOfPhone) throttle::clear(connection, limit, phone.e164());
    for (const auto& limit : throttle::kOfAccount) {
      if (user) throttle::clear(connection, limit, std::to_string(user->id));
    }
    record(transaction, id, "unlocked", client_);
    return {true, id};
  });
}

ChangeResult Administration::disable(const Phone& phone) {
  return change(phone, [](const Change& change) {
    if (change.user.disabled) return false;
    disable_user(change.transaction.connection(), change.user.id);
    change.end_sessions("disabled");
    return true;
  });
}

ChangeResult Administration::enable(const Phone& phone) {
  return change(phone, [](const Change& change) {
    if (!change.user.disabled) return false;
    enable_user(change.transaction.connection(), change.user.id);
    // Whatever disabled it, do not revive old sessions.
    change.end_sessions("enabled");
    return true;
  });
}

ChangeResult Administration::set_password(const Phone& phone, std::string_view password_text) {
  const auto password = normalise_password(password_text, config_.password_min_length);
  if (!password) {
    throw ChangeRefused("a password is UTF-8 text of " +
                        std::to_string(config_.password_min_length) + " to " +
                        std::to_string(kLongestPassword) + " characters: nothing was changed");
  }
  if (is_weak(*password, phone, config_.password_service_name)) {
    throw ChangeRefused("this password is too easily guessed: nothing was changed, choose another");
  }
  const std::string hash = passwords_.hash(*password);
  return change(phone, [&](const Change& change) {
    change.set_password(hash, "password changed");
    return true;
  });
}

ChangeResult Administration::set_hash(const Phone& phone, std::string_view hash) {
  const HashFault fault = find_fault(hash);
  if (fault == HashFault::form) {
    throw ChangeRefused(
        "no hash that can be verified here (argon2, bcrypt, SHA-256 and SHA-512 of crypt(5), "
        "yescrypt): nothing was changed");
  }
  if (fault != HashFault::none) {
    throw ChangeRefused(std::string(text_of(fault)) +
                        ", too much for a login: nothing was changed. Have the owner reset the "
                        "password by code, or set one with users-ctl user passwd");
  }
  return change(phone, [&](const Change& change) {
    change.set_password(hash, "hash set");
    return true;
  });
}

ChangeResult Administration::set_phone(const Phone& phone, const Phone& new_phone) {
  try {
    return change(phone, [&](const Change& change) {
      if (phone.e164() == new_phone.e164()) return false;
      change.set_phone(new_phone.e164());
      return true;
    });
  } catch (const db::DuplicateKey&) {
    throw ChangeRefused("another account has the new phone: nothing was changed");
  }
}

ChangeResult Administration::end_sessions(const Phone& phone) {
  return change(phone, [](const Change& change) {
    change.end_sessions("sessions ended");
    return true;
  });
}

ChangeResult Administration::remove_factors(const Phone& phone) {
  return change(phone, [](const Change& change) {
    if (list_factors.all(change.transaction.connection(), change.user.id).empty()) return false;
    change.remove_factors();
    return true;
  });
}

ChangeResult Administration::remove(const Phone& phone) {
  return change(phone, [](const Change& change) {
    change.remove();
    return true;
  });
}

ChangeResult Administration::add_to_group(const Phone& phone, const std::string& group) {
  return change(phone, [&](const Change& change) {
    db::Connection& connection = change.transaction.connection();
    const User& user = change.user;
    if (users::add_to_group(connection, user.id, group) != 1) return false;
    if (split(user.groups, ',').size() >= kMostGroups) {
      throw ChangeRefused("an account has at most " + std::to_string(kMostGroups) +
                          " groups: nothing was changed for " + phone.e164());
    }
    copy_groups(connection, user.id);
    record(change.transaction, user.id, "added to group " + group, client_);
    return true;
  });
}

ChangeResult Administration::remove_from_group(const Phone& phone, const std::string& group) {
  return change(phone, [&](const Change& change) {
    db::Connection& connection = change.transaction.connection();
    if (users::remove_from_group(connection, change.user.id, group) != 1) return false;
    copy_groups(connection, change.user.id);
    record(change.transaction, change.user.id, "removed from group " + group, client_);
    return true;
  });
}

bool Administration::rotate_identity() {
  return database_.once(db::new_operation(), [&](db::Transaction& transaction) {
    if (!add_next_identity_key(transaction.connection(), key_)) return transaction.refuse(false);
    record(transaction, kNoAccount, "identity key made", client_);
    return true;
  });
}

void Administration::revoke_identity(std::string_view kid) {
  database_.once(db::new_operation(), [&](db::Transaction& transaction) {
    db::Connection& connection = transaction.connection();
    const auto keys = list_identity_keys.all(connection);
    const auto found = std::ranges::find_if(
        keys, [&](const IdentityKey& one) { return kid_of(one.public_key) == kid; });
    if (found == keys.end()) {
      throw ChangeRefused("there is no identity key " + std::string(kid) +
                          ": users-ctl identity list shows them");
    }
    withdraw_identity_key(connection, key_, *found);
    record(transaction, kNoAccount, "identity key revoked " + std::string(kid), client_);
    return true;
  });
}

std::vector<std::string> Administration::retry_messages(const std::vector<std::uint64_t>& ids) {
  return database_.once(db::new_operation(), [&](db::Transaction& transaction) {
    std::vector<std::string> states;
    for (const std::uint64_t id : ids) {
      states.push_back(outbox::retry(transaction.connection(), id));
    }
    if (std::ranges::find(states, outbox::kDue) == states.end()) return transaction.refuse(states);
    record(transaction, kNoAccount, "messages retried", client_);
    return states;
  });
}

std::uint64_t Administration::retry_all_messages() {
  return database_.once(db::new_operation(), [&](db::Transaction& transaction) {
    const std::uint64_t count = outbox::retry_all(transaction.connection());
    if (count == 0) return transaction.refuse(count);
    record(transaction, kNoAccount, "messages retried", client_);
    return count;
  });
}

Restored Administration::after_restore(std::optional<std::uint64_t> next_id) {
  const auto ended = database_.once(db::new_operation(), [&](db::Transaction& transaction) {
    db::Connection& connection = transaction.connection();
    delete_all_challenges(connection);
    const Restored restored{
        delete_all_sessions(connection),         delete_all_codes(connection),
        outbox::supersede_all(connection),       delete_all_recovery_codes(connection),
        replace_identity_keys(connection, key_), move_ids_ahead(connection, next_id)};
    record(transaction, kNoAccount, "after restore", client_);
    return restored;
  });
  log::info({"after restore: ended ", std::to_string(ended.sessions), " sessions, voided ",
             std::to_string(ended.codes), " codes, ", std::to_string(ended.recovery_codes),
             " recovery codes, ", std::to_string(ended.identity_keys), " identity keys and ",
             std::to_string(ended.messages), " messages; the next account gets number ",
             std::to_string(ended.next_id)});
  return ended;
}

ChangeResult Administration::change(const Phone& phone,
                                    const std::function<bool(const Change&)>& work) {
  return database_.once(db::new_operation(), [&](db::Transaction& transaction) -> ChangeResult {
    const auto user = lock_user_by_phone.one(transaction.connection(), phone.e164());
    if (!user) throw ChangeRefused("no account has the phone " + phone.e164());
    mark_changing(transaction.connection(), user->id);
    if (!work({transaction, *user, client_})) {
      return transaction.refuse(ChangeResult{false, user->id});
    }
    return {true, user->id};
  });
}

}  // namespace users
