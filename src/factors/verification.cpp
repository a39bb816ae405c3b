#include "factors/verification.hpp"

#include <algorithm>
#include <string>

#include "accounts/throttle.hpp"
#include "accounts/user.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "sms/message.hpp"

namespace users {
namespace {

using db::StatementId;

constexpr std::string_view kPurposes[] = {"regist", "login", "reset", "phone"};

/// Six digits.
std::string make_code() {
  constexpr std::uint32_t kCodes = 1'000'000;
  return std::to_string(kCodes + crypto::random_below(kCodes)).substr(1);
}

/// A row of verification_codes.
struct StoredCode {
  std::string hash;
  std::string request_key;
  std::uint64_t tries;
  bool consumed;
  bool alive;
  std::uint64_t age;  ///< seconds

  [[nodiscard]] bool is_of(const crypto::Digest& key) const {
    return alive && crypto::equal(key, request_key);
  }
  /// The answer to who asks for it again.
  [[nodiscard]] Outcome repeated() const {
    const auto wait = throttle::kSendCooldown.seconds;
    return {.retry_after = age < wait ? wait - static_cast<unsigned>(age) : 0};
  }
};

std::optional<StoredCode> find_code(db::Connection& connection, const Phone& phone,
                                    Purpose purpose) {
  auto row = connection.query_one(StatementId::find_code, {phone.e164(), name_of(purpose)});
  if (!row) return std::nullopt;
  return StoredCode{std::move((*row)[0].text), std::move((*row)[1].text), (*row)[2].number,
                    (*row)[3].number != 0,     (*row)[4].number != 0,     (*row)[5].number};
}

}  // namespace

std::optional<Purpose> parse_purpose(std::string_view name) {
  const auto* found = std::ranges::find(kPurposes, name);
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
  return kPurposes[static_cast<std::size_t>(purpose)];
}

Outcome Verification::request(db::Database& database, const Phone& phone, Purpose purpose,
                              std::string_view retry_key, const Client& client) const {
  const auto request_key = hash_retry_key(key_, "code request", phone, retry_key, client);
  Message message{phone.e164(), std::string(name_of(purpose)), make_code(),
                  client.chinese ? "zh" : "en"};
  const auto code_hash = hash_code(phone, purpose, message.code);
  const std::string sealed = seal(key_, message);
  wipe(message.code);
  return database.replay([&](db::Connection& connection) -> Outcome {
    const auto last = find_code(connection, phone, purpose);
    if (last && last->is_of(request_key)) return last->repeated();
    const bool always = purpose == Purpose::regist || purpose == Purpose::phone;
    const bool known = store::find_user(connection, phone.e164()).has_value();
    // Nobody is sent a message for nothing, and as much is read and written all the same.
    const bool sent = always || known;
    db::Transaction transaction(connection);
    if (const unsigned wait = over_limit(connection, phone, sent)) {
      // By this very request on another try, perhaps, that was faster by a moment.
      const auto now = find_code(connection, phone, purpose);
      if (now && now->is_of(request_key)) return now->repeated();
      return {.code = ResultCode::too_many_requests, .retry_after = wait};
    }
    if (last) {
      connection.execute(StatementId::supersede_message, {phone.e164(), name_of(purpose)});
    }
    connection.execute(
        StatementId::insert_message,
        {sent ? db::Parameter(sealed) : db::Parameter(nullptr),
         std::string_view(sent ? "pending" : "unsent"), std::uint64_t{kCodeLifetime}});
    connection.execute(
        StatementId::put_code,
        {phone.e164(), name_of(purpose), crypto::bytes_of(code_hash), crypto::bytes_of(request_key),
         connection.last_insert_id(), std::uint64_t{kCodeLifetime}});
    transaction.commit();
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
  // Last: its rows are everybody's, so their locks must be held the shortest.
  const throttle::Limit service{"sms-hour", config_.sms_per_hour, 60 * 60};
  return throttle::spend(connection, metrics_, service, sent);
}

Outcome Verification::check(db::Connection& connection, const Phone& phone, Purpose purpose,
                            std::string_view code) const {
  if (const unsigned wait =
          throttle::hit(connection, metrics_, throttle::kGuessesADay, phone.e164())) {
    return {.code = ResultCode::too_many_requests, .retry_after = wait};
  }
  const bool counted = connection.execute(StatementId::count_code_try,
                                          {phone.e164(), name_of(purpose), kMostTries}) == 1;
  const auto stored = find_code(connection, phone, purpose);
  const bool right = stored && crypto::equal(hash_code(phone, purpose, code), stored->hash);
  if (counted && right && !stored->consumed) return {};
  // That a code was consumed is told only to who has it: strangers would learn who registered.
  const bool used_up =
      stored && stored->alive && (stored->tries >= kMostTries || (stored->consumed && right));
  return {.code = used_up ? ResultCode::code_used_up : ResultCode::wrong_code};
}

bool Verification::consume(db::Connection& connection, const Phone& phone, Purpose purpose,
                           std::string_view code) const {
  const auto hash = hash_code(phone, purpose, code);
  return connection.execute(StatementId::consume_code,
                            {phone.e164(), name_of(purpose), crypto::bytes_of(hash)}) == 1;
}

std::vector<SentCode> Verification::list(db::Connection& connection, const Phone& phone) {
  std::vector<SentCode> codes;
  for (auto& row : connection.query(StatementId::list_codes, {phone.e164()})) {
    std::string_view state = "valid";
    if (row[3].number >= kMostTries) state = "guessed";
    if (row[9].number != 0) state = "void";
    if (row[5].number == 0) state = "expired";
    if (row[4].number != 0) state = "used";
    codes.push_back({std::move(row[0].text), std::move(row[1].text), std::move(row[2].text),
                     row[3].number, state, row[6].null ? "gone" : std::move(row[6].text),
                     row[7].number, std::move(row[8].text)});
  }
  return codes;
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
