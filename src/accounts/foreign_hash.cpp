#include "accounts/foreign_hash.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace users {
namespace {

// Every login computes the hash again, as often as the limits for wrong passwords allow. So refuse
// a hash that needs more memory than a worker has, or longer than about two seconds on a core that
// does 19 MiB x 2 passes of argon2id in 22 ms (in 12 where the memory is kept).

/// Memory times passes of argon2: 24 passes over 128 MiB. Lanes do not count, since libsodium
/// computes them one after another.
constexpr std::uint64_t kMostPassedKib = std::uint64_t{3} * 1024 * 1024;
/// Libraries use 1 to 8, or the number of cores.
constexpr std::uint64_t kMostLanes = 64;
/// 1.1 s. A login may compute a crypt(3) hash twice (PasswordCheck::verify_typed); cost 15 takes
/// two seconds once.
constexpr std::string_view kMostBcryptCost = "14";
/// Allows passlib's 656000. 0.7 s, and about three seconds for a password of 512 bytes.
constexpr std::uint64_t kMostRounds = 700000;
constexpr std::size_t kLongest = 255;  // of the column

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBcrypt64 =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kCrypt64 =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns true if an encoder could have made this from whole bytes: the unused bits of the last
/// digit are 0. No login could verify another text, since a computed hash has none set.
bool is_encoded(std::string_view text, std::string_view alphabet) {
  if (text.empty() || text.size() % 4 == 1) return false;
  if (text.find_first_not_of(alphabet) != std::string_view::npos) return false;
  const std::size_t last = alphabet.find(text.back());
  const unsigned unused = text.size() % 4 == 2 ? 4 : text.size() % 4 == 3 ? 2 : 0;
  // crypt(3) starts with the low bits of a byte, the others with the high bits.
  return alphabet == kCrypt64 ? last >> (6 - unused) == 0 : last % (1U << unused) == 0;
}

/// The characters that crypt(5) allows in a SHA-crypt salt.
bool is_sha_salt(std::string_view text) {
  constexpr std::string_view kForbidden = "$*!\\:;";
  return std::ranges::all_of(text, [&](char c) {
    return c > ' ' && c <= '~' && kForbidden.find(c) == std::string_view::npos;
  });
}

/// Removes and returns everything before the next `$`, and removes the `$`.
std::string_view take_part(std::string_view& text) {
  const auto part = text.substr(0, text.find('$'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

/// Removes `name` and a decimal number without leading zeros, and returns the number.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.starts_with('0') || error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

HashFault judge_argon2(std::string_view cost) {
  constexpr std::uint64_t kLargestOfFormat = UINT32_MAX;  // of RFC 9106
  const auto memory = take_number(cost, "m=");
  const auto passes = take_number(cost, ",t=");
  const auto lanes = take_number(cost, ",p=");
  if (!memory || !passes || !lanes || !cost.empty()) return HashFault::form;
  if (std::max({*memory, *passes, *lanes}) > kLargestOfFormat) return HashFault::form;
  // RFC 9106: at least 8 KiB per lane.
  if (*memory < 8 * *lanes) return HashFault::form;
  if (*memory > kMostHashMemoryKib) return HashFault::memory;
  if (*memory * *passes > kMostPassedKib) return HashFault::work;
  return *lanes > kMostLanes ? HashFault::lanes : HashFault::none;
}

/// The cost is two digits.
HashFault judge_bcrypt(std::string_view cost) {
  const bool is_number = cost.find_first_not_of("0123456789") == std::string_view::npos;
  if (cost.size() != 2 || !is_number || cost < "04" || cost > "31") return HashFault::form;
  return cost > kMostBcryptCost ? HashFault::work : HashFault::none;
}

/// Without a cost there are 5000 rounds.
HashFault judge_sha(std::string_view cost) {
  constexpr std::uint64_t kLeastOfFormat = 1000;
  constexpr std::uint64_t kMostOfFormat = 999999999;
  if (cost.empty()) return HashFault::none;
  const auto rounds = take_number(cost, "rounds=");
  if (!rounds || *rounds < kLeastOfFormat || *rounds > kMostOfFormat || !cost.empty()) {
    return HashFault::form;
  }
  return *rounds > kMostRounds ? HashFault::work : HashFault::none;
}

/// The cost as crypt_gensalt(3) writes it: `j`, the logarithm of N, and r (8 or 32). The memory
/// limit bounds the work too: 128 MiB take 0.2 s.
HashFault judge_yescrypt(std::string_view cost) {
  constexpr std::string_view kLogarithms = "6789ABCDEF";
  constexpr unsigned kLeastLogarithm = 9;
  if (cost.size() != 3 || cost[0] != 'j' || (cost[2] != '5' && cost[2] != 'T')) {
    return HashFault::form;
  }
  const auto at = kLogarithms.find(cost[1]);
  if (at == std::string_view::npos) return HashFault::form;
  const std::uint64_t blocks = std::uint64_t{1} << (kLeastLogarithm + at);
  const std::uint64_t kib = blocks * (cost[2] == '5' ? 8 : 32) * 128 / 1024;
  return kib > kMostHashMemoryKib ? HashFault::memory : HashFault::none;
}

struct Sizes {
  std::size_t least;
  std::size_t most;

  [[nodiscard]] bool allow(std::string_view text) const {
    return text.size() >= least && text.size() <= most;
  }
};

/// A hash is the prefix, the cost, the salt and the digest, with a `$` after cost and salt.
struct Scheme {
  std::string_view prefix;
  HashFault (*judge_cost)(std::string_view cost);
  std::string_view alphabet;
  Sizes salt;
  Sizes digest;
};

constexpr Scheme kSchemes[] = {
    {"$argon2id$v=19$", judge_argon2, kBase64, {11, kLongest}, {22, kLongest}},  // 8 and 16 bytes
    {"$argon2i$v=19$", judge_argon2, kBase64, {11, kLongest}, {22, kLongest}},
    {"$2a$", judge_bcrypt, kBcrypt64, {22, 22}, {31, 31}},
    {"$2b$", judge_bcrypt, kBcrypt64, {22, 22}, {31, 31}},
    {"$2y$", judge_bcrypt, kBcrypt64, {22, 22}, {31, 31}},
    {"$5$", judge_sha, kCrypt64, {1, 16}, {43, 43}},
    {"$6$", judge_sha, kCrypt64, {1, 16}, {86, 86}},
    {"$y$", judge_yescrypt, kCrypt64, {1, 86}, {43, 43}},
};

}  // namespace

HashFault find_fault(std::string_view hash) {
  const auto* scheme = std::ranges::find_if(
      kSchemes, [&](const Scheme& one) { return hash.starts_with(one.prefix); });
  if (hash.size() > kLongest || scheme == std::end(kSchemes)) return HashFault::form;
  hash.remove_prefix(scheme->prefix.size());
  const bool is_sha = scheme->judge_cost == judge_sha;
  const auto cost = is_sha && !hash.starts_with("rounds=") ? "" : take_part(hash);
  // bcrypt has no `$` after the salt.
  const bool is_bcrypt = scheme->judge_cost == judge_bcrypt;
  const auto salt = is_bcrypt ? hash.substr(0, scheme->salt.most) : take_part(hash);
  if (is_bcrypt) hash.remove_prefix(salt.size());
  const bool is_whole = scheme->salt.allow(salt) && scheme->digest.allow(hash) &&
                        (is_sha ? is_sha_salt(salt) : is_encoded(salt, scheme->alphabet)) &&
                        is_encoded(hash, scheme->alphabet);
  return is_whole ? scheme->judge_cost(cost) : HashFault::form;
}

const char* text_of(HashFault fault) {
  static_assert(kMostHashMemoryKib == 128 * 1024 && kMostLanes == 64, "the texts name them");
  switch (fault) {
    case HashFault::none:
      break;
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
