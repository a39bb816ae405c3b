// doctor: the pools' sockets, and whether workers answer on them.
#include <cerrno>
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

/// A record of FastCGI 1.0 (section 3.3), of at most 255 bytes of content.
std::string record(char type, std::string_view content) {
  constexpr char kVersion = 1;
  std::string bytes{kVersion, type, 0, 1, 0, static_cast<char>(content.size()), 0, 0};
  return bytes.append(content);
}

/// A GET as nginx would send it. Names and values are shorter than 128 bytes.
std::string request_for(std::string_view path) {
  constexpr char kBegin = 1;
  constexpr char kParameters = 4;
  constexpr char kInput = 5;
  const std::pair<std::string_view, std::string_view> parameters[] = {
      {"REQUEST_METHOD", "GET"},
      {"DOCUMENT_URI", path},
      {"REMOTE_ADDR", "127.0.0.1"},
      {"REQUEST_ID", "users-ctl-doctor"}};
  std::string content;
  for (const auto& [name, value] : parameters) {
    content += static_cast<char>(name.size());
    content += static_cast<char>(value.size());
    content.append(name).append(value);
  }
  constexpr std::string_view kAsResponder("\0\1\0\0\0\0\0\0", 8);
  return record(kBegin, kAsResponder) + record(kParameters, content) + record(kParameters, "") +
         record(kInput, "");
}

struct Answer {
  int error = 0;       ///< errno if it did not connect
  std::string status;  ///< `200 OK`; empty if none came in time
};

/// Sends one request and waits at most `seconds` for the start of the reply, which is in its first
/// packet.
Answer ask(const fs::path& socket, std::string_view path, int seconds) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A link may lead there by a name that is too long, or from one.
  std::error_code none;
  const fs::path target = fs::canonical(socket, none);
  const std::string name = none ? socket : target;
  if (name.size() >= sizeof address.sun_path) return {ENAMETOOLONG, ""};
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  // Not blocking: a full queue says so at once.
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
  constexpr std::string_view kStatus = "Status: ";
  const auto start = reply.find(kStatus);
  if (start == std::string::npos) return {};
  reply.erase(0, start + kStatus.size());
  return {0, reply.substr(0, reply.find('\r'))};
}

Finding judge_answers(const std::string& pool, const fs::path& socket) {
  const std::string name = socket.string();
  const Answer live = ask(socket, "/users/health/live", 5);
  if (live.error == EACCES && ::geteuid() != 0) {
    return skipped(name + ": only root and nginx may open it");
  }
  if (live.error == EAGAIN) {
    return problem(name + ": its queue is full",
                   "start more workers (-f of multiwatch), or look in the log for what keeps them");
  }
  if (live.error != 0) {
    const bool is_deserted = live.error == ECONNREFUSED;
    return problem(name + ": " + (is_deserted ? "nobody listens on it" : explain(live.error)),
                   start_of_pool(pool));
  }
  if (!live.status.starts_with("200")) {
    return problem(
        name + ": no worker answers health/live in 5 seconds" +
            (live.status.empty() ? "" : ", but: " + live.status),
        "look into users.log and the journal of the pool; systemctl restart users-fcgi-" + pool);
  }
  const std::string ready = ask(socket, "/users/health/ready", 15).status;
  if (ready.starts_with("200")) return ok(name + ": answers, and has its database");
  return problem(name + ": answers, but has no database: health/ready is " +
                     (ready.empty() ? "silent" : ready),
                 "see the rows of the database below, and users.log");
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
    return problem(name + ": mode " + octal(status.st_mode) +
                       ": any user here can pass for nginx and name any client address",
                   "chmod 0660 " + name + "; and start the pool with spawn-fcgi -M 0660");
  }
  if (d.nginx_uid && !user_may(d.nginx_uid, socket, R_OK | W_OK)) {
    const std::string group = group_name_of(*d.nginx_uid);
    return problem(
        name + " cannot be opened by nginx's workers, who are " + user_name(*d.nginx_uid),
        "chgrp " + group + " " + name + " && chmod 0660 " + name +
            "; that group needs x on every folder above; start the pool with spawn-fcgi -G " +
            group);
  }
  return judge_answers(pool, socket);
}

}  // namespace

std::string start_of_pool(const std::string& pool) {
  return "start the pool: systemctl start users-fcgi-" + pool +
         " (or spawn-fcgi -M 0660 -s SOCKET, see the README)";
}

void check_sockets(Diagnosis& d) {
  for (const std::string pool : kPools) {
    // Where nginx's configuration could not be read, the workers tell.
    for (const auto& worker : d.workers.value_or(std::vector<WorkerTable::Worker>())) {
      if (worker.pool == pool) d.sockets.try_emplace(pool, worker.socket);
    }
    d.add("socket " + pool,
          d.sockets.contains(pool)
              ? judge_socket(d, pool, d.sockets[pool])
              : skipped("neither nginx's configuration nor a worker tells where it is"));
  }
}

}  // namespace users::ctl
