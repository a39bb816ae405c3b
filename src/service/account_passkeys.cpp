// The account service's use of passkeys: logging in, confirming, adding one.
#include <string>

#include "service/account_service.hpp"
#include "service/changes.hpp"

namespace users {
namespace {

/// A passkey with user verification is two factors: the device, and what unlocks it.
const Authentication kByPasskey{kTwoFactors, "pop mfa"};

}  // namespace

PasskeyChallenge AccountService::challenge(Ceremony ceremony) {
  if (!passkeys_.is_on()) return {{.code = ResultCode::no_such_resource}};
  return {{},
          passkeys_.new_challenge(database_, ceremony, ""),
          Passkeys::verification_for(ceremony) == webauthn::UserVerification::required};
}

PasskeyChallenge AccountService::challenge_to_confirm(const Session& session) {
  if (!passkeys_.is_on()) return {{.code = ResultCode::no_such_resource}};
  auto allowed = database_.replay(
      [&](db::Connection& connection) { return passkeys_.list(connection, session.user_id); });
  return {
      {},
      passkeys_.new_challenge(database_, Ceremony::confirm, crypto::bytes_of(session.token_hash)),
      true,
      std::move(allowed)};
}

LoginOutcome AccountService::login_by_passkey(const SentPasskey& sent, const Client& client) {
  if (!passkeys_.is_on()) return {{.code = ResultCode::no_such_resource}};
  if (Outcome shape = check_form(sent); !shape.is_ok()) return {shape};
  const Entry entry{"login by passkey", kByPasskey,
                    operation_of(key_, "login by passkey", sent.client_data, client), true};
  const auto right = passkeys_.judge(database_, sent, Ceremony::login, "", std::nullopt);
  if (!right) return {{.code = ResultCode::wrong_credentials}};
  const auto user = database_.replay(
      [&](db::Connection& connection) { return find_user_by_id.one(connection, right->user_id); });
  if (!user) return {{.code = ResultCode::wrong_credentials}};
  RightFactor factor;
  factor.passkey = *right;
  LoginOutcome outcome = open_session(*user, entry, &factor, client, [](auto&) { return true; });
  if (outcome.code == ResultCode::wrong_credentials && database_.is_done(entry.operation)) {
    outcome = repeat(*user, entry, client);
  }
  if (outcome.session) logins_by_passkey_.add();
  return outcome;
}

Outcome AccountService::confirm_by_passkey(const Session& session, const SentPasskey& sent,
                                           const Client& client) {
  if (!passkeys_.is_on()) return {.code = ResultCode::no_such_resource};
  if (Outcome shape = check_form(sent); !shape.is_ok()) return shape;
  const auto token_hash = crypto::bytes_of(session.token_hash);
  const auto operation = operation_of(key_, "confirm", token_hash, client);
  return settle(operation, [&]() -> Outcome {
    const auto right =
        passkeys_.judge(database_, sent, Ceremony::confirm, token_hash, session.user_id);
    if (!right) return {.code = ResultCode::wrong_credentials};
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      if (!passkeys_.consume(transaction.connection(), *right)) {
        return transaction.refuse(Outcome{.code = ResultCode::wrong_credentials});
      }
      RightFactor used;
      used.passkey = *right;
      return renew(transaction, session, kByPasskey, event_of("confirmed", {}, used), client);
    });
  });
}

PasskeyOffer AccountService::begin_passkey(const Session& session) {
  if (!passkeys_.is_on()) return {{.code = ResultCode::no_such_resource}};
  PasskeyOffer offer{require_fresh(session)};
  if (!offer.is_ok()) return offer;
  offer.existing = database_.replay(
      [&](db::Connection& connection) { return passkeys_.list(connection, session.user_id); });
  if (offer.existing.size() >= kMostPasskeys) return {require({{false, kPasskeys}})};
  offer.challenge =
      passkeys_.new_challenge(database_, Ceremony::enrol, crypto::bytes_of(session.token_hash));
  offer.user_handle = crypto::to_base64url(passkeys_.handle_of(session.user_id));
  return offer;
}

AddedPasskey AccountService::add_passkey(const Session& session, const SentRegistration& sent,
                                         const Client& client) {
  if (!passkeys_.is_on()) return {{.code = ResultCode::no_such_resource}};
  if (Outcome fresh = require_fresh(session); !fresh.is_ok()) return {fresh};
  NewPasskey made;
  if (Outcome judged = passkeys_.judge_registration(sent, made); !judged.is_ok()) return {judged};
  const auto token_hash = crypto::bytes_of(session.token_hash);
  const auto operation = operation_of(key_, "add passkey", token_hash, client);
  const Outcome outcome = settle(operation, [&]() -> Outcome {
    try {
      return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
        const auto user = lock_owner(transaction.connection(), session);
        if (!user) return transaction.refuse(Outcome{.code = ResultCode::not_logged_in});
        Outcome enrolled = passkeys_.enrol(transaction.connection(), user->id, token_hash, made);
        if (!enrolled.is_ok()) return transaction.refuse(enrolled);
        record(transaction, user->id, "passkey added", client);
        return enrolled;
      });
    } catch (const db::DuplicateKey&) {
      return require({{false, kAttestationObject}});
    }
  });
  if (!outcome.is_ok()) return {outcome};
  const auto added = database_.replay([&](db::Connection& connection) {
    return find_own_passkey.one(connection, session.user_id, made.credential.id);
  });
  return {{}, added.value_or(db::Number{}).value};
}

}  // namespace users
