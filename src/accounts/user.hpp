// The tables users and audit: their rows and statements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/client.hpp"
#include "base/config.hpp"
#include "db/statement.hpp"

namespace users {

struct User {
  std::uint64_t id = 0;
  std::string phone;                      ///< E.164
  std::string password;                   ///< PHC string, or a crypt(3) hash
  std::optional<std::string> regist_key;  ///< 32 bytes
  std::string created;                    ///< ISO 8601, UTC
  std::optional<std::string> disabled;    ///< time of disabling
  std::uint64_t epoch = 0;                ///< current epoch; sessions with another one are over
  std::uint64_t level = 0;                ///< the least level of its sessions
  std::string groups;                     ///< in order, separated by commas
};

extern const db::Query<User(std::string_view phone)> find_user_by_phone;
extern const db::Query<User(std::uint64_t id)> find_user_by_id;
/// Locks the row until the transaction ends.
extern const db::Query<User(std::string_view phone)> lock_user_by_phone;
extern const db::Query<User(std::uint64_t id)> lock_user_by_id;
/// For transactions that change what belongs to an account: on a cluster a lock holds on one node
/// only, and two transactions exclude each other only if they write the same row.
extern const db::Write<void(std::uint64_t id)> mark_changing;
/// Users after `after_id`, by id.
extern const db::Query<User(std::uint64_t after_id, std::uint64_t only_disabled,
                            std::uint64_t limit)>
    list_users;

/// A new account, and whether its phone already has codes or a count of wrong passwords. Usually it
/// has none, so nothing has to be voided or cleared.
struct NewUser {
  std::uint64_t id = 0;
  std::uint64_t has_codes = 0;
  std::uint64_t has_failures = 0;
};
/// Throws db::DuplicateKey if the phone is taken.
extern const db::Query<NewUser(std::string_view phone, std::string_view password,
                               std::string_view regist_key)>
    insert_user;
/// Changes nothing if the password is no longer `former`, because of a concurrent change.
extern const db::Write<void(std::string_view password, std::uint64_t id, std::string_view former)>
    renew_password;
extern const db::Write<void(std::string_view password, std::uint64_t id)> set_password;
/// Throws db::DuplicateKey if the phone is taken.
extern const db::Write<void(std::string_view phone, std::uint64_t id)> set_phone;
extern const db::Write<void(std::uint64_t level, std::uint64_t id)> set_level;
extern const db::Write<void(std::uint64_t id)> disable_user;
extern const db::Write<void(std::uint64_t id)> enable_user;
extern const db::Write<void(std::uint64_t id)> delete_user;

/// Counts accounts whose hash has another kind or cost than the service uses. Each is replaced at
/// its next login. Returns nullopt if counting takes longer than 2 seconds.
std::optional<std::uint64_t> count_imported_hashes(db::Connection& connection,
                                                   const Config& config);

/// The user id of audit rows that concern no account.
constexpr std::uint64_t kNoAccount = 0;

struct AuditRow {
  std::string time;  ///< ISO 8601, UTC
  std::string event;
  std::optional<std::string> address;  ///< missing: an operator's change
  std::string request_id;
  std::optional<std::string> operator_name;  ///< operator who used users-ctl; missing: the user
};

/// Newest first.
extern const db::Query<AuditRow(std::uint64_t user_id, std::uint64_t limit)> list_audit;

/// Records an event, in the transaction that causes it.
void record(const db::Transaction& transaction, std::uint64_t user_id, std::string_view event,
            const Client& client);

}  // namespace users
