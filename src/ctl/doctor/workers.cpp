// doctor: the pools' sockets, the workers behind them, and the courier.
#include <cerrno>
#include <ctime>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "ctl/doctor/doctor.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

/// A record of FastCGI 1.0 (section 3.3) with at most 255 bytes of content.
std::string record(char type, const std::string& content) {
  constexpr char kVersion = 1;
  return std::string{kVersion, type, 0, 1, 0, static_cast<char>(content.size()), 0, 0} + content;
}

/// A parameter of a request; name and value must be shorter than 128 bytes.
std::string parameter(const std::string& name, const std::string& value) {
  return std::string{static_cast<char>(name.size()), static_cast<char>(value.size())} + name +
         value;
}

/// A GET as nginx would send it.
std::string request_for(const std::string& path) {
  enum : char { kBegin = 1, kParameters = 4, kInput = 5 };
  const std::string as_responder("\0\1\0\0\0\0\0\0", 8);
  return record(kBegin, as_responder) +
         record(kParameters, parameter("REQUEST_METHOD", "GET") + parameter("DOCUMENT_URI", path) +
                                 parameter("REMOTE_ADDR", "127.0.0.1") +
                                 parameter("REQUEST_ID", "users-ctl-doctor")) +
         record(kParameters, "") + record(kInput, "");
}

struct Reply {
  int error = 0;       ///< errno if it did not connect
  std::string status;  ///< `200 OK`; empty if none came in time
};

/// Sends a request and waits at most `seconds` for the first packet of the reply.
Reply ask(const fs::path& socket, const std::string& path, int seconds) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The name of a link to it may be too long, and its own short enough.
  std::error_code error;
  std::string name = fs::canonical(socket, error);
  if (error) name = socket;
  if (name.size() >= sizeof address.sun_path) return {ENAMETOOLONG, ""};
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  // If its queue is full, this fails at once.
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return {errno, ""};
  }
  const std::string request = request_for(path);
  ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string reply(4096, '\0');
  pollfd readable{fd.get(), POLLIN, 0};
  const bool is_there = ::poll(&readable, 1, seconds * 1000) > 0;
  const ssize_t got = is_there ? ::recv(fd.get(), reply.data(), reply.size(), 0) : 0;
  reply.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  const std::string name_of_status = "Status: ";
  const auto start = reply.find(name_of_status);
  if (start == std::string::npos) return {};
  reply.erase(0, start + name_of_status.size());
  return {0, reply.substr(0, reply.find('\r'))};
}

std::string start_of_pool(const std::string& pool) {
  return "start the pool: systemctl start users-fcgi-" + pool +
         " (or spawn-fcgi -M 0660 -s SOCKET, see the README)";
}

Finding judge_answers(const std::string& pool, const fs::path& socket) {
  const std::string name = socket.string();
  const Reply live = ask(socket, "/users/health/live", 5);
  if (live.error == EACCES && ::geteuid() != 0) {
    return skipped(name + ": only root and nginx may open it");
  }
  if (live.error == EAGAIN) {
    return problem(name + ": its queue is full", "start more workers (-f of multiwatch)");
  }
  if (live.error == ECONNREFUSED) {
    return problem(name + ": nobody listens on it", start_of_pool(pool));
  }
  if (live.error != 0) return problem(name + ": " + explain(live.error), start_of_pool(pool));
  if (!live.status.starts_with("200")) {
    return problem(name + ": no worker answers health/live in 5 seconds: " + live.status,
                   "see users.log and the journal; systemctl restart users-fcgi-" + pool);
  }
  const std::string ready = ask(socket, "/users/health/ready", 15).status;
  if (ready.starts_with("200")) return ok(name + ": answers, and has its database");
  return problem(name + ": answers, but has no database: " + ready,
                 "see the database's rows below, and users.log");
}

Finding judge_socket(const Diagnosis& d, const std::string& pool, const fs::path& socket) {
  const std::string name = socket.string();
  const std::string start = start_of_pool(pool);
  struct stat status {};
  if (::lstat(socket.c_str(), &status) != 0) {
    return problem(name + ": " + explain(errno),
                   start + "; nginx and the pool must name the same socket");
  }
  if (!S_ISSOCK(status.st_mode)) {
    return problem(name + " is no socket", "rm " + name + "; then " + start);
  }
  if ((status.st_mode & 0117U) != 0) {
    return problem(name + " is open to other users, who can name any client address",
                   "chmod 0660 " + name + "; and start the pool with spawn-fcgi -M 0660");
  }
  if (d.nginx_uid && !user_may(d.nginx_uid, socket, R_OK | W_OK)) {
    const std::string group = group_name_of(*d.nginx_uid);
    return problem(
        name + " cannot be opened by nginx's workers, which are " + user_name(*d.nginx_uid),
        "start the pool with spawn-fcgi -G " + group + "; chgrp " + group + " " + name +
            " && chmod 0660 " + name + "; that group needs x on every folder above");
  }
  return judge_answers(pool, socket);
}

/// What is outdated about a running process; empty if nothing is.
std::string staleness(const Diagnosis& d, const WorkerTable::Worker& worker) {
  // Its age is in whole seconds.
  const std::time_t start = std::time(nullptr) - worker.age.count() + 2;
  const auto command = words_in(worker.pid, "cmdline");
  if (command.empty()) return "";
  struct stat status {};
  // Not mtime, which is the package's.
  if (::stat(command.front().c_str(), &status) != 0 || status.st_ctime > start) {
    return " runs a program that was replaced since";
  }
  const bool is_older = ::stat(d.call.config_file.c_str(), &status) == 0 && status.st_mtime > start;
  return is_older ? " is older than the configuration" : "";
}

/// Judges those workers that `is_listed`; `none` is the fault if there are none.
template <class Predicate>
Finding judge_workers(const Diagnosis& d, const std::string& unit, Predicate is_listed,
                      Finding none) {
  if (!d.workers) {
    return skipped("only root and " + word_for(d.service_uid) + " can read the table of workers");
  }
  std::string as;
  std::size_t count = 0;
  for (const auto& worker : *d.workers) {
    if (!is_listed(worker)) continue;
    ++count;
    const auto process = find_process(worker.pid);
    if (!process) continue;
    const std::string number = "process " + std::to_string(worker.pid);
    const bool is_courier = worker.pool == kCourierPool && process->uid == d.courier_uid;
    as = " as " + user_name(process->uid);
    if (d.service_uid && process->uid != d.service_uid && !is_courier) {
      return problem(number + " runs" + as + ", but the secrets belong to " +
                         user_name(*d.service_uid) + ": the others cannot open what it writes",
                     start_all_as(d.service_uid));
    }
    const AsUser eyes(process->uid);
    const std::string stale = staleness(d, worker);
    if (stale.empty()) continue;
    return warning(number + stale,
                   "users-ctl reload (or systemctl reload users-fcgi-" + unit + ")");
  }
  return count == 0 ? none : ok(std::to_string(count) + " running" + as);
}

Finding judge_pool(const Diagnosis& d, const std::string& pool) {
  if (!d.sockets.contains(pool)) return skipped("the pool's socket is not known");
  const fs::path& socket = d.sockets.at(pool);
  const auto listens = [&](const WorkerTable::Worker& worker) {
    std::error_code error;
    return worker.socket == socket || fs::equivalent(worker.socket, socket, error);
  };
  return judge_workers(
      d, pool, listens,
      problem("no process users-fcgi listens on " + socket.string(), start_of_pool(pool)));
}

Finding judge_courier(const Diagnosis& d) {
  return judge_workers(
      d, "courier", [](const auto& worker) { return worker.pool == kCourierPool; },
      problem("no users-courier runs with this configuration: no message is sent",
              "systemctl start users-fcgi-courier"));
}

}  // namespace

void check_sockets(Diagnosis& d) {
  for (const std::string pool : kPools) {
    // If nginx's configuration was not read, the workers know.
    for (const auto& worker : d.workers.value_or(Workers())) {
      if (worker.pool == pool) d.sockets.try_emplace(pool, worker.socket);
    }
    d.add("socket " + pool, d.sockets.contains(pool)
                                ? judge_socket(d, pool, d.sockets[pool])
                                : skipped("neither nginx's configuration nor a worker names it"));
  }
}

void check_workers(Diagnosis& d) {
  for (const std::string pool : kPools) d.add("workers " + pool, judge_pool(d, pool));
  d.add("courier", judge_courier(d));
}

}  // namespace users::ctl
