// What handlers share: who sends a request, with which session and second factor, and the result of
// an outcome.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "web/body.hpp"
#include "web/credentials.hpp"
#include "web/routes.hpp"

namespace users::web {

Client client_of(const Request& request);

Result result_of(const Outcome& outcome);

struct LoggedIn {
  Session session;
  bool by_cookie = false;
};

/// Returns the session of the request; nullopt if there is none, or it does not count.
std::optional<LoggedIn> find_session(Context& context, const Request& request);
/// The same, but throws NotLoggedIn.
LoggedIn require_session(Context& context, const Request& request);

/// Refuses requests that a foreign page sends through its visitor's browser. They could send
/// messages and guess from the visitor's address, or log the visitor in as somebody else.
void refuse_foreign_page(const Request& request);

void take_cookie_away(Result& result, const Context& context);

/// Runs `work` for the request's session. If nginx resends the request because its worker died, the
/// session may already be ended by this same request: then nothing is left to do.
Result run_ending(Context& context, const Request& request, std::string_view change,
                  const std::function<Result(const LoggedIn&)>& work);

/// The last segment of `.../sessions/17`. Throws NoSuchResource if it is not a number.
std::uint64_t id_in(const std::string& path);

/// The arguments of a passkey's assertion; nullopt without passkey_id.
std::optional<SentPasskey> passkey_in(const Arguments& arguments);

/// The optional arguments for a second factor.
SentFactor second_factor_in(const Arguments& arguments);

}  // namespace users::web
