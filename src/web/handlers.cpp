// One function per endpoint: it reads the arguments, calls the service and returns a result. The
// table of routes is at the end.
#include <algorithm>

#include "web/caller.hpp"

namespace users::web {
namespace {

/// The client's Idempotency-Key; empty if there is none.
std::string_view retry_key(const Request& request) {
  const std::string_view key = request.idempotency_key;
  const bool visible = std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
  if (key.size() > kLongestRetryKey || !visible) throw InvalidArguments({"Idempotency-Key"});
  return key;
}

Result regist(Context& context, const Request& request) {
  refuse_foreign_page(request);
  const Arguments arguments = parse_body(request);
  std::vector<std::string> bad;
  const auto texts = arguments.texts({"phone", "password", "code"}, bad);
  if (!bad.empty()) return {.code = ResultCode::invalid_arguments, .fields = std::move(bad)};
  return result_of(context.accounts.regist({texts[0], texts[1], texts[2], retry_key(request)},
                                           client_of(request)));
}

Result code(Context& context, const Request& request) {
  refuse_foreign_page(request);
  const Arguments arguments = parse_body(request);
  const auto texts = arguments.texts({"phone"});
  const auto purpose = arguments.text("purpose").value_or("regist");
  return result_of(
      context.accounts.request_code(texts[0], purpose, retry_key(request), client_of(request)));
}

/// By passkey, by code or by password.
LoginOutcome log_in(Context& context, const Arguments& arguments, const Client& client) {
  const SentFactor second = second_factor_in(arguments);
  if (second.passkey && !arguments.text("phone")) {
    return context.accounts.login_by_passkey(*second.passkey, client);
  }
  const bool by_code = !arguments.text("password") && arguments.text("code");
  const auto texts = arguments.texts({"phone", by_code ? "code" : "password"});
  return by_code ? context.accounts.login_by_code(texts[0], texts[1], client, second)
                 : context.accounts.login(texts[0], texts[1], client, second);
}

Result login(Context& context, const Request& request) {
  refuse_foreign_page(request);
  const Arguments arguments = parse_body(request);
  const bool cookie = arguments.flag("cookie");
  const bool secure = context.config.session_cookie_secure;
  if (cookie && !is_same_origin(request, secure).value_or(true)) throw InvalidArguments({"origin"});
  const LoginOutcome outcome = log_in(context, arguments, client_of(request));
  Result result = result_of(outcome);
  if (!outcome.session) return result;
  const NewSession& session = *outcome.session;
  result.data.push_back({"id", session.user_id});
  result.data.push_back({"expires_at", session.expires_at});
  if (cookie) {
    result.headers.emplace_back("Set-Cookie",
                                session_cookie(session.token, session.lifetime, context.config));
  } else {
    result.data.push_back({"token", session.token});
  }
  return result;
}

Result logout(Context& context, const Request& request) {
  return run_ending(context, request, kLogout, [&](const LoggedIn& who) {
    const Arguments arguments = parse_body(request);
    context.accounts.logout(who.session, arguments.flag("all"), client_of(request));
    Result result;
    if (who.by_cookie) take_cookie_away(result, context);
    return result;
  });
}

/// Throws std::runtime_error, which names the rule: a typing error closes the location.
AccessRule access_rule_of(const Request& request) {
  try {
    return read_access_rule(request.path);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error("auth_request " + request.path + ": " + error.what());
  }
}

Headers identity_of(const Session& session) {
  Headers headers;
  constexpr std::size_t kMost = 5;  // with the groups and the signed identity
  headers.reserve(kMost);
  headers.emplace_back("X-User-Id", std::to_string(session.user_id));
  headers.emplace_back("X-User-Phone", session.phone);
  headers.emplace_back("X-User-Level", std::to_string(session.level));
  if (!session.groups.empty()) headers.emplace_back("X-User-Groups", session.groups);
  return headers;
}

Result admit(Context& context, const Request& request, const Session& session) {
  Headers headers = identity_of(session);
  if (context.config.identity_sign) {
    headers.emplace_back("X-User-Jwt", context.accounts.sign_identity(session, request.site));
  }
  return {.headers = std::move(headers)};
}

/// X-Users-Denied leads a browser on: to the page that confirms, by a passkey or anyhow, to that of
/// authenticator apps, or to a word about it.
std::string way_on(Context& context, const Session& session, ResultCode code,
                   const AccessRule& rule) {
  if (code == ResultCode::not_allowed) return "group";
  if (session.level >= rule.level) return "confirm";
  // Whoever has an app cannot have such a session.
  return context.accounts.has_passkey(session.user_id) ? "passkey" : "totp";
}

Result check(Context& context, const Request& request) {
  if (request.path == kOptionalCheck) {
    const auto visitor = find_session(context, request);
    return visitor ? admit(context, request, visitor->session) : Result{};
  }
  const AccessRule rule = access_rule_of(request);
  const Session session = require_session(context, request).session;
  const ResultCode code = context.accounts.judge(session, rule).code;
  if (code == ResultCode::ok) return admit(context, request, session);
  return {.code = code, .headers = {{"X-Users-Denied", way_on(context, session, code, rule)}}};
}

/// For nginx, about a request to a protected location; and for a client, about its session.
Result auth(Context& context, const Request& request) {
  if (request.path.starts_with(kCheckPath)) return check(context, request);
  return {.headers = identity_of(require_session(context, request).session)};
}

/// Verifiers may keep it, but not for as long as a key is published before it signs.
Result jwks(Context& context, const Request&) {
  if (!context.config.identity_sign) throw NoSuchResource();
  Result result;
  result.document = {.content_type = "application/jwk-set+json",
                     .text = key_set_of(context.accounts.identity_keys()),
                     .cache_control = "public, max-age=300"};
  return result;
}

Result me(Context& context, const Request& request) {
  const auto who = find_session(context, request);
  const auto owner = who ? context.accounts.owner(who->session) : std::nullopt;
  Result result{.code = owner ? ResultCode::ok : ResultCode::not_logged_in};
  if (owner) {
    result.data = {{"id", who->session.user_id},       {"phone", who->session.phone},
                   {"createTime", owner->created},     {"level", owner->level},
                   {"authTime", owner->authenticated}, {"amr", json::array_of(owner->amr, ' ')}};
  }
  // A page asks this before it shows a form for a new password.
  if (request.optional == "true") {
    result.data.push_back({"password_min_length", context.config.password_min_length});
  }
  return result;
}

Result delete_me(Context& context, const Request& request) {
  return run_ending(context, request, kDeleteAccount, [&](const LoggedIn& who) {
    const Arguments arguments = parse_body(request);
    const auto texts = arguments.texts({"password"});
    Result result =
        result_of(context.accounts.delete_account(who.session, texts[0], client_of(request)));
    if (who.by_cookie && result.code == ResultCode::ok) take_cookie_away(result, context);
    return result;
  });
}

Result list_sessions(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  json::Array sessions;
  for (const SessionRow& row : context.accounts.list_sessions(who.session)) {
    sessions.push_back(json::Object{{"id", row.id},
                                    {"created", row.created},
                                    {"last_seen", row.last_seen},
                                    {"address", row.address},
                                    {"agent", row.agent},
                                    {"current", row.is_own},
                                    {"level", row.level},
                                    {"authTime", row.authenticated},
                                    {"amr", json::array_of(row.amr, ' ')}});
  }
  return {.data = {{"sessions", std::move(sessions)}}};
}

Result end_session(Context& context, const Request& request) {
  return run_ending(context, request, kEndSession, [&](const LoggedIn& who) {
    const std::uint64_t id = id_in(request.path);
    const auto ended = context.accounts.end_session(who.session, id, client_of(request));
    if (!ended) throw NoSuchResource();
    Result result;
    if (who.by_cookie && ended->is_own) take_cookie_away(result, context);
    return result;
  });
}

Result change_password(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  const Arguments arguments = parse_body(request);
  const auto texts = arguments.texts({"old_password", "password"});
  return result_of(
      context.accounts.change_password(who.session, texts[0], texts[1], client_of(request)));
}

Result reset_password(Context& context, const Request& request) {
  refuse_foreign_page(request);
  const Arguments arguments = parse_body(request);
  const auto texts = arguments.texts({"phone", "code", "password"});
  return result_of(context.accounts.reset_password(texts[0], texts[1], texts[2], client_of(request),
                                                   second_factor_in(arguments)));
}

Result change_phone(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  const Arguments arguments = parse_body(request);
  const auto texts = arguments.texts({"phone", "code", "password"});
  return result_of(
      context.accounts.change_phone(who.session, texts[0], texts[1], texts[2], client_of(request)));
}

constexpr Route kRoutes[] = {
    {"GET", "auth", auth, false, true},
    {"GET", "jwks.json", jwks},
    {"POST", "regist", regist, true},
    {"POST", "code", code},
    {"POST", "login", login},
    {"POST", "logout", logout},
    {"GET", "me", me, false, false, true},
    {"DELETE", "me", delete_me},
    {"GET", "sessions", list_sessions},
    {"DELETE", "sessions/*", end_session},
    {"POST", "password", change_password},
    {"POST", "reset", reset_password},
    {"POST", "phone", change_phone},
    {"POST", "confirm", confirm},
    {"GET", "factors", list_factors},
    {"POST", "passkey/challenge", passkey_challenge},
    {"POST", "factors/passkey/challenge", begin_passkey},
    {"POST", "factors/passkey", add_passkey},
    {"POST", "factors/totp", begin_totp},
    {"POST", "factors/totp/confirm", confirm_totp},
    {"POST", "factors/recovery", renew_recovery_codes},
    {"DELETE", "factors/*", remove_factor},
    {"GET", "health/live", health_live},
    {"GET", "health/ready", health_ready},
    {"GET", "metrics", metrics},
};

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

}  // namespace users::web
