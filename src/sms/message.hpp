// A message to a phone, and its sealed form in the outbox: the code in it opens an account.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace users {

struct Message {
  std::string phone;    ///< E.164
  std::string purpose;  ///< regist, login, reset or phone
  std::string code;
  std::string language;  ///< zh or en
};

/// Encrypts a message for the outbox under a key derived from the service's.
std::string seal(const Secret& key, const Message& message);

/// Returns nullopt if it was sealed with another key.
std::optional<Message> open_message(const Secret& key, std::string_view sealed);

}  // namespace users
