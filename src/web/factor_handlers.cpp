// The handlers for second factors.
#include "web/caller.hpp"

namespace users::web {
namespace {

Result reply_with(const NewRecoveryCodes& created) {
  Result result = result_of(created);
  json::Array codes;
  for (const Secret& code : created.codes) codes.push_back(code.reveal());
  if (created.is_ok()) result.data.push_back({"recovery_codes", std::move(codes)});
  return result;
}

}  // namespace

Result confirm(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  const Arguments arguments = parse_body(request);
  const SentFactor second = second_factor_in(arguments);
  if (second.passkey && !arguments.text("password")) {
    return result_of(
        context.accounts.confirm_by_passkey(who.session, *second.passkey, client_of(request)));
  }
  const auto texts = arguments.texts({"password"});
  return result_of(context.accounts.confirm(who.session, texts[0], client_of(request), second));
}

Result list_factors(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  const FactorList list = context.accounts.list_factors(who.session);
  json::Array factors;
  for (const Factor& factor : list.factors) {
    factors.push_back(json::Object{{"id", factor.id},
                                   {"kind", factor.kind},
                                   {"name", factor.name},
                                   {"created", factor.created},
                                   {"last_used", factor.last_used}});
  }
  return {.data = {{"factors", std::move(factors)},
                   {"recovery_codes", list.recovery_codes},
                   {"passkeys", !context.config.passkey_rp_id.empty()}}};
}

Result begin_totp(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  const TotpOffer offer = context.accounts.begin_totp(who.session, request.host);
  Result result = result_of(offer);
  if (!offer.is_ok()) return result;
  result.data = {{"secret", offer.secret.reveal()},
                 {"uri", offer.uri.reveal()},
                 {"qr", json::Array(offer.qr.begin(), offer.qr.end())}};
  return result;
}

Result confirm_totp(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  const Arguments arguments = parse_body(request);
  const auto texts = arguments.texts({kTotp});
  return reply_with(context.accounts.confirm_totp(who.session, texts[0], client_of(request)));
}

Result renew_recovery_codes(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  return reply_with(context.accounts.renew_recovery_codes(who.session, client_of(request)));
}

Result remove_factor(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  return result_of(
      context.accounts.remove_factor(who.session, id_in(request.path), client_of(request)));
}

}  // namespace users::web
