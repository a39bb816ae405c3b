// The account service's changes to an account. The password or a code authorises each; each ends
// sessions.
#include <optional>
#include <string>

#include "accounts/phone.hpp"
#include "accounts/throttle.hpp"
#include "service/account_service.hpp"
#include "service/changes.hpp"

namespace users {

Outcome AccountService::confirm(const Session& session, std::string_view password_text,
                                std::string& stored) {
  const auto password = normalise_password(password_text, 1);
  return database_.replay([&](db::Connection& connection) -> Outcome {
    if (const unsigned wait =
            throttle::hit(connection, metrics_, throttle::kLogins, session.phone)) {
      return {.code = ResultCode::locked, .retry_after = wait};
    }
    const auto user = find_user_by_id.one(connection, session.user_id);
    if (!user || !password || !passwords_.verify_typed(password_text, *password, user->password)) {
      return {.code = ResultCode::wrong_credentials};
    }
    throttle::clear(connection, throttle::kLogins, session.phone);
    stored = user->password;
    return {};
  });
}

Outcome AccountService::change_password(const Session& session, std::string_view old_password,
                                        std::string_view password_text, const Client& client) {
  const auto password = normalise_password(password_text, config_.password_min_length);
  if (!password) return require({{false, "password"}});
  const auto operation =
      users::operation_of(key_, "change password", crypto::bytes_of(session.token_hash), client);
  return settle(operation, [&]() -> Outcome {
    std::string verified;
    if (Outcome outcome = confirm(session, old_password, verified);
        outcome.code != ResultCode::ok) {
      return outcome;
    }
    const auto phone = Phone::parse(session.phone, config_.phone_default_region);
    if (!phone || is_weak(*password, *phone)) return {.code = ResultCode::weak_password};
    const std::string hash = passwords_.hash(*password);
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      const auto user = lock_user_by_id.one(transaction.connection(), session.user_id);
      if (!user || user->password != verified) {  // changed in the meantime
        return transaction.refuse(Outcome{.code = ResultCode::wrong_credentials});
      }
      if (!Change{transaction, *user, client, &session}.set_password(hash, "password changed")) {
        return transaction.refuse(Outcome{.code = ResultCode::not_logged_in});
      }
      return {};
    });
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
  // Check before the code is tried: a right code must survive a refused password.
  if (is_weak(*password, *phone)) return {.code = ResultCode::weak_password};
  const auto operation = users::operation_of(key_, "reset password", phone->e164(), client);
  return settle(operation, [&]() -> Outcome {
    if (Outcome checked = check_code(*phone, Purpose::reset, *code);
        checked.code != ResultCode::ok) {
      return checked;
    }
    const std::string hash = passwords_.hash(*password);
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      const auto user = lock_user_by_phone.one(transaction.connection(), phone->e164());
      if (!user) return transaction.refuse(Outcome{.code = ResultCode::wrong_code});
      if (user->disabled) return transaction.refuse(Outcome{.code = ResultCode::account_disabled});
      if (!verification_.consume(transaction.connection(), *phone, Purpose::reset, *code)) {
        return transaction.refuse(Outcome{.code = ResultCode::code_used_up});
      }
      static_cast<void>(Change{transaction, *user, client}.set_password(hash, "password reset"));
      return {};
    });
  });
}

Outcome AccountService::change_phone(const Session& session, std::string_view phone_text,
                                     std::string_view code_text, std::string_view password,
                                     const Client& client) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  const auto code = parse_code(code_text);
  Outcome shape = require({{phone.has_value(), "phone"}, {code.has_value(), "code"}});
  if (shape.code != ResultCode::ok) return shape;
  const auto operation =
      users::operation_of(key_, "change phone", crypto::bytes_of(session.token_hash), client);
  return settle(operation, [&]() -> Outcome {
    std::string verified;
    if (Outcome outcome = confirm(session, password, verified); outcome.code != ResultCode::ok) {
      return outcome;
    }
    if (Outcome checked = check_code(*phone, Purpose::phone, *code);
        checked.code != ResultCode::ok) {
      return checked;
    }
    if (find_user(phone->e164())) return {.code = ResultCode::already_registered};
    try {
      return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
        const auto user = lock_user_by_id.one(transaction.connection(), session.user_id);
        if (!user) return transaction.refuse(Outcome{.code = ResultCode::not_logged_in});
        if (!verification_.consume(transaction.connection(), *phone, Purpose::phone, *code)) {
          return transaction.refuse(Outcome{.code = ResultCode::code_used_up});
        }
        if (!Change{transaction, *user, client, &session}.set_phone(phone->e164())) {
          return transaction.refuse(Outcome{.code = ResultCode::not_logged_in});
        }
        return {};
      });
    } catch (const db::DuplicateKey&) {
      return {.code = ResultCode::already_registered};
    }
  });
}

Outcome AccountService::delete_account(const Session& session, std::string_view password,
                                       const Client& client) {
  const auto operation = operation_of(Ending::delete_account, session.token_hash, client);
  return settle(operation, [&]() -> Outcome {
    std::string verified;
    if (Outcome outcome = confirm(session, password, verified); outcome.code != ResultCode::ok) {
      return outcome;
    }
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      const auto user = lock_user_by_id.one(transaction.connection(), session.user_id);
      // A session that was ended in the meantime cannot delete the account.
      if (!user || !Change{transaction, *user, client, &session}.remove()) {
        return transaction.refuse(Outcome{.code = ResultCode::not_logged_in});
      }
      return {};
    });
  });
}

}  // namespace users
