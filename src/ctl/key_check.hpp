// A fingerprint of the key in key_file, in the database: all hosts of a cluster must have the same
// key, or a session or a code of one is unknown to the others.
#pragma once

#include "base/secret.hpp"
#include "db/connection.hpp"

namespace users::ctl {

/// Writes the key's fingerprint unless there is one.
void remember_key(db::Connection& connection, const Secret& key);

/// Replaces it: the key was changed on purpose.
void replace_key(db::Connection& connection, const Secret& key);

enum class KeyCheck { unknown, same, other };

/// Compares the key with the one whose fingerprint the database has; unknown if it has none. Null:
/// a key that is still to be made, and so is never the same.
KeyCheck check_key(db::Connection& connection, const Secret* key);

}  // namespace users::ctl
