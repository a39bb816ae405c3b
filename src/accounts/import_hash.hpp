// Which hashes of another system may come into the table.
#pragma once

#include <string_view>

namespace users {

/// True where PasswordCheck::verify() can do something with it, by prefix and shape, and at a cost
/// that a login may have: argon2id and argon2i (PHC string, version 19), bcrypt (2a, 2b, 2y),
/// SHA-256 and SHA-512 of crypt(5), yescrypt as crypt_gensalt(3) makes it. What is weaker (DES,
/// MD5, NTLM, plain digests) is not. Whether its password is known only a login can tell.
bool is_verifiable_hash(std::string_view hash);

}  // namespace users
