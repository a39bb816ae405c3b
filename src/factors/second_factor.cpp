#include "factors/second_factor.hpp"

#include <stdexcept>

#include "accounts/throttle.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "factors/totp.hpp"
#include "factors/verification.hpp"

namespace users {
namespace {

/// An account's TOTP.
struct StoredTotp {
  std::uint64_t id = 0;
  std::string secret;
  std::uint64_t last_step = 0;
  bool is_unused = false;  ///< since it was enrolled
  std::uint64_t now = 0;   ///< seconds since 1970, by the database's clock
};
const db::Query<StoredTotp(std::uint64_t user_id)> find_totp{
    "find_totp",
    "SELECT",
    {{"id", &StoredTotp::id},
     {"IFNULL(secret, '')", &StoredTotp::secret},
     {"lastStep", &StoredTotp::last_step},
     {"useTime IS NULL", &StoredTotp::is_unused},
     {"CAST(UNIX_TIMESTAMP() AS UNSIGNED)", &StoredTotp::now}},
    "FROM factors WHERE user_id = ? AND kind = 'totp'"};
/// Only one of several requests with the same code finds a row.
const db::Write<void(std::uint64_t step, std::uint64_t id, std::uint64_t same_step)> use_totp{
    "use_totp",
    "UPDATE factors SET lastStep = ?, useTime = UTC_TIMESTAMP() WHERE id = ? AND lastStep < ?"};
const db::Write<void(std::uint64_t user_id)> delete_totp_row{
    "delete_totp", "DELETE FROM factors WHERE user_id = ? AND kind = 'totp'"};
const db::Write<void(std::uint64_t user_id, std::string_view secret, std::uint64_t step)>
    insert_totp{"insert_totp",
                "INSERT INTO factors (user_id, kind, secret, lastStep, createTime) VALUES (?, "
                "'totp', ?, ?, UTC_TIMESTAMP())"};
const db::Write<void(std::uint64_t user_id)> delete_all_factors{
    "delete_factors", "DELETE FROM factors WHERE user_id = ?"};

struct Enrolment {
  std::string secret;
  std::uint64_t now = 0;  ///< seconds since 1970
};
const db::Query<Enrolment(std::uint64_t user_id)> find_enrolment{
    "find_enrolment",
    "SELECT",
    {{"secret", &Enrolment::secret}, {"CAST(UNIX_TIMESTAMP() AS UNSIGNED)", &Enrolment::now}},
    "FROM totp_enrolments WHERE user_id = ? AND expireTime > UTC_TIMESTAMP()"};
const db::Write<void(std::uint64_t user_id, std::string_view secret, std::uint64_t seconds)>
    put_enrolment{"put_enrolment",
                  "REPLACE INTO totp_enrolments (user_id, secret, expireTime) VALUES (?, ?, "
                  "UTC_TIMESTAMP() + INTERVAL ? SECOND)"};
const db::Write<void(std::uint64_t user_id, std::string_view secret)> take_enrolment{
    "take_enrolment",
    "DELETE FROM totp_enrolments WHERE user_id = ? AND secret = ? AND expireTime > "
    "UTC_TIMESTAMP()"};
const db::Write<void(std::uint64_t user_id)> delete_enrolment{
    "delete_enrolment", "DELETE FROM totp_enrolments WHERE user_id = ?"};

}  // namespace

decltype(list_factors) list_factors{"list_factors",
                                    "SELECT",
                                    {{"id", &Factor::id},
                                     {"kind", &Factor::kind},
                                     {"name", &Factor::name},
                                     {db::iso8601("createTime"), &Factor::created},
                                     {db::iso8601("useTime"), &Factor::last_used}},
                                    "FROM factors WHERE user_id = ? ORDER BY id"};
decltype(find_kind) find_kind{"find_kind",
                              "SELECT",
                              {{"kind", &db::Text::value}},
                              "FROM factors WHERE id = ? AND user_id = ?"};
decltype(delete_factor) delete_factor{"delete_factor", "DELETE FROM factors WHERE id = ?"};

void delete_factors(db::Connection& connection, std::uint64_t user_id) {
  delete_all_factors(connection, user_id);
  delete_totp(connection, user_id);
}

void delete_totp(db::Connection& connection, std::uint64_t user_id) {
  delete_totp_row(connection, user_id);
  RecoveryCodes::remove(connection, user_id);
  delete_enrolment(connection, user_id);
}

Outcome check_form(const SentFactor& sent) {
  return require({{!sent.totp || parse_code(*sent.totp), kTotp},
                  {!sent.recovery_code || parse_recovery_code(*sent.recovery_code), kRecoveryCode}},
                 sent.passkey ? check_form(*sent.passkey) : Outcome{});
}

SecondFactor::SecondFactor(const Secret& key, Metrics& metrics, const Passkeys& passkeys)
    : key_(key),
      metrics_(metrics),
      passkeys_(passkeys),
      recovery_(key),
      asked_(metrics.counter(MetricId::second_factors, R"(result="asked")")),
      right_(metrics.counter(MetricId::second_factors, R"(result="right")")),
      wrong_(metrics.counter(MetricId::second_factors, R"(result="wrong")")),
      recovery_used_(metrics.counter(MetricId::second_factors, R"(result="recovery")")) {}

Outcome SecondFactor::refuse(ResultCode code, db::Connection& connection,
                             std::uint64_t user_id) const {
  Outcome outcome{.code = code, .factors = {kTotp}};
  if (RecoveryCodes::left(connection, user_id) > 0) outcome.factors.push_back(kRecoveryCode);
  if (passkeys_.is_on() && !passkeys_.list(connection, user_id).empty()) {
    outcome.factors.push_back(kPasskey);
  }
  return outcome;
}

Outcome SecondFactor::count_attempt(db::Database& database, std::uint64_t user_id) const {
  const unsigned wait =
      throttle::hit(database, metrics_, throttle::kSecondFactors, std::to_string(user_id));
  if (wait == 0) return {};
  log::warning({"second factor: locked, user ", std::to_string(user_id)});
  return {.code = ResultCode::locked, .retry_after = wait};
}

void SecondFactor::count_wrong(std::uint64_t user_id) const {
  wrong_.add();
  log::warning({"second factor: wrong, user ", std::to_string(user_id)});
}

Outcome SecondFactor::judge(db::Database& database, const User& user, const SentFactor& sent,
                            RightFactor& right) const {
  if (user.level < kTwoFactors) return {};
  const auto totp = sent.totp ? parse_code(*sent.totp) : std::nullopt;
  const auto recovery =
      !totp && sent.recovery_code ? parse_recovery_code(*sent.recovery_code) : std::nullopt;
  const bool by_passkey = !totp && !recovery && sent.passkey && passkeys_.is_on();
  if (!totp && !recovery && !by_passkey) {
    asked_.add();
    return database.replay([&](db::Connection& connection) {
      return refuse(ResultCode::second_factor_required, connection, user.id);
    });
  }
  if (Outcome counted = count_attempt(database, user.id); !counted.is_ok()) return counted;
  if (by_passkey) {
    right.passkey = passkeys_.judge(database, *sent.passkey, Ceremony::second_factor, "", user.id)
                        .value_or(RightPasskey{});
  }
  return database.replay([&](db::Connection& connection) -> Outcome {
    if (recovery) {
      const std::string hash = recovery_.hash_of(user.id, *recovery);
      if (RecoveryCodes::has(connection, user.id, hash)) right.recovery_hash = hash;
    } else if (const auto stored = totp ? find_totp.one(connection, user.id) : std::nullopt) {
      const auto step = totp::step_of(open(user.id, stored->secret), *totp, stored->now);
      if (step && *step > stored->last_step) {
        right.totp_id = stored->id;
        right.step = *step;
      }
    }
    if (right.is_given()) return {};
    count_wrong(user.id);
    return refuse(ResultCode::wrong_code, connection, user.id);
  });
}

Outcome SecondFactor::consume(db::Connection& connection, const User& user,
                              const RightFactor& right) const {
  if (right.passkey.factor_id != 0 && right.passkey.ceremony == Ceremony::login) {
    const bool first = passkeys_.consume(connection, right.passkey);
    return {.code = first ? ResultCode::ok : ResultCode::wrong_credentials};
  }
  if (user.level < kTwoFactors) return {};
  if (!right.is_given()) return refuse(ResultCode::second_factor_required, connection, user.id);
  const bool first =
      right.totp_id != 0 ? use_totp(connection, right.step, right.totp_id, right.step) == 1
      : right.passkey.factor_id != 0 ? passkeys_.consume(connection, right.passkey)
                                     : RecoveryCodes::use(connection, user.id, right.recovery_hash);
  if (!first) {
    count_wrong(user.id);
    return refuse(ResultCode::wrong_code, connection, user.id);
  }
  throttle::forgive(connection, throttle::kSecondFactors, std::to_string(user.id));
  right_.add();
  if (right.recovery_hash.empty()) return {};
  recovery_used_.add();
  return {.recovery_codes_left = RecoveryCodes::left(connection, user.id)};
}

Authentication SecondFactor::authentication(const User& user, std::string_view method,
                                            const SentFactor& sent) {
  if (user.level < kTwoFactors) return {kOneFactor, std::string(method)};
  const std::string_view second = sent.totp            ? " otp mfa"
                                  : sent.recovery_code ? " recovery mfa"
                                                       : " pop mfa";
  return {kTwoFactors, std::string(method).append(second)};
}

Secret SecondFactor::begin_totp(db::Database& database, std::uint64_t user_id) const {
  Secret secret = totp::new_secret();
  const std::string sealed = crypto::seal(totp_key(user_id), secret.reveal());
  database.replay([&](db::Connection& connection) {
    put_enrolment(connection, user_id, sealed, kEnrolmentSeconds);
  });
  return secret;
}

Outcome SecondFactor::judge_first_code(db::Database& database, std::uint64_t user_id,
                                       std::string_view code, FirstCode& first) const {
  first = {};
  if (Outcome counted = count_attempt(database, user_id); !counted.is_ok()) return counted;
  return database.replay([&](db::Connection& connection) -> Outcome {
    if (const auto waiting = find_enrolment.one(connection, user_id)) {
      const auto step = totp::step_of(open(user_id, waiting->secret), code, waiting->now);
      if (step) first = {*step, waiting->secret};
    } else if (const auto enrolled = find_totp.one(connection, user_id)) {
      const auto step = totp::step_of(open(user_id, enrolled->secret), code, enrolled->now);
      first.is_repeated = enrolled->is_unused && step == enrolled->last_step;
    }
    if (first.is_repeated) {
      throttle::forgive(connection, throttle::kSecondFactors, std::to_string(user_id));
    }
    if (first.is_repeated || !first.sealed.empty()) return {};
    count_wrong(user_id);
    return {.code = ResultCode::wrong_code};
  });
}

bool SecondFactor::enrol_totp(db::Connection& connection, std::uint64_t user_id,
                              const FirstCode& first) const {
  if (take_enrolment(connection, user_id, first.sealed) != 1) return false;
  delete_totp_row(connection, user_id);
  insert_totp(connection, user_id, first.sealed, first.step);
  recovery_.put(connection, user_id, recovery_.made_from(first.sealed));
  throttle::forgive(connection, throttle::kSecondFactors, std::to_string(user_id));
  right_.add();
  return true;
}

std::vector<Secret> SecondFactor::first_recovery_codes(db::Connection& connection,
                                                       std::uint64_t user_id) const {
  const auto totp = find_totp.one(connection, user_id);
  return totp ? recovery_.made_from(totp->secret) : std::vector<Secret>();
}

// The account is part of the key: a row copied to another account opens nothing.
crypto::Digest SecondFactor::totp_key(std::uint64_t user_id) const {
  return crypto::keyed_hash(key_, "totp", std::to_string(user_id));
}

Secret SecondFactor::open(std::uint64_t user_id, std::string_view sealed) const {
  auto secret = crypto::open_sealed(totp_key(user_id), sealed);
  if (!secret) {
    throw std::runtime_error("the TOTP secret of user " + std::to_string(user_id) +
                             " was sealed with another key: restore the old key_file, or let the "
                             "user in again with users-ctl user remove-factors PHONE");
  }
  return std::move(*secret);
}

}  // namespace users
