// Which hashes of another system may come into the table.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace users {

/// What verifying a hash may take. Django's 100 MiB fit, and the 64 MiB of PHP, argon2-cffi and
/// libsodium's INTERACTIVE. MemoryMax of users-fcgi-hash.service has room for it in every worker.
constexpr std::uint64_t kMostHashMemoryKib = std::uint64_t{128} * 1024;

/// Why a hash stays out.
enum class HashFault {
  form,    ///< PasswordCheck::verify() would find no password right
  memory,  ///< it takes more than a worker has
  work,    ///< it would hold a worker for too long
  lanes,   ///< argon2's parallelism is more than anybody's
};

/// Judges a hash by prefix, shape and cost; nullopt if login can verify it. Taken are argon2id and
/// argon2i (PHC string, version 19), bcrypt (2a, 2b, 2y), SHA-256 and SHA-512 of crypt(5), and
/// yescrypt as crypt_gensalt(3) makes it; what is weaker (DES, MD5, NTLM, plain digests) is not.
/// Only a login can tell whether somebody knows the password.
std::optional<HashFault> find_fault(std::string_view hash);

/// The fault in words, for reports.
const char* text_of(HashFault fault);

}  // namespace users
