#include "service/registration.hpp"

#include "accounts/password.hpp"
#include "accounts/throttle.hpp"
#include "accounts/user.hpp"
#include "base/log.hpp"

namespace users {

Outcome RegistrationAttempt::settle(db::Connection& connection) {
  const auto user = store::find_user(connection, subject_.phone.e164());
  if (auto own = own_outcome(connection, user)) return *own;
  const bool tries_code = config_.verification == CodeCheck::issued;
  // A right code must survive a refused password; where no code is tried the cheap answer that the
  // phone is known comes first.
  if (tries_code && is_weak_password()) return {.code = ResultCode::weak_password};
  if (Outcome checked = check_code(connection); checked.code != ResultCode::ok) {
    // Perhaps this very registration on another try has used the code up since. Looked up in any
    // case, or the time would tell who has an account.
    const auto now = store::find_user(connection, subject_.phone.e164());
    const auto own = user ? std::nullopt : own_outcome(connection, now);
    return own ? *own : checked;
  }
  if (user) return known();
  if (!tries_code && is_weak_password()) return {.code = ResultCode::weak_password};
  if (!hash_) hash_ = passwords_.hash(subject_.password);
  try {
    return {.code = insert(connection) ? ResultCode::ok : ResultCode::code_used_up};
  } catch (const db::DuplicateKey&) {
    // Somebody was faster, perhaps this very registration on its first try.
    const auto own = own_outcome(connection, store::find_user(connection, subject_.phone.e164()));
    return own ? *own : known();
  }
}

std::optional<Outcome> RegistrationAttempt::own_outcome(
    db::Connection& connection, const std::optional<store::User>& user) const {
  if (!user || !crypto::equal(subject_.retry_key, user->regist_key)) return std::nullopt;
  // Who knows the key may try no more passwords than at the login.
  if (const unsigned wait =
          throttle::hit(connection, metrics_, throttle::kLogins, subject_.phone.e164())) {
    return Outcome{.code = ResultCode::too_many_requests, .retry_after = wait};
  }
  if (!passwords_.verify(subject_.password, user->password)) return std::nullopt;
  throttle::clear(connection, throttle::kLogins, subject_.phone.e164());
  log::info({"regist: made by an earlier try, user: ", subject_.phone.masked()});
  return Outcome{};
}

Outcome RegistrationAttempt::known() const {
  log::info({"regist: known user: ", subject_.phone.masked()});
  return {.code = ResultCode::already_registered};
}

bool RegistrationAttempt::is_weak_password() const {
  return is_weak(subject_.password, subject_.phone, config_.password_service_name);
}

Outcome RegistrationAttempt::check_code(db::Connection& connection) {
  if (config_.verification == CodeCheck::format || code_checked_) return {};
  Outcome checked = verification_.check(connection, subject_.phone, Purpose::regist, subject_.code);
  code_checked_ = checked.code == ResultCode::ok;
  return checked;
}

bool RegistrationAttempt::insert(db::Connection& connection) {
  db::Transaction transaction(connection);
  // The user first: of many at once with one code the unique key lets one through, and the others
  // are told that the phone is registered, not that their code is used up.
  const auto id =
      store::insert_user(connection, {subject_.phone.e164(), *hash_, subject_.retry_key});
  if (config_.verification != CodeCheck::format &&
      !verification_.consume(connection, subject_.phone, Purpose::regist, subject_.code)) {
    return false;
  }
  // What strangers tried before there was an account must not keep its owner's retry waiting.
  throttle::clear(connection, throttle::kLogins, subject_.phone.e164());
  store::insert_audit(connection, {id, "regist", client_.address, client_.request_id});
  made_ = true;  // also where the answer to COMMIT is lost, if what is found later is its own
  transaction.commit();
  log::info({"regist: inserted user: ", subject_.phone.masked(), ", id ", std::to_string(id)});
  return true;
}

}  // namespace users
