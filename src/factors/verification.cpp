#include "factors/verification.hpp"

#include <algorithm>
#include <string>

#include "accounts/throttle.hpp"
#include "accounts/user.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "sms/outbox.hpp"

namespace users {
namespace {

std::string make_code() {
  std::string code;
  while (code.size() < kCodeDigits) code += static_cast<char>('0' + crypto::random_below(10));
  return code;
}

const PurposeRow& row_of(Purpose purpose) {
  return kPurposes[static_cast<std::size_t>(purpose)];
}

/// The purposes of codes that open an account, for SQL: `'login', 'reset'`.
std::string names_of_openers() {
  std::string names;
  for (const PurposeRow& row : kPurposes) {
    if (!row.opens_account) continue;
    names.append(names.empty() ? "'" : ", '").append(row.name).append("'");
  }
  return names;
}

/// A creation time more than a minute ahead means that the clock was set back: the code is invalid,
/// or it would live as long as the clock was wrong. The minute allows for clock differences between
/// nodes.
const std::string kIsAlive =
    "expireTime > UTC_TIMESTAMP() AND createTime <= UTC_TIMESTAMP() + INTERVAL 1 MINUTE";

/// A row of verification_codes.
struct StoredCode {
  std::string hash;
  std::string request_key;
  std::uint64_t tries = 0;
  bool is_consumed = false;
  bool is_alive = false;
  std::uint64_t age = 0;  ///< seconds
  std::uint64_t message_id = 0;

  [[nodiscard]] bool is_of(const crypto::Digest& key) const {
    return is_alive && crypto::equal(key, request_key);
  }
  /// The answer to a repeated request.
  [[nodiscard]] Outcome repeated() const {
    const auto wait = throttle::kSendCooldown.seconds;
    return {.retry_after = age < wait ? wait - static_cast<unsigned>(age) : 0};
  }
};

const db::Query<StoredCode(std::string_view phone, std::string_view purpose)> find_code{
    "find_code",
    "SELECT",
    {{"codeHash", &StoredCode::hash},
     {"requestKey", &StoredCode::request_key},
     {"tries", &StoredCode::tries},
     {"consumeTime IS NOT NULL", &StoredCode::is_consumed},
     {kIsAlive, &StoredCode::is_alive},
     {db::seconds_since("createTime"), &StoredCode::age},
     {"CAST(IFNULL(message_id, 0) AS UNSIGNED)", &StoredCode::message_id}},
    "FROM verification_codes WHERE phone = ? AND purpose = ?"};

const db::Write<void(std::string_view phone, std::string_view purpose, std::string_view code_hash,
                     std::string_view request_key, std::uint64_t message_id,
                     std::uint64_t lifetime)>
    put_code{"put_code",
             "REPLACE INTO verification_codes (phone, purpose, codeHash, requestKey, message_id, "
             "createTime, expireTime) VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP() + "
             "INTERVAL ? SECOND)"};

/// Keeps counting for a used code: strangers must not learn that it was used.
const db::Write<void(std::string_view phone, std::string_view purpose, std::uint64_t most_tries)>
    count_code_try{"count_code_try",
                   "UPDATE verification_codes SET tries = tries + 1 WHERE phone = ? AND purpose = "
                   "? AND tries < ? AND " +
                       kIsAlive};

const db::Write<void(std::string_view phone, std::string_view purpose, std::string_view code_hash)>
    give_back_code_try{"give_back_code_try",
                       "UPDATE verification_codes SET tries = tries - 1 WHERE phone = ? AND "
                       "purpose = ? AND codeHash = ? AND consumeTime IS NULL AND tries > 0"};

/// The successful attempt is not counted as a failure.
const db::Write<void(std::string_view phone, std::string_view purpose, std::string_view code_hash)>
    consume_code{"consume_code",
                 "UPDATE verification_codes SET consumeTime = UTC_TIMESTAMP(), tries = tries - 1 "
                 "WHERE phone = ? AND purpose = ? AND codeHash = ? AND consumeTime IS NULL AND " +
                     kIsAlive};

}  // namespace

// The join reads only what the table of codes does not have: kIsAlive names columns of both.
decltype(list_codes) list_codes{
    "list_codes",
    "SELECT",
    {{"purpose", &SentCode::purpose},
     {db::iso8601("createTime"), &SentCode::created},
     {db::iso8601("expireTime"), &SentCode::expires},
     {"tries", &SentCode::tries},
     {"CASE WHEN consumeTime IS NOT NULL THEN 'used' WHEN NOT (" + kIsAlive +
          ") THEN 'expired' WHEN codeHash = REPEAT(CHAR(0), 32) THEN 'void' WHEN tries >= " +
          std::to_string(kMostTries) + " THEN 'guessed' ELSE 'valid' END",
      &SentCode::state},
     {"IFNULL(state, 'gone')", &SentCode::message},
     {"CAST(IFNULL(attempts, 0) AS UNSIGNED)", &SentCode::attempts},
     {"IF(state IN ('sent', 'failed'), " + db::iso8601("nextTime") + ", NULL)", &SentCode::done}},
    "FROM verification_codes LEFT JOIN (SELECT id, state, attempts, nextTime FROM outbox) o ON "
    "o.id = message_id WHERE phone = ? ORDER BY createTime DESC, purpose"};
decltype(void_codes) void_codes{"void_codes",
                                "UPDATE verification_codes SET codeHash = '' WHERE phone = ? AND "
                                "purpose IN (" +
                                    names_of_openers() + ")"};
decltype(delete_codes) delete_codes{"delete_codes",
                                    "DELETE FROM verification_codes WHERE phone = ?"};

std::optional<Purpose> parse_purpose(std::string_view name) {
  const auto* found = std::ranges::find(kPurposes, name, &PurposeRow::name);
  if (found == std::end(kPurposes)) return std::nullopt;
  return static_cast<Purpose>(found - std::begin(kPurposes));
}

std::optional<std::string> parse_code(std::string_view text) {
  constexpr std::size_t kMostBytes = 64;
  auto code = text.size() <= kMostBytes ? to_ascii_number(text) : std::nullopt;
  if (!code) return std::nullopt;
  std::erase_if(*code, [](char c) { return c == ' ' || c == '-'; });
  const bool is_good = code->size() == kCodeDigits &&
                       std::ranges::all_of(*code, [](char c) { return c >= '0' && c <= '9'; });
  return is_good ? std::move(code) : std::nullopt;
}

std::string_view name_of(Purpose purpose) {
  return row_of(purpose).name;
}

Outcome Verification::request(db::Database& database, const Phone& phone, Purpose purpose,
                              std::string_view retry_key, const Client& client) const {
  const auto request_key = hash_retry_key(key_, "code request", phone, retry_key, client);
  Message message{phone.e164(), std::string(name_of(purpose)), make_code(),
                  client.chinese ? "zh" : "en"};
  const auto code_hash = hash_code(phone, purpose, message.code);
  const std::string sealed = seal(key_, message);
  wipe(message.code);
  return database.once(request_key, [&](db::Transaction& transaction) -> Outcome {
    db::Connection& connection = transaction.connection();
    const auto find = [&] { return find_code.one(connection, phone.e164(), name_of(purpose)); };
    const auto last = find();
    if (last && last->is_of(request_key)) return transaction.refuse(last->repeated());
    const bool always = !row_of(purpose).opens_account;
    const bool known = find_user_by_phone.one(connection, phone.e164()).has_value();
    // An unknown phone gets no message, but the same reads and writes happen.
    const bool sent = always || known;
    if (const unsigned wait = over_limit(connection, phone, sent)) {
      // Perhaps a faster retry of this same request used up the limit.
      const auto now = find();
      if (now && now->is_of(request_key)) return transaction.refuse(now->repeated());
      return transaction.refuse(
          Outcome{.code = ResultCode::too_many_requests, .retry_after = wait});
    }
    if (last) outbox::supersede(connection, last->message_id);
    const std::uint64_t message_id = outbox::put(connection, sent ? sealed : std::string_view());
    put_code(connection, phone.e164(), name_of(purpose), crypto::bytes_of(code_hash),
             crypto::bytes_of(request_key), message_id, kCodeLifetime);
    log::info({"code: stored for ", name_of(purpose), ", phone ", phone.masked()});
    return {.retry_after = throttle::kSendCooldown.seconds};
  });
}

unsigned Verification::over_limit(db::Connection& connection, const Phone& phone, bool sent) const {
  unsigned wait = 0;
  for (const auto& limit :
       {throttle::kSendCooldown, throttle::kSendsAnHour, throttle::kSendsADay}) {
    wait = std::max(wait, throttle::hit(connection, metrics_, limit, phone.e164()));
  }
  if (wait > 0) return wait;
  // Last: all requests share its rows, so hold their locks for the shortest time.
  const throttle::Limit service{"sms-hour", config_.sms_per_hour, 60 * 60};
  return throttle::spend(connection, metrics_, service, sent);
}

Outcome Verification::check(db::Database& database, const Phone& phone, Purpose purpose,
                            std::string_view code) const {
  const unsigned wait = throttle::hit(database, metrics_, throttle::kGuessesADay, phone.e164());
  if (wait > 0) return {.code = ResultCode::too_many_requests, .retry_after = wait};
  const bool counted = database.replay([&](db::Connection& connection) {
    return count_code_try(connection, phone.e164(), name_of(purpose), kMostTries) == 1;
  });
  return database.replay([&](db::Connection& connection) -> Outcome {
    const auto stored = find_code.one(connection, phone.e164(), name_of(purpose));
    const bool right = stored && crypto::equal(hash_code(phone, purpose, code), stored->hash);
    if (counted && right && !stored->is_consumed) return {};
    // Only the holder of the code learns that it was used: strangers would learn who registered.
    const bool used_up = stored && stored->is_alive &&
                         (stored->tries >= kMostTries || (stored->is_consumed && right));
    return {.code = used_up ? ResultCode::code_used_up : ResultCode::wrong_code};
  });
}

void Verification::give_back(db::Database& database, const Phone& phone, Purpose purpose,
                             std::string_view code) const {
  const auto hash = hash_code(phone, purpose, code);
  database.replay([&](db::Connection& connection) {
    if (give_back_code_try(connection, phone.e164(), name_of(purpose), crypto::bytes_of(hash)) ==
        1) {
      throttle::forgive(connection, throttle::kGuessesADay, phone.e164());
    }
  });
}

bool Verification::consume(db::Connection& connection, const Phone& phone, Purpose purpose,
                           std::string_view code) const {
  const auto hash = hash_code(phone, purpose, code);
  return consume_code(connection, phone.e164(), name_of(purpose), crypto::bytes_of(hash)) == 1;
}

crypto::Digest Verification::hash_code(const Phone& phone, Purpose purpose,
                                       std::string_view code) const {
  std::string message = phone.e164();
  message.append(" ").append(name_of(purpose)).append(" ").append(code);
  const auto digest = crypto::keyed_hash(key_, "code", message);
  wipe(message);
  return digest;
}

}  // namespace users
