// What makes a request and its retry the same one.
#pragma once

#include <string_view>

#include "accounts/outcome.hpp"
#include "accounts/phone.hpp"
#include "base/crypto.hpp"

namespace users {

/// What is stored of it: `client_key` (an Idempotency-Key), else the request id, hashed with the
/// phone and with which of the two it was, since a request id read in a log must not pass as a key.
/// Equal to no other where there is neither. `purpose` keeps the kinds of requests apart.
crypto::Digest hash_retry_key(const Secret& key, std::string_view purpose, const Phone& phone,
                              std::string_view client_key, const Client& client);

}  // namespace users
