// doctor: the pools' sockets, the workers behind them, and the courier.
#include <algorithm>
#include <cerrno>
#include <iomanip>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/doctor/doctor.hpp"
#include "ctl/doctor/fastcgi_probe.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string start_of_pool(const std::string& pool) {
  return "start the pool: systemctl start users-fcgi-" + pool +
         " (or spawn-fcgi -M 0660 -s SOCKET, see the README)";
}

/// Whether nginx's workers may open it, each folder above it included.
bool nginx_may_open(const Diagnosis& d, const fs::path& socket) {
  const AsUser nginx(*d.nginx_uid);
  return ::faccessat(AT_FDCWD, socket.c_str(), R_OK | W_OK, AT_EACCESS) == 0;
}

std::string no_connection(int error) {
  if (error == ECONNREFUSED) return ": nobody listens on it";
  if (error == EAGAIN) return ": its queue is full";
  return ": " + std::generic_category().message(error);
}

void check_answers(Diagnosis& d, const std::string& pool, const fs::path& socket) {
  const std::string check = "socket " + pool;
  const ProbeResult live = probe(socket, "/users/health/live", 5s);
  if (live.error == EACCES && ::geteuid() != 0) {
    d.report.skipped(check, socket.string() + ": only root and nginx may open it");
  } else if (!live.connected) {
    d.report.problem(check, socket.string() + no_connection(live.error),
                     live.error == EAGAIN ? "start more workers (-f of multiwatch), or look in the "
                                            "log for what keeps them"
                                          : start_of_pool(pool));
  } else if (!live.status.starts_with("200")) {
    d.report.problem(check,
                     socket.string() + ": no worker answers health/live in 5 seconds" +
                         (live.status.empty() ? "" : ", but: " + live.status),
                     "look into users.log and the journal of the pool; systemctl restart "
                     "users-fcgi-" +
                         pool);
  } else {
    const ProbeResult ready = probe(socket, "/users/health/ready", 15s);
    if (ready.status.starts_with("200")) {
      d.report.ok(check, socket.string() + ": answers, and has its database");
    } else {
      d.report.problem(check,
                       socket.string() + ": answers, but has no database: health/ready is " +
                           (ready.status.empty() ? "silent" : ready.status),
                       "see the rows of the database below, and users.log");
    }
  }
}

void check_socket(Diagnosis& d, const std::string& pool, const fs::path& socket) {
  const std::string check = "socket " + pool;
  if (socket.empty()) {
    d.report.skipped(check, "neither nginx's configuration nor a worker tells where it is");
    return;
  }
  struct stat status {};
  if (::lstat(socket.c_str(), &status) != 0) {
    d.report.problem(check, socket.string() + ": " + std::generic_category().message(errno),
                     start_of_pool(pool) + "; nginx and the pool must name the same socket");
  } else if (!S_ISSOCK(status.st_mode)) {
    d.report.problem(check, socket.string() + " is no socket",
                     "rm " + socket.string() + "; then " + start_of_pool(pool));
  } else if ((status.st_mode & 0117U) != 0) {
    std::ostringstream mode;
    mode << std::oct << std::setw(4) << std::setfill('0') << (status.st_mode & 07777U);
    d.report.problem(check,
                     socket.string() + ": mode " + mode.str() +
                         ": any user here can pass for nginx and name any client address",
                     "chmod 0660 " + socket.string() +
                         "; and start the pool with spawn-fcgi -M "
                         "0660");
  } else if (d.nginx_uid && !nginx_may_open(d, socket)) {
    const std::string group = group_name_of(*d.nginx_uid);
    d.report.problem(check,
                     socket.string() + " cannot be opened by nginx's workers, who are " +
                         user_name(*d.nginx_uid),
                     "chgrp " + group + " " + socket.string() + " && chmod 0660 " +
                         socket.string() +
                         "; that group needs x on every folder above; start the "
                         "pool with spawn-fcgi -G " +
                         group);
  } else {
    check_answers(d, pool, socket);
  }
}

bool same_file(const fs::path& one, const fs::path& other) {
  std::error_code error;
  return one == other || fs::equivalent(one, other, error);
}

/// What is wrong with a process that does run; empty if nothing is.
std::string staleness(const Diagnosis& d, const WorkerTable::Worker& worker) {
  // Its age is of whole seconds.
  constexpr std::time_t kInexact = 2;
  struct stat status {};
  const std::time_t start = std::time(nullptr) - worker.age.count() + kInexact;
  const auto command = command_of(worker.pid);
  if (command.empty()) return "";
  const std::string process = "process " + std::to_string(worker.pid);
  // Its mtime is the package's.
  if (::stat(command.front().c_str(), &status) != 0 || status.st_ctime > start) {
    return process + " runs a program that was replaced since";
  }
  if (::stat(d.call.config_file.c_str(), &status) == 0 && status.st_mtime > start) {
    return process + " is older than the configuration";
  }
  return "";
}

using Workers = std::vector<WorkerTable::Worker>;

void judge(Diagnosis& d, const std::string& check, const Workers& found,
           const std::string& reload) {
  const auto owner = d.service_uid;
  std::optional<uid_t> user;
  for (const auto& worker : found) {
    const auto process = find_process(worker.pid);
    if (!process) continue;
    user = process->uid;
    const AsUser eyes(process->uid);
    const bool is_courier = worker.pool == kCourierPool && user == d.courier_uid;
    if (owner && user != owner && !is_courier) {
      d.report.problem(check,
                       "process " + std::to_string(worker.pid) + " runs as " + user_name(*user) +
                           ", the secrets are those of " + user_name(*owner) +
                           ": what it writes is closed to the others",
                       "start all parts as " + user_name(*owner) +
                           ", and give it what lies in the folders of log and metrics");
      return;
    }
    const std::string stale = staleness(d, worker);
    if (stale.empty()) continue;
    d.report.warning(check, stale, reload);
    return;
  }
  d.report.ok(check, std::to_string(found.size()) + " running" +
                         (user ? " as " + user_name(*user) : std::string()));
}

void check_pool(Diagnosis& d, const std::string& pool, const fs::path& socket) {
  const std::string check = "workers " + pool;
  if (socket.empty()) {
    d.report.skipped(check, "the pool's socket is not known");
    return;
  }
  Workers found;
  for (const auto& worker : *d.workers) {
    if (same_file(worker.socket, socket)) found.push_back(worker);
  }
  if (!found.empty()) {
    judge(d, check, found, "users-ctl reload (or systemctl reload users-fcgi-" + pool + ")");
  } else {
    d.report.problem(check, "no process users-fcgi listens on " + socket.string(),
                     start_of_pool(pool));
  }
}

void check_courier(Diagnosis& d) {
  Workers found;
  for (const auto& worker : *d.workers) {
    if (worker.pool == kCourierPool) found.push_back(worker);
  }
  if (found.empty()) {
    d.report.problem("courier", "no users-courier runs with this configuration: no message is sent",
                     "systemctl start users-fcgi-courier");
  } else {
    judge(d, "courier", found, "users-ctl reload (or systemctl reload users-fcgi-courier)");
  }
}

/// Where nginx's configuration could not be read, the workers tell.
void find_sockets(Diagnosis& d) {
  if (!d.workers) return;
  for (const auto& worker : *d.workers) {
    if (d.hash_socket.empty() && worker.pool == "hash") d.hash_socket = worker.socket;
    if (d.fast_socket.empty() && worker.pool == "fast") d.fast_socket = worker.socket;
  }
}

}  // namespace

void check_sockets(Diagnosis& d) {
  find_sockets(d);
  check_socket(d, "hash", d.hash_socket);
  check_socket(d, "fast", d.fast_socket);
}

void check_workers(Diagnosis& d) {
  if (!d.workers) {
    const std::string reason =
        d.config ? "only root and " + d.service_name() + " can read the table of workers"
                 : "the configuration does not load";
    for (const char* check : {"workers hash", "workers fast", "courier"}) {
      d.report.skipped(check, reason);
    }
    return;
  }
  check_pool(d, "hash", d.hash_socket);
  check_pool(d, "fast", d.fast_socket);
  check_courier(d);
}

}  // namespace users::ctl
