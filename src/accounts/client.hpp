// Who asks, and what makes a request and its retry the same one.
#pragma once

#include <string_view>

#include "accounts/phone.hpp"
#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "db/connection.hpp"

namespace users {

/// Who asks, as nginx tells it.
struct Client {
  std::string_view address{};        ///< IPv4 or IPv6
  std::string_view request_id{};     ///< equal on nginx's own retries
  std::string_view agent{};          ///< User-Agent
  bool chinese = true;               ///< the language of messages to this client
  std::string_view operator_name{};  ///< who runs users-ctl; empty: a user asks
};

/// Returns what is stored of a retry key: `client_key` (an Idempotency-Key), or else the request
/// id, hashed with the phone and with which of the two it was, since a request id read in a log
/// must not pass as a key. If there is neither, the hash is like no other. `purpose` keeps the
/// kinds of requests apart.
crypto::Digest hash_retry_key(const Secret& key, std::string_view purpose, const Phone& phone,
                              std::string_view client_key, const Client& client);

/// What a change is known by: the route and its subject (the session's token hash, or else a phone)
/// with nginx's request id, which is the same when nginx sends the request again. Nothing of the
/// body is in it: a fast hash of a password beside the hashing key would undo argon2. Without a
/// request id it is like no other.
db::OperationId operation_of(const Secret& key, std::string_view route, std::string_view subject,
                             const Client& client);

}  // namespace users
