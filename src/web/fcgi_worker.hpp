// The accept loop of a FastCGI worker. Only fcgi_worker.cpp uses fcgiapp.h.
#pragma once

#include <functional>
#include <string>

#include "metrics/worker_table.hpp"
#include "web/http.hpp"

namespace users::web {

/// Returns true if the descriptor is a listening socket.
bool is_listening_socket(int fd);

/// The absolute path of a listening unix socket; empty if it has none.
std::string path_of_socket(int listen_fd);

/// Accepts and answers requests on `listen_fd`, one at a time, until a stop signal comes. The
/// signals must be blocked (base/program.hpp): libfcgi neither retries an interrupted read nor
/// leaves its own accept loop. An idle worker stops within half a second, a busy one after its
/// reply. `tend` runs before every accept and at least twice a second while idle. An exception from
/// either ends the loop and is passed on. `workers` records this one as busy from the accept to the
/// end of the reply.
void serve(int listen_fd, const std::function<Reply(Request&)>& answer,
           const std::function<void()>& tend, WorkerTable& workers);

}  // namespace users::web
