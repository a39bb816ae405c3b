#include "accounts/foreign_hash.hpp"

#include <algorithm>
#include <charconv>

namespace users {
namespace {

// Every login computes the hash again, as often as the limits for wrong passwords allow. So refuse
// a hash that needs more memory than a worker has, or longer than about two seconds on a core that
// does 19 MiB x 2 passes of argon2id in 22 ms.

/// Memory times passes of argon2: 24 passes over 128 MiB. Lanes do not count, since libsodium
/// computes them one after another.
constexpr std::uint64_t kMostPassedKib = std::uint64_t{3} * 1024 * 1024;
/// Libraries use 1 to 8, or the number of cores.
constexpr std::uint64_t kMostLanes = 64;
/// 1.1 s. A login may compute a crypt(3) hash twice (PasswordCheck::verify_typed); cost 15 takes
/// two seconds once.
constexpr std::uint64_t kMostBcryptCost = 14;
/// Allows passlib's 656000. 0.7 s, and about three seconds for a password of 512 bytes.
constexpr std::uint64_t kMostRounds = 700000;
constexpr std::size_t kLongest = 255;  // of the column

/// No fault found.
constexpr std::optional<HashFault> kNone;

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBcrypt64 =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kCrypt64 =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Unused bits of the last digit.
constexpr unsigned spare_bits(std::size_t digits) {
  return digits % 4 == 2 ? 4 : digits % 4 == 3 ? 2 : 0;
}

/// Returns true if an encoder could have made this from whole bytes: the spare bits of the last
/// digit are 0. No login could verify another text, since a computed hash has none set.
bool is_encoded(std::string_view text, std::string_view alphabet) {
  if (text.empty() || text.size() % 4 == 1) return false;
  if (text.find_first_not_of(alphabet) != std::string_view::npos) return false;
  const std::size_t last = alphabet.find(text.back());
  const unsigned spare = spare_bits(text.size());
  // crypt(3) starts with the low bits of a byte, the others with the high bits.
  return alphabet == kCrypt64 ? last >> (6 - spare) == 0 : last % (1U << spare) == 0;
}

/// The characters that crypt(5) allows in a SHA-crypt salt.
bool is_salt(std::string_view text) {
  constexpr std::string_view kForbidden = "$*!\\:;";
  return std::ranges::all_of(text, [&](char c) {
    return c > ' ' && c <= '~' && kForbidden.find(c) == std::string_view::npos;
  });
}

/// Removes `prefix` from the front.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Removes and returns everything before the next `$`, and removes the `$`.
std::string_view take_part(std::string_view& text) {
  const auto part = text.substr(0, text.find('$'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

/// Removes and returns a decimal number without leading zeros.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  if (text.starts_with('0')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// The same for a parameter, after its `name`.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view name) {
  return take(text, name) ? take_number(text) : std::nullopt;
}

std::optional<HashFault> judge_argon2_cost(std::string_view text) {
  constexpr std::uint64_t kLargestOfFormat = UINT32_MAX;  // of RFC 9106
  const auto memory = take_number(text, "m=");
  const auto passes = take_number(text, ",t=");
  const auto lanes = take_number(text, ",p=");
  if (!memory || !passes || !lanes || !text.empty()) return HashFault::form;
  if (std::max({*memory, *passes, *lanes}) > kLargestOfFormat) return HashFault::form;
  // RFC 9106: at least 8 KiB per lane.
  if (*memory < 8 * *lanes) return HashFault::form;
  if (*memory > kMostHashMemoryKib) return HashFault::memory;
  if (*memory * *passes > kMostPassedKib) return HashFault::work;
  return *lanes > kMostLanes ? std::optional(HashFault::lanes) : kNone;
}

std::optional<HashFault> judge_argon2(std::string_view text) {
  constexpr std::size_t kLeastSalt = 11;  // 8 bytes
  constexpr std::size_t kLeastHash = 22;  // 16 bytes
  if (!take(text, "v=19$")) return HashFault::form;
  const auto cost = take_part(text);
  const auto salt = take_part(text);
  const bool is_whole = salt.size() >= kLeastSalt && is_encoded(salt, kBase64) &&
                        text.size() >= kLeastHash && is_encoded(text, kBase64);
  return is_whole ? judge_argon2_cost(cost) : HashFault::form;
}

std::optional<HashFault> judge_bcrypt(std::string_view text) {
  constexpr std::size_t kSalt = 22;
  constexpr std::size_t kHash = 31;
  constexpr std::string_view kDigits = "0123456789";
  const auto digits = take_part(text);
  if (digits.size() != 2 || digits.find_first_not_of(kDigits) != std::string_view::npos) {
    return HashFault::form;
  }
  const auto cost = static_cast<std::uint64_t>((digits[0] - '0') * 10 + (digits[1] - '0'));
  const bool is_whole = cost >= 4 && cost <= 31 && text.size() == kSalt + kHash &&
                        is_encoded(text.substr(0, kSalt), kBcrypt64) &&
                        is_encoded(text.substr(kSalt), kBcrypt64);
  if (!is_whole) return HashFault::form;
  return cost > kMostBcryptCost ? std::optional(HashFault::work) : kNone;
}

std::optional<HashFault> judge_sha_crypt(std::string_view text, std::size_t hash_size) {
  constexpr std::size_t kLongestSalt = 16;
  constexpr std::uint64_t kLeastOfFormat = 1000;
  constexpr std::uint64_t kMostOfFormat = 999999999;
  std::uint64_t rounds = 5000;
  if (text.starts_with("rounds=")) {
    const auto told = take_number(text, "rounds=");
    if (!told || *told < kLeastOfFormat || *told > kMostOfFormat || !take(text, "$")) {
      return HashFault::form;
    }
    rounds = *told;
  }
  const auto salt = take_part(text);
  const bool is_whole = !salt.empty() && salt.size() <= kLongestSalt && is_salt(salt) &&
                        text.size() == hash_size && is_encoded(text, kCrypt64);
  if (!is_whole) return HashFault::form;
  return rounds > kMostRounds ? std::optional(HashFault::work) : kNone;
}

/// Memory in KiB of yescrypt with the parameters of crypt_gensalt(3): `j`, the logarithm of N, and
/// r (8 or 32). 0 for other parameters.
std::uint64_t yescrypt_memory(std::string_view cost) {
  constexpr std::string_view kLogarithms = "6789ABCDEF";
  constexpr unsigned kLeastLogarithm = 9;
  if (cost.size() != 3 || cost[0] != 'j' || (cost[2] != '5' && cost[2] != 'T')) return 0;
  const auto at = kLogarithms.find(cost[1]);
  if (at == std::string_view::npos) return 0;
  const std::uint64_t blocks = std::uint64_t{1} << (kLeastLogarithm + at);
  return blocks * (cost[2] == '5' ? 8 : 32) * 128 / 1024;
}

/// The memory limit bounds the work too: 128 MiB take 0.2 s.
std::optional<HashFault> judge_yescrypt(std::string_view text) {
  constexpr std::size_t kLongestSalt = 86;
  constexpr std::size_t kHash = 43;
  const std::uint64_t memory = yescrypt_memory(take_part(text));
  const auto salt = take_part(text);
  const bool is_whole = memory != 0 && salt.size() <= kLongestSalt && is_encoded(salt, kCrypt64) &&
                        text.size() == kHash && is_encoded(text, kCrypt64);
  if (!is_whole) return HashFault::form;
  return memory > kMostHashMemoryKib ? std::optional(HashFault::memory) : kNone;
}

}  // namespace

std::optional<HashFault> find_fault(std::string_view hash) {
  constexpr std::size_t kSha256 = 43;
  constexpr std::size_t kSha512 = 86;
  if (hash.size() > kLongest) return HashFault::form;
  if (take(hash, "$argon2id$") || take(hash, "$argon2i$")) return judge_argon2(hash);
  if (take(hash, "$2a$") || take(hash, "$2b$") || take(hash, "$2y$")) return judge_bcrypt(hash);
  if (take(hash, "$5$")) return judge_sha_crypt(hash, kSha256);
  if (take(hash, "$6$")) return judge_sha_crypt(hash, kSha512);
  return take(hash, "$y$") ? judge_yescrypt(hash) : HashFault::form;
}

const char* text_of(HashFault fault) {
  static_assert(kMostHashMemoryKib == 128 * 1024 && kMostLanes == 64, "the texts name them");
  switch (fault) {
    case HashFault::form:
      return "not a hash that login verifies (argon2, bcrypt, SHA-crypt, yescrypt)";
    case HashFault::memory:
      return "a hash that takes more than 128 MiB (m of argon2, cost of yescrypt)";
    case HashFault::work:
      return "a hash that takes longer than two seconds (t of argon2, cost of bcrypt, rounds of "
             "SHA-crypt)";
    case HashFault::lanes:
      return "a hash of more than 64 lanes (p of argon2)";
  }
  return "?";
}

}  // namespace users
