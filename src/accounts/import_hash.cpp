#include "accounts/import_hash.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace users {
namespace {

// A login computes the hash again, so that one row with an absurd cost would hold a worker for
// hours. These are the most that a careful site would choose, or the configuration allows.
constexpr std::uint64_t kMostMemoryKib = 1048576;
constexpr std::uint64_t kMostPasses = 100;
constexpr std::uint64_t kMostLanes = 64;
constexpr std::uint64_t kMostBcryptCost = 17;
constexpr std::uint64_t kMostRounds = 1000000;
constexpr std::size_t kLongest = 255;  // the column's

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_crypt64(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return is_alphanumeric(c) || c == '.' || c == '/'; });
}

bool is_base64(std::string_view text) {
  return text.size() % 4 != 1 && std::ranges::all_of(text, [](char c) {
           return is_alphanumeric(c) || c == '+' || c == '/';
         });
}

/// What crypt(5) lets into a salt of SHA-crypt.
bool is_salt(std::string_view text) {
  constexpr std::string_view kForbidden = "$*!\\:;";
  return std::ranges::all_of(text, [&](char c) {
    return c > ' ' && c <= '~' && kForbidden.find(c) == std::string_view::npos;
  });
}

/// Takes `prefix` off the front.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Takes off all in front of the next `$`, and that.
std::string_view take_part(std::string_view& text) {
  const auto part = text.substr(0, text.find('$'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

/// Takes a decimal number without leading zeros off the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  if (text.starts_with('0')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool takes_number_up_to(std::string_view& text, std::string_view name, std::uint64_t most) {
  if (!take(text, name)) return false;
  const auto number = take_number(text);
  return number && *number <= most;
}

bool is_argon2(std::string_view text) {
  constexpr std::size_t kLeastSalt = 11;  // 8 bytes
  constexpr std::size_t kLeastHash = 22;  // 16 bytes
  if (!take(text, "v=19$")) return false;
  std::string_view cost = take_part(text);
  std::string_view memory = cost;
  if (!takes_number_up_to(cost, "m=", kMostMemoryKib) ||
      !takes_number_up_to(cost, ",t=", kMostPasses)) {
    return false;
  }
  if (!take(cost, ",p=") || !take(memory, "m=")) return false;
  const auto lanes = take_number(cost);
  // RFC 9106: at least 8 KiB a lane.
  if (!cost.empty() || !lanes || *lanes > kMostLanes || *take_number(memory) < 8 * *lanes) {
    return false;
  }
  const auto salt = take_part(text);
  return salt.size() >= kLeastSalt && is_base64(salt) && text.size() >= kLeastHash &&
         is_base64(text);
}

bool is_bcrypt(std::string_view text) {
  constexpr std::size_t kSaltAndHash = 53;
  if (text.size() != kSaltAndHash + 3 || text[2] != '$' || !is_crypt64(text.substr(3))) {
    return false;
  }
  if (!is_crypt64(text.substr(0, 2))) return false;
  unsigned cost = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 2, cost);
  return error == std::errc{} && end == text.data() + 2 && cost >= 4 && cost <= kMostBcryptCost;
}

bool is_sha_crypt(std::string_view text, std::size_t hash_size) {
  constexpr std::size_t kLongestSalt = 16;
  if (take(text, "rounds=")) {
    const auto rounds = take_number(text);
    if (!rounds || *rounds < 1000 || *rounds > kMostRounds || !take(text, "$")) return false;
  }
  const auto salt = take_part(text);
  return !salt.empty() && salt.size() <= kLongestSalt && is_salt(salt) &&
         text.size() == hash_size && is_crypt64(text);
}

bool is_yescrypt(std::string_view text) {
  constexpr std::size_t kLongestSalt = 86;
  constexpr std::size_t kHash = 43;
  // `j`, the logarithm of N, and r: those of crypt_gensalt(3), at most 1 GiB.
  constexpr std::string_view kSizes = "6789ABCDEF";
  const auto cost = take_part(text);
  if (cost.size() != 3 || cost[0] != 'j' || kSizes.find(cost[1]) == std::string_view::npos ||
      (cost[2] != '5' && cost[2] != 'T')) {
    return false;
  }
  const auto salt = take_part(text);
  return !salt.empty() && salt.size() <= kLongestSalt && salt.size() % 4 != 1 && is_crypt64(salt) &&
         text.size() == kHash && is_crypt64(text);
}

}  // namespace

bool is_verifiable_hash(std::string_view hash) {
  constexpr std::size_t kSha256 = 43;
  constexpr std::size_t kSha512 = 86;
  if (hash.size() > kLongest) return false;
  if (take(hash, "$argon2id$") || take(hash, "$argon2i$")) return is_argon2(hash);
  if (take(hash, "$2a$") || take(hash, "$2b$") || take(hash, "$2y$")) return is_bcrypt(hash);
  if (take(hash, "$5$")) return is_sha_crypt(hash, kSha256);
  if (take(hash, "$6$")) return is_sha_crypt(hash, kSha512);
  return take(hash, "$y$") && is_yescrypt(hash);
}

}  // namespace users
