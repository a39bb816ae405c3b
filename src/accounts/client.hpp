// Who sends a request, and what identifies a request and its retry.
#pragma once

#include <string_view>

#include "accounts/phone.hpp"
#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "db/connection.hpp"

namespace users {

/// The client, as nginx reports it.
struct Client {
  std::string_view address{};        ///< IPv4 or IPv6
  std::string_view request_id{};     ///< the same when nginx retries
  std::string_view agent{};          ///< User-Agent
  bool chinese = true;               ///< language of messages to this client
  std::string_view operator_name{};  ///< operator who runs users-ctl; empty: a user's request
};

/// Returns the stored form of a retry key: a keyed hash of the phone and `client_key` (an
/// Idempotency-Key), or else of the phone and the request id. The two kinds hash differently: a
/// request id read in a log must not pass as a key. If both are empty, the hash is random.
/// `purpose` separates kinds of requests.
crypto::Digest hash_retry_key(const Secret& key, std::string_view purpose, const Phone& phone,
                              std::string_view client_key, const Client& client);

/// Identifies a change: the route, its subject (the session's token hash, or else a phone) and
/// nginx's request id, which stays the same when nginx resends the request. Nothing from the body:
/// a fast hash of a password, next to the hashing key, would undo argon2. Without a request id the
/// result is random.
db::OperationId operation_of(const Secret& key, std::string_view route, std::string_view subject,
                             const Client& client);

}  // namespace users
