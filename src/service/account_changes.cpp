// The account service's changes to an account. The password or a code authorises each; each ends
// sessions.
#include <optional>
#include <string>

#include "accounts/phone.hpp"
#include "accounts/throttle.hpp"
#include "service/account_service.hpp"
#include "service/changes.hpp"

namespace users {

Outcome AccountService::verify_own_password(const Session& session, std::string_view password_text,
                                            User& user) {
  const auto password = normalise_password(password_text, 1);
  const unsigned wait = throttle::hit(database_, metrics_, throttle::kLogins, session.phone);
  if (wait > 0) return {.code = ResultCode::locked, .retry_after = wait};
  auto found = database_.replay(
      [&](db::Connection& connection) { return find_user_by_id.one(connection, session.user_id); });
  if (!found || !password || !passwords_.verify_typed(password_text, *password, found->password)) {
    return {.code = ResultCode::wrong_credentials};
  }
  user = std::move(*found);
  return {};
}

Outcome AccountService::change_own(
    std::string_view name, const Session& session, std::string_view password, const Client& client,
    const std::function<Outcome()>& prepare,
    const std::function<Outcome(const Change&, const std::string&)>& work) {
  const auto operation = operation_of(key_, name, crypto::bytes_of(session.token_hash), client);
  return settle(operation, [&]() -> Outcome {
    User verified;
    if (Outcome outcome = verify_own_password(session, password, verified); !outcome.is_ok()) {
      return outcome;
    }
    throttle::clear_attempts(database_, throttle::kLogins, session.phone);
    // The password alone is not all that the account needs for a login.
    if (verified.level >= kTwoFactors) {
      if (Outcome fresh = require_fresh(session); !fresh.is_ok()) return fresh;
    }
    if (Outcome outcome = prepare(); !outcome.is_ok()) return outcome;
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      const auto user = lock_owner(transaction.connection(), session);
      const Outcome outcome = user ? work({transaction, *user, client, &session}, verified.password)
                                   : Outcome{.code = ResultCode::not_logged_in};
      return outcome.is_ok() ? outcome : transaction.refuse(outcome);
    });
  });
}

Outcome AccountService::confirm(const Session& session, std::string_view password,
                                const Client& client, const SentFactor& second) {
  if (Outcome shape = check_form(second); !shape.is_ok()) return shape;
  const auto operation =
      operation_of(key_, "confirm", crypto::bytes_of(session.token_hash), client);
  return settle(operation, [&]() -> Outcome {
    User user;
    if (Outcome outcome = verify_own_password(session, password, user); !outcome.is_ok()) {
      return outcome;
    }
    RightFactor factor;
    if (Outcome outcome = second_factor_.judge(database_, user, second, factor); !outcome.is_ok()) {
      forgive_password(session.phone);
      return outcome;
    }
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      db::Connection& connection = transaction.connection();
      Outcome outcome = second_factor_.consume(connection, user, factor);
      if (!outcome.is_ok()) return transaction.refuse(outcome);
      const Outcome renewed =
          renew(transaction, session, SecondFactor::authentication(user, "pwd", second),
                event_of("confirmed", outcome, factor), client);
      if (!renewed.is_ok()) return renewed;
      throttle::clear_attempts(connection, throttle::kLogins, session.phone);
      return outcome;
    });
  });
}

Outcome AccountService::renew(db::Transaction& transaction, const Session& session,
                              const Authentication& how, std::string_view event,
                              const Client& client) {
  if (renew_authentication(transaction.connection(), how.level, how.amr,
                           crypto::bytes_of(session.token_hash)) != 1) {
    return transaction.refuse(Outcome{.code = ResultCode::not_logged_in});
  }
  record(transaction, session.user_id, event, client);
  return {};
}

Outcome AccountService::change_password(const Session& session, std::string_view old_password,
                                        std::string_view password_text, const Client& client) {
  const auto password = normalise_password(password_text, config_.password_min_length);
  if (!password) return require({{false, "password"}});
  std::string hash;
  const auto prepare = [&]() -> Outcome {
    const auto phone = Phone::parse(session.phone, config_.phone_default_region);
    if (!phone || is_weak(*password, *phone)) return {.code = ResultCode::weak_password};
    hash = passwords_.hash(*password);
    return {};
  };
  const auto work = [&](const Change& change, const std::string& verified) -> Outcome {
    // Changed in the meantime.
    if (change.user.password != verified) return {.code = ResultCode::wrong_credentials};
    change.set_password(hash, "password changed");
    return {};
  };
  return change_own("change password", session, old_password, client, prepare, work);
}

Outcome AccountService::reset_password(std::string_view phone_text, std::string_view code_text,
                                       std::string_view password_text, const Client& client,
                                       const SentFactor& second) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  const auto password = normalise_password(password_text, config_.password_min_length);
  const auto code = parse_code(code_text);
  if (Outcome shape = require({{phone.has_value(), "phone"},
                               {code.has_value(), "code"},
                               {password.has_value(), "password"}},
                              check_form(second));
      !shape.is_ok())
    return shape;
  // Check before the code is tried: a right code must survive a refused password.
  if (is_weak(*password, *phone)) return {.code = ResultCode::weak_password};
  const auto operation = operation_of(key_, "reset password", phone->e164(), client);
  return settle(operation, [&]() -> Outcome {
    if (Outcome checked = verification_.check(database_, *phone, Purpose::reset, *code);
        !checked.is_ok()) {
      return checked;
    }
    RightFactor factor;
    const auto found = find_user(phone->e164());
    if (found && !found->disabled) {
      Outcome judged = second_factor_.judge(database_, *found, second, factor);
      if (!judged.is_ok()) {
        verification_.give_back(database_, *phone, Purpose::reset, *code);
        return judged;
      }
    }
    const std::string hash = passwords_.hash(*password);
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      const auto user = lock_user_by_phone.one(transaction.connection(), phone->e164());
      if (!user) return transaction.refuse(Outcome{.code = ResultCode::wrong_code});
      if (user->disabled) return transaction.refuse(Outcome{.code = ResultCode::account_disabled});
      // Also asks for a second factor that was enrolled in the meantime.
      Outcome outcome = second_factor_.consume(transaction.connection(), *user, factor);
      if (!outcome.is_ok()) return transaction.refuse(outcome);
      if (!verification_.consume(transaction.connection(), *phone, Purpose::reset, *code)) {
        return transaction.refuse(Outcome{.code = ResultCode::code_used_up});
      }
      Change{transaction, *user, client}.set_password(hash,
                                                      event_of("password reset", outcome, factor));
      return outcome;
    });
  });
}

Outcome AccountService::change_phone(const Session& session, std::string_view phone_text,
                                     std::string_view code_text, std::string_view password,
                                     const Client& client) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  const auto code = parse_code(code_text);
  if (Outcome shape = require({{phone.has_value(), "phone"}, {code.has_value(), "code"}});
      !shape.is_ok()) {
    return shape;
  }
  const auto prepare = [&]() -> Outcome {
    Outcome checked = verification_.check(database_, *phone, Purpose::phone, *code);
    if (checked.is_ok() && find_user(phone->e164())) checked.code = ResultCode::already_registered;
    return checked;
  };
  const auto work = [&](const Change& change, const std::string&) -> Outcome {
    if (!verification_.consume(change.transaction.connection(), *phone, Purpose::phone, *code)) {
      return {.code = ResultCode::code_used_up};
    }
    try {
      change.set_phone(phone->e164());
      return {};
    } catch (const db::DuplicateKey&) {
      return {.code = ResultCode::already_registered};
    }
  };
  return change_own("change phone", session, password, client, prepare, work);
}

Outcome AccountService::delete_account(const Session& session, std::string_view password,
                                       const Client& client) {
  const auto work = [](const Change& change, const std::string&) -> Outcome {
    change.remove();
    return {};
  };
  return change_own(
      kDeleteAccount, session, password, client, [] { return Outcome{}; }, work);
}

}  // namespace users
