// One function per endpoint: it reads the arguments, calls the service and returns a result. The
// table of routes is at the end.
#include <algorithm>
#include <charconv>
#include <functional>

#include "web/body.hpp"
#include "web/credentials.hpp"
#include "web/routes.hpp"

namespace users::web {
namespace {

/// The client's Idempotency-Key; empty if there is none.
std::string_view retry_key(const Request& request) {
  const std::string_view key = request.idempotency_key;
  const bool visible = std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
  if (key.size() > kLongestRetryKey || !visible) throw InvalidArguments({"Idempotency-Key"});
  return key;
}

Client client_of(const Request& request) {
  return {request.address, request.request_id, request.user_agent, is_chinese(request)};
}

Result result_of(const Outcome& outcome) {
  return {.code = outcome.code,
          .fields = {outcome.bad_fields.begin(), outcome.bad_fields.end()},
          .retry_after = outcome.retry_after};
}

struct LoggedIn {
  Session session;
  bool by_cookie = false;
};

/// Returns true if a request with this method may change something (RFC 9110 9.2.1).
bool is_unsafe(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

/// Returns true if the cookie may be used. Changes must come from the site's own pages. For auth,
/// the checked request goes to a protected location: its client may not be a browser, and a
/// WebSocket can change something with any method.
bool cookie_counts(const Request& request, bool secure_cookie) {
  if (request.checked_method.empty()) {
    return !is_unsafe(request.method) || is_same_origin(request, secure_cookie).value_or(false);
  }
  if (!is_unsafe(request.checked_method) && request.checked_upgrade.empty()) return true;
  // "none": the user's own action, such as typing an address.
  return request.sec_fetch_site == "none" || is_same_origin(request, secure_cookie).value_or(true);
}

/// Returns the session of the request or throws NotLoggedIn.
LoggedIn require_session(Context& context, const Request& request) {
  const bool secure = context.config.session_cookie_secure;
  const Credentials credentials = find_credentials(request, secure);
  if (credentials.from_cookie && !cookie_counts(request, secure)) throw NotLoggedIn();
  for (const std::string_view token : credentials.tokens) {
    auto session = context.accounts.find_session(token);
    if (!session) continue;
    // A page left open may still show the old account while the browser already sends the new one's
    // cookie.
    const bool is_meant =
        request.account.empty() || request.account == std::to_string(session->user_id);
    if (!is_meant) throw NotLoggedIn();
    return {std::move(*session), credentials.from_cookie};
  }
  throw NotLoggedIn();
}

/// Refuses requests that a foreign page sends through its visitor's browser. They could send
/// messages and guess from the visitor's address, or log the visitor in as somebody else.
void refuse_foreign_page(const Request& request) {
  // No cookie is involved, so a page of the site over plain HTTP is as good as one over HTTPS.
  if (!is_same_origin(request, false).value_or(true)) throw InvalidArguments({"origin"});
}

void take_cookie_away(Result& result, const Context& context) {
  result.headers.emplace_back("Set-Cookie",
                              session_cookie("", 0, context.config.session_cookie_secure));
}

/// Runs `work` for the request's session. If nginx resends the request because its worker died, the
/// session may already be ended by this same request: then nothing is left to do.
Result run_ending(Context& context, const Request& request, std::string_view change,
                  const std::function<Result(const LoggedIn&)>& work) {
  try {
    return work(require_session(context, request));
  } catch (const NotLoggedIn&) {
    const Credentials credentials = find_credentials(request, context.config.session_cookie_secure);
    const bool has_ended = std::ranges::any_of(credentials.tokens, [&](std::string_view token) {
      return context.accounts.has_ended(change, token, client_of(request));
    });
    if (!has_ended) throw;
    Result result;
    if (credentials.from_cookie) take_cookie_away(result, context);
    return result;
  }
}

/// The last segment of `.../sessions/17`.
std::uint64_t session_id_in(const std::string& path) {
  const std::string_view text = std::string_view(path).substr(path.rfind('/') + 1);
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size()) throw NoSuchResource();
  return id;
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

Result login(Context& context, const Request& request) {
  refuse_foreign_page(request);
  const Arguments arguments = parse_body(request);
  const bool cookie = arguments.flag("cookie");
  const bool secure = context.config.session_cookie_secure;
  if (cookie && !is_same_origin(request, secure).value_or(true)) throw InvalidArguments({"origin"});
  const bool by_code = !arguments.text("password") && arguments.text("code");
  const auto texts = arguments.texts({"phone", by_code ? "code" : "password"});
  const LoginOutcome outcome =
      by_code ? context.accounts.login_by_code(texts[0], texts[1], client_of(request))
              : context.accounts.login(texts[0], texts[1], client_of(request));
  Result result = result_of(outcome);
  if (!outcome.session) return result;
  const NewSession& session = *outcome.session;
  result.data = {{"id", session.user_id}, {"expires_at", session.expires_at}};
  if (cookie) {
    result.headers.emplace_back("Set-Cookie",
                                session_cookie(session.token, session.lifetime, secure));
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

Result auth(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  return {.headers = {{"X-User-Id", std::to_string(who.session.user_id)},
                      {"X-User-Phone", who.session.phone}}};
}

Result me(Context& context, const Request& request) {
  const LoggedIn who = require_session(context, request);
  const auto created = context.accounts.created(who.session);
  if (!created) throw NotLoggedIn();
  return {.data = {
              {"id", who.session.user_id}, {"phone", who.session.phone}, {"createTime", *created}}};
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
                                    {"current", row.id == who.session.id}});
  }
  return {.data = {{"sessions", std::move(sessions)}}};
}

Result end_session(Context& context, const Request& request) {
  return run_ending(context, request, kEndSession, [&](const LoggedIn& who) {
    const std::uint64_t id = session_id_in(request.path);
    if (!context.accounts.end_session(who.session, id, client_of(request))) throw NoSuchResource();
    Result result;
    if (who.by_cookie && id == who.session.id) take_cookie_away(result, context);
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
  return result_of(
      context.accounts.reset_password(texts[0], texts[1], texts[2], client_of(request)));
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
    {"GET", "health/live", health_live},
    {"GET", "health/ready", health_ready},
    {"GET", "metrics", metrics},
};

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

}  // namespace users::web
