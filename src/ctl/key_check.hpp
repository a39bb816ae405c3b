// The database stores a fingerprint of the key in key_file. All hosts of a cluster must have the
// same key; otherwise a session or a code from one host is unknown to the others.
#pragma once

#include "base/secret.hpp"
#include "db/connection.hpp"

namespace users::ctl {

/// Stores the key's fingerprint if the database has none.
void remember_key(db::Connection& connection, const Secret& key);

/// Replaces the fingerprint, after the key was changed on purpose.
void replace_key(db::Connection& connection, const Secret& key);

enum class KeyCheck { unknown, same, other };

/// Compares the key with the stored fingerprint. Returns unknown if there is none. A null `key` has
/// not been created yet, so it never matches.
KeyCheck check_key(db::Connection& connection, const Secret* key);

}  // namespace users::ctl
