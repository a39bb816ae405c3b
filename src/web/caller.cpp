#include "web/caller.hpp"

#include <algorithm>
#include <charconv>

namespace users::web {
namespace {

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

}  // namespace

Client client_of(const Request& request) {
  return {request.address, request.request_id, request.user_agent, is_chinese(request)};
}

Result result_of(const Outcome& outcome) {
  Result result{.code = outcome.code,
                .fields = {outcome.bad_fields.begin(), outcome.bad_fields.end()},
                .retry_after = outcome.retry_after};
  if (!outcome.factors.empty()) {
    result.data.push_back({"factors", json::Array(outcome.factors.begin(), outcome.factors.end())});
  }
  if (outcome.recovery_codes_left) {
    result.data.push_back({"recovery_codes_left", *outcome.recovery_codes_left});
  }
  return result;
}

std::optional<LoggedIn> find_session(Context& context, const Request& request) {
  const bool secure = context.config.session_cookie_secure;
  const Credentials credentials = find_credentials(request, context.config);
  if (credentials.from_cookie && !cookie_counts(request, secure)) return std::nullopt;
  for (const std::string_view token : credentials.tokens) {
    auto session = context.accounts.find_session(token);
    if (!session) continue;
    // A page left open may still show the old account while the browser already sends the new one's
    // cookie.
    const bool is_meant =
        request.account.empty() || request.account == std::to_string(session->user_id);
    if (!is_meant) return std::nullopt;
    return LoggedIn{std::move(*session), credentials.from_cookie};
  }
  return std::nullopt;
}

LoggedIn require_session(Context& context, const Request& request) {
  auto found = find_session(context, request);
  if (!found) throw NotLoggedIn();
  return std::move(*found);
}

void refuse_foreign_page(const Request& request) {
  // No cookie is involved, so a page of the site over plain HTTP is as good as one over HTTPS.
  if (!is_same_origin(request, false).value_or(true)) throw InvalidArguments({"origin"});
}

void take_cookie_away(Result& result, const Context& context) {
  result.headers.emplace_back("Set-Cookie", session_cookie("", 0, context.config));
}

Result run_ending(Context& context, const Request& request, std::string_view change,
                  const std::function<Result(const LoggedIn&)>& work) {
  try {
    return work(require_session(context, request));
  } catch (const NotLoggedIn&) {
    const Credentials credentials = find_credentials(request, context.config);
    const bool has_ended = std::ranges::any_of(credentials.tokens, [&](std::string_view token) {
      return context.accounts.has_ended(change, token, client_of(request));
    });
    if (!has_ended) throw;
    Result result;
    if (credentials.from_cookie) take_cookie_away(result, context);
    return result;
  }
}

std::uint64_t id_in(const std::string& path) {
  const std::string_view text = std::string_view(path).substr(path.rfind('/') + 1);
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size()) throw NoSuchResource();
  return id;
}

std::optional<SentPasskey> passkey_in(const Arguments& arguments) {
  static constexpr std::initializer_list<std::string_view> kRequired{
      kPasskeyId, kPasskeyClientData, kPasskeyAuthenticatorData, kPasskeySignature};
  const auto is_sent = [&](std::string_view name) { return arguments.text(name).has_value(); };
  if (!std::ranges::any_of(kRequired, is_sent) && !is_sent(kPasskeyUserHandle)) return std::nullopt;
  const auto texts = arguments.texts(kRequired);
  return SentPasskey{texts[0], texts[1], texts[2], texts[3], arguments.text(kPasskeyUserHandle)};
}

SentFactor second_factor_in(const Arguments& arguments) {
  return {arguments.text(kTotp), arguments.text(kRecoveryCode), passkey_in(arguments)};
}

}  // namespace users::web
