// The handlers for passkeys: what browsers need for their ceremonies, in flat members.
#include "web/caller.hpp"

namespace users::web {
namespace {

json::Array list_of(const std::vector<KnownPasskey>& passkeys) {
  json::Array list;
  for (const KnownPasskey& passkey : passkeys) {
    list.push_back(
        json::Object{{"id", passkey.id}, {"transports", json::array_of(passkey.transports, ',')}});
  }
  return list;
}

/// Members that both ceremonies have. `timeout` is in milliseconds, as browsers take it.
json::Object members_of(const Context& context, const std::string& challenge) {
  return {{"challenge", challenge},
          {"rp_id", context.config.passkey_rp_id},
          {"timeout", kChallengeSeconds * 1000}};
}

}  // namespace

Result passkey_challenge(Context& context, const Request& request) {
  const Arguments arguments = parse_body(request);
  const std::string_view purpose = arguments.text("purpose").value_or("login");
  PasskeyChallenge challenge;
  if (purpose == "confirm") {
    challenge = context.accounts.challenge_to_confirm(require_session(context, request).session);
  } else if (purpose == "login" || purpose == "second_factor") {
    refuse_foreign_page(request);
    challenge =
        context.accounts.challenge(purpose == "login" ? Ceremony::login : Ceremony::second_factor);
  } else {
    throw InvalidArguments({"purpose"});
  }
  Result result = result_of(challenge);
  if (!challenge.is_ok()) return result;
  result.data = members_of(context, challenge.challenge);
  result.data.push_back(
      {"user_verification", challenge.needs_verification ? "required" : "preferred"});
  result.data.push_back({"allow", list_of(challenge.allowed)});
  return result;
}

Result begin_passkey(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  const PasskeyOffer offer = context.accounts.begin_passkey(who.session);
  Result result = result_of(offer);
  if (!offer.is_ok()) return result;
  result.data = members_of(context, offer.challenge);
  result.data.push_back({"rp_name", context.config.passkey_name});
  result.data.push_back({"user_handle", offer.user_handle});
  result.data.push_back({"user_name", who.session.phone});
  result.data.push_back(
      {"algorithms", json::Array(webauthn::kAlgorithms.begin(), webauthn::kAlgorithms.end())});
  result.data.push_back({"exclude", list_of(offer.existing)});
  return result;
}

Result add_passkey(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  const Arguments arguments = parse_body(request);
  const auto texts = arguments.texts({kClientData, kAttestationObject});
  const AddedPasskey added = context.accounts.add_passkey(
      who.session, {texts[0], texts[1], arguments.text("name"), arguments.text("transports")},
      client_of(request));
  Result result = result_of(added);
  if (added.is_ok()) result.data.push_back({"id", added.id});
  return result;
}

}  // namespace users::web
