// The rows of users and of what happened to them, in the service's own terms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/config.hpp"
#include "base/crypto.hpp"
#include "db/mysql.hpp"

namespace users::store {

struct User {
  std::uint64_t id;
  std::string password;    ///< PHC string, or an older form of crypt(3)
  std::string regist_key;  ///< 32 bytes, or empty
  bool disabled;
  std::uint64_t epoch;  ///< of its sessions; those of another are over
};

struct Profile {
  std::string phone;  ///< E.164
  std::string password;
  std::string created;  ///< ISO 8601, UTC
};

struct NewUser {
  std::string_view phone;  ///< E.164
  std::string_view password;
  const crypto::Digest& regist_key;
};

/// Whose audit rows those are that concern no account.
constexpr std::uint64_t kNoAccount = 0;

struct Event {
  std::uint64_t user_id;
  std::string_view name;
  std::string_view address;
  std::string_view request_id;
  std::string_view operator_name{};  ///< who did it with users-ctl; empty: the user
};

std::optional<User> find_user(db::Connection& connection, std::string_view phone);
std::optional<Profile> find_profile(db::Connection& connection, std::uint64_t user_id);

/// Returns the new id. Voids the codes of that phone.
/// Throws db::DuplicateKey where the phone is taken.
std::uint64_t insert_user(db::Connection& connection, const NewUser& user);

/// False where the password is no longer `verified`, the one that was checked.
bool update_password(db::Connection& connection, std::uint64_t user_id, std::string_view password,
                     std::string_view verified);

/// False where the phone is no longer that user's, or the password no longer `former`.
bool reset_password(db::Connection& connection, std::string_view phone, std::string_view password,
                    std::string_view former);

/// Voids the codes of that phone. Throws
/// db::DuplicateKey where the phone is taken.
void update_phone(db::Connection& connection, std::uint64_t user_id, std::string_view phone);

/// Outstanding codes of that phone for login and reset stop working.
void void_codes(db::Connection& connection, std::string_view phone);

/// The user with codes and sessions. False where it was gone already.
bool delete_user(db::Connection& connection, std::uint64_t user_id, std::string_view phone);

/// How many accounts have a hash of another kind or cost than the service makes. The next login of
/// each replaces it. Returns nullopt if counting them takes longer than 2 seconds.
std::optional<std::uint64_t> count_imported_hashes(db::Connection& connection,
                                                   const Config& config);

/// Records what happened, in the transaction in which it happens.
void insert_audit(db::Connection& connection, const Event& event);

}  // namespace users::store
