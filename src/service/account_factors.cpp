// The account service's changes to the second factors of an account. Each needs a fresh session.
#include <string>

#include "factors/totp.hpp"
#include "service/account_service.hpp"
#include "service/changes.hpp"

namespace users {
namespace {

constexpr std::uint64_t kMinute = 60;

/// `host` without its port, unless it cannot be an issuer: that is short and has no colon.
std::string issuer_of(const Config& config, std::string_view host) {
  if (!config.totp_issuer.empty()) return config.totp_issuer;
  std::string issuer(host.substr(0, host.rfind(':')));
  constexpr std::size_t kLongest = 64;
  const bool is_usable =
      !issuer.empty() && issuer.size() <= kLongest && issuer.find(':') == std::string::npos;
  return is_usable ? issuer : config.password_service_name;
}

}  // namespace

Outcome AccountService::require_fresh(const Session& session) {
  const auto age = database_.replay([&](db::Connection& connection) {
    return find_authentication_age.one(connection, crypto::bytes_of(session.token_hash));
  });
  const bool is_fresh = age && age->value <= config_.session_fresh_minutes * kMinute;
  return {.code = is_fresh ? ResultCode::ok : ResultCode::confirmation_required};
}

FactorList AccountService::list_factors(const Session& session) {
  return database_.replay([&](db::Connection& connection) -> FactorList {
    return {users::list_factors.all(connection, session.user_id),
            RecoveryCodes::left(connection, session.user_id)};
  });
}

TotpOffer AccountService::begin_totp(const Session& session, std::string_view host) {
  TotpOffer offer{require_fresh(session)};
  if (!offer.is_ok()) return offer;
  const Secret secret = second_factor_.begin_totp(database_, session.user_id);
  offer.secret = totp::base32_of(secret);
  offer.uri = totp::uri_of(secret, issuer_of(config_, host), session.phone);
  offer.qr = totp::qr_of(offer.uri);
  return offer;
}

NewRecoveryCodes AccountService::confirm_totp(const Session& session, std::string_view code_text,
                                              const Client& client) {
  const auto code = parse_code(code_text);
  if (Outcome shape = require({{code.has_value(), kTotp}}); !shape.is_ok()) return {shape};
  const auto operation =
      operation_of(key_, "confirm totp", crypto::bytes_of(session.token_hash), client);
  if (Outcome fresh = require_fresh(session); !fresh.is_ok()) return {fresh};
  SecondFactor::FirstCode first;
  const Outcome outcome = settle(operation, [&]() -> Outcome {
    const auto judge = [&] {
      return second_factor_.judge_first_code(database_, session.user_id, *code, first);
    };
    Outcome judged = judge();
    if (!judged.is_ok() || first.is_repeated) return judged;
    const Outcome enrolled =
        database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
          db::Connection& connection = transaction.connection();
          const auto user = lock_owner(connection, session);
          if (!user) return transaction.refuse(Outcome{.code = ResultCode::not_logged_in});
          if (!second_factor_.enrol_totp(connection, user->id, first)) {
            return transaction.refuse(Outcome{.code = ResultCode::wrong_code});
          }
          set_level(connection, kTwoFactors, user->id);
          add_totp_to_session(connection, kTwoFactors, crypto::bytes_of(session.token_hash));
          Change{transaction, *user, client, &session}.end_sessions("totp added");
          return {};
        });
    // Another request with the same code may have been faster.
    return enrolled.code == ResultCode::wrong_code ? judge() : enrolled;
  });
  if (!outcome.is_ok()) return {outcome};
  return database_.replay([&](db::Connection& connection) -> NewRecoveryCodes {
    return {{}, second_factor_.first_recovery_codes(connection, session.user_id)};
  });
}

NewRecoveryCodes AccountService::renew_recovery_codes(const Session& session,
                                                      const Client& client) {
  if (Outcome fresh = require_fresh(session); !fresh.is_ok()) return {fresh};
  NewRecoveryCodes created{{}, recovery_codes_.make()};
  const Outcome outcome =
      database_.once(db::new_operation(), [&](db::Transaction& transaction) -> Outcome {
        const auto user = lock_owner(transaction.connection(), session);
        if (!user) return transaction.refuse(Outcome{.code = ResultCode::not_logged_in});
        if (user->level < kTwoFactors) {
          return transaction.refuse(Outcome{.code = ResultCode::no_such_resource});
        }
        recovery_codes_.put(transaction.connection(), user->id, created.codes);
        record(transaction, user->id, "recovery codes renewed", client);
        return {};
      });
  if (outcome.is_ok()) return created;
  return {outcome};
}

Outcome AccountService::remove_factor(const Session& session, std::uint64_t id,
                                      const Client& client) {
  const auto operation =
      operation_of(key_, "remove factor", crypto::bytes_of(session.token_hash), client);
  return settle(operation, [&]() -> Outcome {
    if (Outcome fresh = require_fresh(session); !fresh.is_ok()) return fresh;
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      db::Connection& connection = transaction.connection();
      const auto user = lock_owner(connection, session);
      if (!user) return transaction.refuse(Outcome{.code = ResultCode::not_logged_in});
      const auto kind = find_kind.one(connection, id, user->id);
      if (!kind) return transaction.refuse(Outcome{.code = ResultCode::no_such_resource});
      const Change change{transaction, *user, client, &session};
      if (kind->value == kTotp) {
        change.remove_totp();
      } else {
        delete_factor(connection, id);
        change.end_sessions("passkey removed");
      }
      return {};
    });
  });
}

}  // namespace users
