// Who asks, and what makes a request and its retry the same one.
#pragma once

#include <string_view>

#include "accounts/phone.hpp"
#include "base/crypto.hpp"
#include "base/secret.hpp"

namespace users {

/// Who asks, as nginx tells it.
struct Client {
  std::string_view address;     ///< IPv4 or IPv6
  std::string_view request_id;  ///< equal on nginx's own retries
  std::string_view agent{};     ///< User-Agent
  bool chinese = true;          ///< the language of messages to this client
};

/// Returns what is stored of a retry key: `client_key` (an Idempotency-Key), or else the request
/// id, hashed with the phone and with which of the two it was, since a request id read in a log
/// must not pass as a key. If there is neither, the hash is like no other. `purpose` keeps the
/// kinds of requests apart.
crypto::Digest hash_retry_key(const Secret& key, std::string_view purpose, const Phone& phone,
                              std::string_view client_key, const Client& client);

}  // namespace users
