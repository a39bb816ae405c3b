// The part of the account service that changes an account: each change is proved by the password or
// by a code, and ends sessions.
#include <optional>
#include <string>

#include "accounts/password.hpp"
#include "accounts/phone.hpp"
#include "accounts/throttle.hpp"
#include "accounts/user.hpp"
#include "service/account_service.hpp"

namespace users {

Outcome AccountService::confirm(const Session& session, std::string_view password_text,
                                std::string& stored) {
  const auto password = normalise_password(password_text, 1);
  return database_.replay([&](db::Connection& connection) -> Outcome {
    if (const unsigned wait =
            throttle::hit(connection, metrics_, throttle::kLogins, session.phone)) {
      return {.code = ResultCode::locked, .retry_after = wait};
    }
    const auto profile = store::find_profile(connection, session.user_id);
    if (!profile || !password ||
        !passwords_.verify_typed(password_text, *password, profile->password)) {
      return {.code = ResultCode::wrong_credentials};
    }
    throttle::clear(connection, throttle::kLogins, session.phone);
    stored = profile->password;
    return {};
  });
}

Outcome AccountService::change_password(const Session& session, std::string_view old_password,
                                        std::string_view password_text, const Client& client) {
  const auto password = normalise_password(password_text, config_.password_min_length);
  if (!password) return require({{false, "password"}});
  std::string verified;
  if (Outcome outcome = confirm(session, old_password, verified); outcome.code != ResultCode::ok) {
    return outcome;
  }
  const auto phone = Phone::parse(session.phone, config_.phone_default_region);
  if (!phone || is_weak(*password, *phone, config_.password_service_name)) {
    return {.code = ResultCode::weak_password};
  }
  const std::string hash = passwords_.hash(*password);
  return database_.replay([&](db::Connection& connection) -> Outcome {
    db::Transaction transaction(connection);
    if (!store::update_password(connection, session.user_id, hash, verified)) {
      // Changed meanwhile; also where an earlier try of this transaction did it before its reply
      // was lost.
      const auto profile = store::find_profile(connection, session.user_id);
      const bool own = profile && profile->password == hash;
      return {.code = own ? ResultCode::ok : ResultCode::wrong_credentials};
    }
    if (!Sessions::end_others(connection, session)) return {.code = ResultCode::not_logged_in};
    audit(connection, session.user_id, "password changed", client);
    transaction.commit();
    return {};
  });
}

Outcome AccountService::reset_password(std::string_view phone_text, std::string_view code_text,
                                       std::string_view password_text, const Client& client) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  const auto password = normalise_password(password_text, config_.password_min_length);
  const auto code = parse_code(code_text);
  Outcome shape = require({{phone.has_value(), "phone"},
                           {code.has_value(), "code"},
                           {password.has_value(), "password"}});
  if (shape.code != ResultCode::ok) return shape;
  // Before the code is tried: a right code must survive a refused password.
  if (is_weak(*password, *phone, config_.password_service_name)) {
    return {.code = ResultCode::weak_password};
  }
  std::optional<std::string> hash;
  return database_.replay([&](db::Connection& connection) -> Outcome {
    if (!hash) {
      Outcome check = verification_.check(connection, *phone, Purpose::reset, *code);
      if (check.code != ResultCode::ok) return check;
      hash = passwords_.hash(*password);
    }
    const auto user = store::find_user(connection, phone->e164());
    if (!user) return {.code = ResultCode::wrong_code};
    if (user->disabled) return {.code = ResultCode::account_disabled};
    if (user->password == *hash) return {};  // an earlier try of this transaction did it
    db::Transaction transaction(connection);
    if (!verification_.consume(connection, *phone, Purpose::reset, *code)) {
      return {.code = ResultCode::code_used_up};
    }
    if (!store::reset_password(connection, phone->e164(), *hash, user->password)) {
      throw db::Deadlock("reset: the account was changed meanwhile", 0);
    }
    Sessions::end_all(connection, user->id, phone->e164());
    throttle::clear(connection, throttle::kLogins, phone->e164());
    audit(connection, user->id, "password reset", client);
    transaction.commit();
    return {};
  });
}

Outcome AccountService::change_phone(const Session& session, std::string_view phone_text,
                                     std::string_view code_text, std::string_view password,
                                     const Client& client) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  const auto code = parse_code(code_text);
  Outcome shape = require({{phone.has_value(), "phone"}, {code.has_value(), "code"}});
  if (shape.code != ResultCode::ok) return shape;
  std::string verified;
  if (Outcome outcome = confirm(session, password, verified); outcome.code != ResultCode::ok) {
    return outcome;
  }
  bool checked = false;
  return database_.replay([&](db::Connection& connection) -> Outcome {
    const auto profile = store::find_profile(connection, session.user_id);
    if (!profile) return {.code = ResultCode::not_logged_in};
    if (checked && profile->phone == phone->e164()) return {};  // an earlier try did it
    if (!checked) {
      Outcome check = verification_.check(connection, *phone, Purpose::phone, *code);
      if (check.code != ResultCode::ok) return check;
      checked = true;
    }
    if (store::find_user(connection, phone->e164()))
      return {.code = ResultCode::already_registered};
    try {
      db::Transaction transaction(connection);
      if (!verification_.consume(connection, *phone, Purpose::phone, *code)) {
        return {.code = ResultCode::code_used_up};
      }
      store::update_phone(connection, session.user_id, phone->e164());
      if (!Sessions::end_others(connection, session)) return {.code = ResultCode::not_logged_in};
      // What strangers tried before the number was this account's must not lock its owner out.
      throttle::clear(connection, throttle::kLogins, phone->e164());
      audit(connection, session.user_id, "phone changed", client);
      transaction.commit();
      return {};
    } catch (const db::DuplicateKey&) {
      return {.code = ResultCode::already_registered};
    }
  });
}

Outcome AccountService::delete_account(const Session& session, std::string_view password,
                                       const Client& client) {
  std::string verified;
  if (Outcome outcome = confirm(session, password, verified); outcome.code != ResultCode::ok) {
    return outcome;
  }
  return database_.replay([&](db::Connection& connection) -> Outcome {
    db::Transaction transaction(connection);
    // A session that was ended meanwhile deletes nothing.
    if (!Sessions::end_others(connection, session)) {
      const bool there = store::find_profile(connection, session.user_id).has_value();
      return {.code = there ? ResultCode::not_logged_in : ResultCode::ok};
    }
    const bool deleted = store::delete_user(connection, session.user_id, session.phone);
    if (deleted) audit(connection, session.user_id, "deleted", client);
    transaction.commit();
    return {};
  });
}

}  // namespace users
