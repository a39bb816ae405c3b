// The accept loop of a FastCGI worker. fcgi_worker.cpp is the one user of fcgiapp.h.
#pragma once

#include <functional>
#include <string>

#include "metrics/worker_table.hpp"
#include "web/http.hpp"

namespace users::web {

/// True where the descriptor is a listening socket.
bool is_listening_socket(int fd);

/// The absolute path of a listening unix socket; empty if it has none.
std::string path_of_socket(int listen_fd);

/// Accepts and answers requests on `listen_fd`, one at a time, until a stop signal comes
/// (base/program.hpp; they must be held, since libfcgi neither retries a read that a signal
/// ended nor leaves its own accept loop): an idle worker leaves within half a second, a busy one
/// after its reply. `tend` runs before every accept and at least twice a second while idle. What
/// either throws ends the loop and is thrown on. `workers` is told when this one is busy: from the
/// accept to the end of the reply.
void serve(int listen_fd, const std::function<Reply(Request&)>& answer,
           const std::function<void()>& tend, WorkerTable& workers);

}  // namespace users::web
