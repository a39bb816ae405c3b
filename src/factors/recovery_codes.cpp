#include "factors/recovery_codes.hpp"

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "db/statement.hpp"

namespace users {
namespace {

/// Crockford's base32: neither I, L, O nor U. Ten characters are 50 bits.
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kLength = 10;
static_assert(256 % kAlphabet.size() == 0);  // a byte chooses fairly

const db::Query<db::Number(std::uint64_t user_id, std::string_view hash)> find_recovery_code{
    "find_recovery_code",
    "SELECT",
    {{"user_id", &db::Number::value}},
    "FROM recovery_codes WHERE user_id = ? AND codeHash = ?"};
const db::Write<void(std::uint64_t user_id, std::string_view hash)> use_recovery_code{
    "use_recovery_code", "DELETE FROM recovery_codes WHERE user_id = ? AND codeHash = ?"};
const db::Write<void(std::uint64_t user_id)> delete_recovery_codes{
    "delete_recovery_codes", "DELETE FROM recovery_codes WHERE user_id = ?"};
const db::Write<void(std::uint64_t user_id, std::string_view hash)> insert_recovery_code{
    "insert_recovery_code", "INSERT INTO recovery_codes (user_id, codeHash) VALUES (?, ?)"};

const db::Query<db::Number(std::uint64_t user_id)> count_recovery_codes{
    "count_recovery_codes",
    "SELECT",
    {{"COUNT(*)", &db::Number::value}},
    "FROM recovery_codes WHERE user_id = ?"};

}  // namespace

std::optional<std::string> parse_recovery_code(std::string_view text) {
  constexpr std::size_t kMostBytes = 64;
  auto code = text.size() <= kMostBytes ? to_ascii_number(text) : std::nullopt;
  if (!code) return std::nullopt;
  std::erase_if(*code, [](char c) { return c == ' ' || c == '-'; });
  for (char& c : *code) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
  }
  const bool is_good =
      code->size() == kLength && code->find_first_not_of(kAlphabet) == std::string::npos;
  return is_good ? std::move(code) : std::nullopt;
}

std::vector<Secret> RecoveryCodes::make() const {
  return made_from(crypto::bytes_of(crypto::random_digest()));
}

std::vector<Secret> RecoveryCodes::made_from(std::string_view seed) const {
  std::vector<Secret> codes;
  while (codes.size() < kRecoveryCodes) {
    const auto digest = crypto::keyed_hash(key_, "new recovery code",
                                           std::to_string(codes.size()).append("\n").append(seed));
    std::string code;
    for (std::size_t i = 0; i < kLength; ++i) {
      if (i == kLength / 2) code += '-';
      code += kAlphabet[digest[i] % kAlphabet.size()];
    }
    codes.emplace_back(std::move(code));
  }
  return codes;
}

void RecoveryCodes::put(db::Connection& connection, std::uint64_t user_id,
                        const std::vector<Secret>& codes) const {
  delete_recovery_codes(connection, user_id);
  for (const Secret& code : codes) {
    insert_recovery_code(connection, user_id,
                         hash_of(user_id, *parse_recovery_code(code.reveal())));
  }
}

std::string RecoveryCodes::hash_of(std::uint64_t user_id, std::string_view code) const {
  const auto digest =
      crypto::keyed_hash(key_, "recovery code", std::to_string(user_id).append("\n").append(code));
  return std::string(crypto::bytes_of(digest));
}

bool RecoveryCodes::has(db::Connection& connection, std::uint64_t user_id, std::string_view hash) {
  return find_recovery_code.one(connection, user_id, hash).has_value();
}

bool RecoveryCodes::use(db::Connection& connection, std::uint64_t user_id, std::string_view hash) {
  return use_recovery_code(connection, user_id, hash) == 1;
}

std::uint64_t RecoveryCodes::left(db::Connection& connection, std::uint64_t user_id) {
  return count_recovery_codes.one(connection, user_id).value_or(db::Number{}).value;
}

void RecoveryCodes::remove(db::Connection& connection, std::uint64_t user_id) {
  delete_recovery_codes(connection, user_id);
}

}  // namespace users
