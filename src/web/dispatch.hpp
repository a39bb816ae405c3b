// From a request to its reply: finds the route, runs the handler, turns what it throws into a
// result.
#pragma once

#include "web/handlers.hpp"
#include "web/http.hpp"

namespace users::web {

/// Never throws: whatever goes wrong is a reply, and its cause a line in the log.
Reply dispatch(Context& context, Request& request);

}  // namespace users::web
