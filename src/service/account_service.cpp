#include "service/account_service.hpp"

#include <string>
#include <utility>

#include "accounts/password.hpp"
#include "accounts/phone.hpp"
#include "accounts/throttle.hpp"
#include "accounts/user.hpp"
#include "base/log.hpp"
#include "service/registration.hpp"

namespace users {

AccountService::AccountService(const Config& config, const Secret& key, db::Database& database,
                               Metrics& metrics)
    : config_(config),
      key_(key),
      database_(database),
      metrics_(metrics),
      verification_(config, key, metrics),
      sessions_(config, key),
      passwords_(config, metrics),
      registrations_(metrics.counter(MetricId::registrations)),
      logins_by_password_(metrics.counter(MetricId::logins, R"(by="password")")),
      logins_by_code_(metrics.counter(MetricId::logins, R"(by="code")")) {}

Outcome AccountService::regist(const Registration& registration, const Client& client) {
  if (config_.registration == Registrations::closed) {
    return {.code = ResultCode::registration_closed};
  }
  const auto phone = Phone::parse(registration.phone, config_.phone_default_region);
  const auto password = normalise_password(registration.password, config_.password_min_length);
  const auto code = parse_code(registration.code);
  Outcome shape = require({{phone.has_value(), "phone"},
                           {password.has_value(), "password"},
                           {code.has_value(), "code"}});
  if (shape.code != ResultCode::ok) return shape;
  const RegistrationAttempt::Subject subject{
      *phone, *password, *code,
      hash_retry_key(key_, "regist", *phone, registration.retry_key, client)};
  RegistrationAttempt attempt(config_, metrics_, verification_, passwords_, subject, client);
  Outcome outcome =
      database_.replay([&](db::Connection& connection) { return attempt.settle(connection); });
  if (outcome.code == ResultCode::ok && attempt.made()) registrations_.add();
  return outcome;
}

Outcome AccountService::request_code(std::string_view phone_text, std::string_view purpose_name,
                                     std::string_view retry_key, const Client& client) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  const auto purpose = parse_purpose(purpose_name);
  const bool reachable =
      phone && !phone->is_no_mobile() &&
      phone->is_of(config_.sms_countries.empty() ? std::vector{config_.phone_default_region}
                                                 : config_.sms_countries);
  Outcome shape = require({{reachable, "phone"}, {purpose.has_value(), "purpose"}});
  if (shape.code != ResultCode::ok) return shape;
  if (*purpose == Purpose::regist && config_.registration == Registrations::closed) {
    return {.code = ResultCode::registration_closed};
  }
  return verification_.request(database_, *phone, *purpose, retry_key, client);
}

LoginOutcome AccountService::login(std::string_view phone_text, std::string_view password_text,
                                   const Client& client) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  // No least length: a table that was brought along may hold shorter ones.
  const auto password = normalise_password(password_text, 1);
  Outcome shape = require({{phone.has_value(), "phone"}, {password.has_value(), "password"}});
  if (shape.code != ResultCode::ok) return {shape};
  LoginOutcome outcome;
  LoginOutcome end = database_.replay([&](db::Connection& connection) -> LoginOutcome {
    if (is_open(connection, outcome)) return outcome;
    if (const unsigned wait =
            throttle::hit(connection, metrics_, throttle::kLogins, phone->e164())) {
      return {{.code = ResultCode::locked, .retry_after = wait}};
    }
    const auto user = store::find_user(connection, phone->e164());
    const bool right = user ? passwords_.verify_typed(password_text, *password, user->password)
                            : passwords_.verify_nobody(*password);
    if (!right) return {{.code = ResultCode::wrong_credentials}};
    const bool outdated = passwords_.is_outdated(user->password, password_text);
    const std::string anew = outdated ? passwords_.hash(*password) : "";
    db::Transaction transaction(connection);
    outcome = {};
    if (user->disabled) {
      outcome.code = ResultCode::account_disabled;
    } else {
      // Unless another did so meanwhile: that one's password stands.
      if (outdated) store::update_password(connection, user->id, anew, user->password);
      outcome.session = sessions_.open(connection, *user, client);
      audit(connection, user->id, "login", client);
    }
    throttle::clear(connection, throttle::kLogins, phone->e164());
    transaction.commit();
    if (outcome.session) sessions_.end_surplus(connection, user->id);
    return outcome;
  });
  if (end.session) logins_by_password_.add();
  return end;
}

LoginOutcome AccountService::login_by_code(std::string_view phone_text, std::string_view code_text,
                                           const Client& client) {
  const auto phone = Phone::parse(phone_text, config_.phone_default_region);
  const auto code = parse_code(code_text);
  Outcome shape = require({{phone.has_value(), "phone"}, {code.has_value(), "code"}});
  if (shape.code != ResultCode::ok) return {shape};
  bool checked = false;
  LoginOutcome outcome;
  LoginOutcome end = database_.replay([&](db::Connection& connection) -> LoginOutcome {
    if (is_open(connection, outcome)) return outcome;
    if (!checked) {
      Outcome check = verification_.check(connection, *phone, Purpose::login, *code);
      if (check.code != ResultCode::ok) return {check};
      checked = true;
    }
    const auto user = store::find_user(connection, phone->e164());
    if (!user) return {{.code = ResultCode::wrong_code}};
    db::Transaction transaction(connection);
    if (!verification_.consume(connection, *phone, Purpose::login, *code)) {
      return {{.code = ResultCode::code_used_up}};
    }
    outcome = {};
    if (user->disabled) {
      outcome.code = ResultCode::account_disabled;
    } else {
      outcome.session = sessions_.open(connection, *user, client);
      audit(connection, user->id, "login by code", client);
    }
    throttle::clear(connection, throttle::kLogins, phone->e164());
    transaction.commit();
    if (outcome.session) sessions_.end_surplus(connection, user->id);
    return outcome;
  });
  if (end.session) logins_by_code_.add();
  return end;
}

bool AccountService::is_open(db::Connection& connection, const LoginOutcome& outcome) const {
  return outcome.session && sessions_.find(connection, outcome.session->token);
}

std::optional<Session> AccountService::find_session(std::string_view token) {
  return database_.replay(
      [&](db::Connection& connection) { return sessions_.find(connection, token); });
}

std::vector<SessionRow> AccountService::list_sessions(const Session& session) {
  return database_.replay(
      [&](db::Connection& connection) { return sessions_.list(connection, session.user_id); });
}

bool AccountService::end_session(const Session& session, std::uint64_t id, const Client& client) {
  bool committing = false;
  return database_.replay([&](db::Connection& connection) {
    db::Transaction transaction(connection);
    const bool ended = Sessions::end_by_id(connection, session.user_id, id);
    if (!ended) return committing;  // by an earlier try of this transaction, then
    audit(connection, session.user_id, "session ended", client);
    committing = true;
    transaction.commit();
    return true;
  });
}

void AccountService::logout(const Session& session, bool all, const Client& client) {
  database_.replay([&](db::Connection& connection) {
    db::Transaction transaction(connection);
    if (all) {
      Sessions::end_all(connection, session.user_id, session.phone);
    } else {
      Sessions::end(connection, session);
    }
    audit(connection, session.user_id, all ? "logout everywhere" : "logout", client);
    transaction.commit();
  });
}

std::optional<std::string> AccountService::created(const Session& session) {
  return database_.replay([&](db::Connection& connection) -> std::optional<std::string> {
    auto profile = store::find_profile(connection, session.user_id);
    if (!profile) return std::nullopt;
    return std::move(profile->created);
  });
}

void AccountService::audit(db::Connection& connection, std::uint64_t user_id,
                           std::string_view event, const Client& client) {
  store::insert_audit(connection, {user_id, event, client.address, client.request_id});
  log::info({event, ": user ", std::to_string(user_id)});
}

}  // namespace users
