// The part of the account service that creates accounts.
#include <string>

#include "accounts/phone.hpp"
#include "accounts/throttle.hpp"
#include "base/log.hpp"
#include "service/account_service.hpp"

namespace users {

struct AccountService::Candidate {
  Phone phone;
  Secret password;
  std::string code;
  crypto::Digest retry_key;
};

Outcome AccountService::regist(const Registration& registration, const Client& client) {
  if (config_.registration == Registrations::closed) {
    return {.code = ResultCode::registration_closed};
  }
  auto phone = Phone::parse(registration.phone, config_.phone_default_region);
  auto password = normalise_password(registration.password, config_.password_min_length);
  auto code = parse_code(registration.code);
  Outcome shape = require({{phone.has_value(), "phone"},
                           {password.has_value(), "password"},
                           {code.has_value(), "code"}});
  if (!shape.is_ok()) return shape;
  const auto retry_key = hash_retry_key(key_, "regist", *phone, registration.retry_key, client);
  return judge({std::move(*phone), std::move(*password), std::move(*code), retry_key}, client);
}

Outcome AccountService::judge(const Candidate& candidate, const Client& client) {
  const auto user = find_user(candidate.phone.e164());
  if (auto own = own_outcome(candidate, user)) return *own;
  const bool tries_code = config_.verification == CodeCheck::issued;
  const auto weak = [&] { return is_weak(candidate.password, candidate.phone); };
  // If a code is checked, check the password first: a right code must survive a refused password.
  // Otherwise first check whether the phone is known, which is cheap.
  if (tries_code && weak()) return {.code = ResultCode::weak_password};
  if (tries_code) {
    Outcome checked =
        verification_.check(database_, candidate.phone, Purpose::regist, candidate.code);
    if (!checked.is_ok()) {
      // Perhaps another attempt of this registration has just consumed the code. Always look it up,
      // or the time would show who has an account.
      const auto now = find_user(candidate.phone.e164());
      const auto own = user ? std::nullopt : own_outcome(candidate, now);
      return own ? *own : checked;
    }
  }
  if (user) return known(candidate);
  if (!tries_code && weak()) return {.code = ResultCode::weak_password};
  try {
    return insert(candidate, passwords_.hash(candidate.password), client);
  } catch (const db::DuplicateKey&) {
    // Another request was faster, perhaps an earlier attempt of this registration.
    const auto own = own_outcome(candidate, find_user(candidate.phone.e164()));
    return own ? *own : known(candidate);
  }
}

std::optional<Outcome> AccountService::own_outcome(const Candidate& candidate,
                                                   const std::optional<User>& user) {
  if (!user || !user->regist_key || !crypto::equal(candidate.retry_key, *user->regist_key)) {
    return std::nullopt;
  }
  const std::string& phone = user->phone;
  // Even with the key, passwords cannot be guessed faster than at login.
  const unsigned wait = throttle::hit(database_, metrics_, throttle::kLogins, phone);
  if (wait > 0) return Outcome{.code = ResultCode::too_many_requests, .retry_after = wait};
  if (!passwords_.verify(candidate.password, user->password)) return std::nullopt;
  throttle::clear_attempts(database_, throttle::kLogins, phone);
  log::info({"regist: created by an earlier attempt, user: ", candidate.phone.masked()});
  return Outcome{};
}

Outcome AccountService::known(const Candidate& candidate) {
  log::info({"regist: known user: ", candidate.phone.masked()});
  return {.code = ResultCode::already_registered};
}

Outcome AccountService::insert(const Candidate& candidate, const std::string& hash,
                               const Client& client) {
  const Phone& phone = candidate.phone;
  Outcome outcome = database_.once(db::new_operation(), [&](db::Transaction& transaction) {
    db::Connection& connection = transaction.connection();
    // Insert the user first: of many requests with one code the unique key admits one, and the
    // others get "already registered" instead of "code used up".
    const NewUser user =
        insert_user.one(connection, phone.e164(), hash, crypto::bytes_of(candidate.retry_key))
            .value();
    if (user.has_codes != 0) void_codes(connection, phone.e164());
    if (config_.verification != CodeCheck::format &&
        !verification_.consume(connection, phone, Purpose::regist, candidate.code)) {
      return transaction.refuse(Outcome{.code = ResultCode::code_used_up});
    }
    record(transaction, user.id, "regist", client);
    // Attempts by strangers before there was an account must not delay the owner's retry.
    if (user.has_failures != 0) throttle::clear(connection, throttle::kLogins, phone.e164());
    return Outcome{};
  });
  if (outcome.is_ok()) {
    registrations_.add();
    log::info({"regist: inserted user: ", phone.masked()});
  }
  return outcome;
}

}  // namespace users
