// Which hashes of other systems may be imported.
#pragma once

#include <cstdint>
#include <string_view>

namespace users {

/// The most memory a hash may need. Django's 100 MiB fit, as do the 64 MiB of PHP, argon2-cffi and
/// libsodium's INTERACTIVE. MemoryMax of users-fcgi-hash.service allows this for every worker.
constexpr std::uint64_t kMostHashMemoryKib = std::uint64_t{128} * 1024;

/// Why a hash is refused.
enum class HashFault {
  none,    ///< login can verify it
  form,    ///< PasswordCheck::verify() could never accept a password
  memory,  ///< needs more memory than a worker has
  work,    ///< would hold a worker for too long
  lanes,   ///< more parallelism than any library uses
};

/// Checks the prefix, form and cost of a hash. Accepts argon2id and
/// argon2i (PHC string, version 19), bcrypt (2a, 2b, 2y), SHA-256 and SHA-512 of crypt(5), and
/// yescrypt as crypt_gensalt(3) makes it; refuses weaker ones (DES, MD5, NTLM, plain digests). Only
/// a login shows whether anybody knows the password.
HashFault find_fault(std::string_view hash);

/// The fault in words, for reports.
const char* text_of(HashFault fault);

}  // namespace users
