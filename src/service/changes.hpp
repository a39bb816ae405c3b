// What a change to an account does, whoever makes it: its owner, who has proved that, or an
// operator. Each is part of a transaction, writes its audit row, and ends the sessions but for
// `kept`; it returns false if that session was ended meanwhile, and then is to be rolled back.
#pragma once

#include <string_view>

#include "accounts/client.hpp"
#include "accounts/session.hpp"
#include "accounts/user.hpp"
#include "db/connection.hpp"

namespace users {

struct Change {
  db::Transaction& transaction;
  const User& user;
  const Client& client;
  const Session* kept = nullptr;

  /// Ends the sessions, and voids the outstanding codes, with which somebody could log in again.
  [[nodiscard]] bool end_sessions(std::string_view event) const;
  /// Wrong passwords are forgotten.
  [[nodiscard]] bool set_password(std::string_view hash, std::string_view event) const;
  /// Codes of both phones are void. What strangers tried before the number was this account's must
  /// not lock its owner out, so that is forgotten. Throws db::DuplicateKey if the phone is taken.
  [[nodiscard]] bool set_phone(std::string_view phone) const;
  /// The account with its sessions and codes; the audit stays.
  [[nodiscard]] bool remove() const;
};

}  // namespace users
