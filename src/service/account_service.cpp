#include "service/account_service.hpp"

#include <string>
#include <utility>

#include "accounts/phone.hpp"
#include "accounts/throttle.hpp"
#include "accounts/user.hpp"

namespace users {

namespace {

/// A second factor as part of an operation's subject. A passkey's client data has its challenge.
std::string text_of(const SentFactor& second) {
  return std::string(second.totp.value_or(""))
      .append("\n")
      .append(second.recovery_code.value_or(""))
      .append("\n")
      .append(second.passkey ? second.passkey->client_data : "");
}

}  // namespace

AccountService::AccountService(const Config& config, const Secret& key, db::Database& database,
                               Metrics& metrics)
    : config_(config),
      key_(key),
      database_(database),
      metrics_(metrics),
      verification_(config, key, metrics),
      passkeys_(config, key, metrics),
      second_factor_(key, metrics, passkeys_),
      recovery_codes_(key),
      sessions_(config, key),
      signer_(config, key),
      passwords_(config, metrics),
      registrations_(metrics.counter(MetricId::registrations)),
      logins_by_password_(metrics.counter(MetricId::logins, R"(by="password")")),
      logins_by_code_(metrics.counter(MetricId::logins, R"(by="code")")),
      logins_by_passkey_(metrics.counter(MetricId::logins, R"(by="passkey")")) {}

Outcome AccountService::request_code(std::string_view phone_text, std::string_view purpose_name,
                                     std::string_view retry_key, const Client& client) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  const auto purpose = parse_purpose(purpose_name);
  const bool reachable =
      phone && !phone->is_no_mobile() &&
      phone->is_of(config_.sms_countries.empty() ? std::vector{config_.phone_default_region}
                                                 : config_.sms_countries);
  if (Outcome shape = require({{reachable, "phone"}, {purpose.has_value(), "purpose"}});
      !shape.is_ok())
    return shape;
  if (*purpose == Purpose::regist && config_.registration == Registrations::closed) {
    return {.code = ResultCode::registration_closed};
  }
  return verification_.request(database_, *phone, *purpose, retry_key, client);
}

LoginOutcome AccountService::login(std::string_view phone_text, std::string_view password_text,
                                   const Client& client, const SentFactor& second) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  // No minimum length: imported accounts may have shorter passwords.
  const auto password = normalise_password(password_text, 1);
  if (Outcome shape = require({{phone.has_value(), "phone"}, {password.has_value(), "password"}},
                              check_form(second));
      !shape.is_ok())
    return {shape};
  const unsigned wait = throttle::hit(database_, metrics_, throttle::kLogins, phone->e164());
  if (wait > 0) return {{.code = ResultCode::locked, .retry_after = wait}};
  const auto user = find_user(phone->e164());
  const bool right = user ? passwords_.verify_typed(password_text, *password, user->password)
                          : passwords_.verify_nobody(*password);
  if (!right) return {{.code = ResultCode::wrong_credentials}};
  // An attempt that nginx resends finds its second factor consumed.
  const auto operation =
      user->level < kTwoFactors
          ? db::new_operation()
          : operation_of(key_, "login", phone->e164() + "\n" + text_of(second), client);
  std::string rehashed;
  const auto prepare = [&](db::Connection& connection) {
    // Unless the password was changed in the meantime: the new one stays.
    if (!rehashed.empty()) renew_password(connection, rehashed, user->id, user->password);
    return true;
  };
  const bool outdated = passwords_.is_outdated(user->password, password_text);
  if (outdated && !user->disabled) rehashed = passwords_.hash(*password);
  const Entry entry{"login", SecondFactor::authentication(*user, "pwd", second), operation};
  LoginOutcome outcome = enter(*user, entry, second, client, prepare);
  if (outcome.session) logins_by_password_.add();
  if (!outcome.session && !user->disabled) forgive_password(phone->e164());
  return outcome;
}

LoginOutcome AccountService::login_by_code(std::string_view phone_text, std::string_view code_text,
                                           const Client& client, const SentFactor& second) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  const auto code = parse_code(code_text);
  if (Outcome shape =
          require({{phone.has_value(), "phone"}, {code.has_value(), "code"}}, check_form(second));
      !shape.is_ok())
    return {shape};
  const auto operation = operation_of(
      key_, "login by code", phone->e164() + "\n" + *code + "\n" + text_of(second), client);
  LoginOutcome outcome{verification_.check(database_, *phone, Purpose::login, *code)};
  const auto user = outcome.is_ok() || outcome.code == ResultCode::code_used_up
                        ? find_user(phone->e164())
                        : std::nullopt;
  const Entry entry{"login by code",
                    SecondFactor::authentication(user.value_or(User{}), "sms", second), operation};
  if (outcome.is_ok()) {
    if (!user) return {{.code = ResultCode::wrong_code}};
    outcome = enter(*user, entry, second, client, [&](auto& connection) {
      return verification_.consume(connection, *phone, Purpose::login, *code);
    });
    if (!outcome.session) verification_.give_back(database_, *phone, Purpose::login, *code);
  } else if (outcome.code == ResultCode::code_used_up) {
    // Also asked for an unknown phone, to take as long.
    const bool done = database_.is_done(operation);
    // The first attempt may be from before the account needed a second factor.
    const bool is_whole = user && (user->level < kTwoFactors || second.is_given());
    if (done && is_whole) outcome = repeat(*user, entry, client);
  }
  if (outcome.session) logins_by_code_.add();
  return outcome;
}

LoginOutcome AccountService::enter(const User& user, const Entry& entry, const SentFactor& second,
                                   const Client& client,
                                   const std::function<bool(db::Connection&)>& prepare) {
  RightFactor factor;
  LoginOutcome outcome;
  if (!user.disabled) outcome = {second_factor_.judge(database_, user, second, factor)};
  if (outcome.is_ok()) outcome = open_session(user, entry, &factor, client, prepare);
  // If an earlier attempt, whose reply was lost, consumed what was sent, only create a session. The
  // limits count for this attempt, too.
  const bool may_be_consumed = outcome.code == ResultCode::wrong_code ||
                               outcome.code == ResultCode::code_used_up ||
                               outcome.code == ResultCode::locked;
  if (may_be_consumed && database_.is_done(entry.operation)) return repeat(user, entry, client);
  return outcome;
}

void AccountService::forgive_password(std::string_view phone) {
  database_.replay(
      [&](db::Connection& connection) { throttle::forgive(connection, throttle::kLogins, phone); });
}

LoginOutcome AccountService::repeat(const User& user, const Entry& entry, const Client& client) {
  return open_session(user, entry, nullptr, client, [](auto&) { return true; });
}

LoginOutcome AccountService::open_session(const User& user, const Entry& entry,
                                          const RightFactor* factor, const Client& client,
                                          const std::function<bool(db::Connection&)>& prepare) {
  const auto operation = factor == nullptr ? db::new_operation() : entry.operation;
  const auto outcome = database_.once(operation, [&](db::Transaction& transaction) {
    LoginOutcome opened;
    db::Connection& connection = transaction.connection();
    if (!prepare(connection)) {
      opened.code = ResultCode::code_used_up;
      return transaction.refuse(opened);
    }
    // Of a disabled account only a passkey is judged.
    if (factor != nullptr && (!user.disabled || factor->is_given())) {
      opened = {second_factor_.consume(connection, user, *factor)};
      if (!opened.is_ok()) return transaction.refuse(opened);
    }
    if (user.disabled) {
      opened.code = ResultCode::account_disabled;
    } else {
      opened.session = sessions_.open(connection, user, client, entry.how);
      record(transaction, user.id,
             event_of(entry.event, opened, factor == nullptr ? RightFactor{} : *factor), client);
    }
    // Last, since every login attempt waits for this row. A passkey says nothing about who guesses
    // the password.
    if (!entry.by_passkey) throttle::clear_attempts(connection, throttle::kLogins, user.phone);
    return opened;
  });
  if (outcome.session) {
    database_.replay(
        [&](db::Connection& connection) { sessions_.end_surplus(connection, user.id); });
  }
  return outcome;
}

std::optional<User> AccountService::find_user(std::string_view phone) {
  return database_.replay(
      [&](db::Connection& connection) { return find_user_by_phone.one(connection, phone); });
}

bool AccountService::is_weak(const Secret& password, const Phone& phone) const {
  return users::is_weak(password, phone, config_.password_service_name);
}

Outcome AccountService::settle(const db::OperationId& operation,
                               const std::function<Outcome()>& judge) {
  if (database_.is_done(operation)) return {};
  Outcome outcome;
  try {
    outcome = judge();
  } catch (const db::DuplicateKey&) {
    if (!database_.is_done(operation)) throw;
  }
  // The earlier attempt may have been committed during judge().
  if (!outcome.is_ok() && database_.is_done(operation)) return {};
  return outcome;
}

}  // namespace users
