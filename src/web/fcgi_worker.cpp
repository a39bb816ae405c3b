#include "web/fcgi_worker.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include <fastcgi.h>
#include <fcgiapp.h>
#include <fcgios.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.hpp"
#include "base/program.hpp"
#include "base/secret.hpp"

namespace users::web {
namespace {

constexpr timeval kIdleTick{0, 500'000};
constexpr std::chrono::milliseconds kAcceptBackoff{100};
/// Instead of a listening socket: libfcgi must not accept on its own.
constexpr int kNoSocket = -1;
/// nginx sends as soon as it has connected.
constexpr int kFirstByteMilliseconds = 1000;
/// nginx sends a buffered request at once and reads the reply at once; a slower peer is not nginx.
constexpr int kPeerMilliseconds = 5000;

/// Size of all parameter names and values. nginx sends at most 36 KiB: four headers of 8 KiB and
/// its own.
constexpr std::size_t kLargestParameters = std::size_t{64} * 1024;
/// Size of libfcgi's read buffer.
constexpr std::size_t kReadAhead = 8192;
/// The largest body in one-byte records, each with its header and 255 bytes of padding.
constexpr std::size_t kLargestRest = (kLargestBody + 1) * (FCGI_HEADER_LEN + 1 + 255);

/// What libfcgi may do on the current connection: it has no limits of its own.
struct Limits {
  std::size_t bytes = 0;          ///< still to be read; all parameters are kept in memory
  int wait = 0;                   ///< for the peer, in milliseconds
  bool is_request_whole = false;  ///< nothing is left to be read
  bool has_failed = false;        ///< a write: libfcgi would begin the same record again
};
Limits limits;

bool is_ready(int fd, short event) {
  pollfd wanted{fd, event, 0};
  int count = 0;
  do {
    count = ::poll(&wanted, 1, limits.wait);
  } while (count < 0 && errno == EINTR);
  return count > 0;
}

/// Calls a function of a socket that does not wait, and once more when the socket is ready for it.
template <class Function>
int when_ready(int fd, short event, Function&& call) {
  ssize_t done = call();
  if (done < 0 && errno == EAGAIN && is_ready(fd, event)) done = call();
  return static_cast<int>(done);
}

/// Reason phrases (RFC 9110 15) for 204 and the statuses of the result codes.
constexpr std::pair<int, std::string_view> kReasons[] = {
    {200, "OK"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

/// Reads the body up to the limit. whole: not cut by a timeout or an abort, and as long as
/// announced.
BodyState read_body(FCGX_Stream& stream, std::string_view length, std::string& body) {
  std::size_t announced = 0;
  const auto [end, error] =
      std::from_chars(length.data(), length.data() + length.size(), announced);
  if (!length.empty() && (error != std::errc{} || end != length.data() + length.size())) {
    return BodyState::damaged;
  }
  if (announced > kLargestBody) return BodyState::too_large;
  const auto read_up_to = [&](std::size_t size) {
    const std::size_t before = body.size();
    body.resize(size);
    const int got = FCGX_GetStr(body.data() + before, static_cast<int>(size - before), &stream);
    body.resize(before + static_cast<std::size_t>(got));
  };
  read_up_to(announced + 1);
  // Longer than announced: check whether it exceeds the limit.
  if (body.size() > announced) read_up_to(kLargestBody + 1);
  if (body.size() > kLargestBody) return BodyState::too_large;
  const bool whole = FCGX_GetError(&stream) == 0 && body.size() == announced;
  return whole ? BodyState::whole : BodyState::damaged;
}

struct Field {
  std::string_view parameter;
  std::string Request::*text;
};

/// Those that most requests have come first.
constexpr Field kFields[] = {
    {"REQUEST_METHOD", &Request::method},
    {"DOCUMENT_URI", &Request::path},
    {"CONTENT_LENGTH", &Request::content_length},
    {"REMOTE_ADDR", &Request::address},
    {"REQUEST_ID", &Request::request_id},
    {"HTTP_HOST", &Request::host},
    {"HTTP_USER_AGENT", &Request::user_agent},
    {"HTTP_AUTHORIZATION", &Request::authorization},
    {"HTTP_COOKIE", &Request::cookie},
    {"SERVER_NAME", &Request::site},
    {"CONTENT_TYPE", &Request::content_type},
    {"HTTP_CONTENT_ENCODING", &Request::content_encoding},
    {"USERS_LANGUAGE", &Request::language},
    {"USERS_FORM", &Request::form},
    {"HTTP_IDEMPOTENCY_KEY", &Request::idempotency_key},
    {"HTTP_ORIGIN", &Request::origin},
    {"HTTP_SEC_FETCH_SITE", &Request::sec_fetch_site},
    {"USERS_LISTED_ORIGIN", &Request::listed_origin},
    {"USERS_CHECKED_METHOD", &Request::checked_method},
    {"USERS_CHECKED_UPGRADE", &Request::checked_upgrade},
    {"HTTP_X_USERS_ACCOUNT", &Request::account},
    {"USERS_OPTIONAL", &Request::optional},
};

Request read_request(FCGX_Request& fcgi) {
  Request request;
  char** end = fcgi.envp;
  while (*end != nullptr) ++end;
  // From last to first, so that the first of duplicate parameters counts.
  while (end != fcgi.envp) {
    const std::string_view entry = *--end;
    const auto equals = std::min(entry.find('='), entry.size());
    const auto* field = std::ranges::find(kFields, entry.substr(0, equals), &Field::parameter);
    if (field == std::end(kFields)) continue;
    request.*field->text = entry.substr(std::min(equals + 1, entry.size()));
  }
  request.body_state = read_body(*fcgi.in, request.content_length, request.body);
  return request;
}

void write_reply(FCGX_Request& fcgi, const Reply& reply) {
  constexpr std::size_t kUsualHead = 512;
  std::string head;
  head.reserve(kUsualHead + reply.body.size());
  head.append("Status: ").append(std::to_string(reply.status));
  // nginx passes this line on unchanged.
  const auto* reason =
      std::ranges::find(kReasons, reply.status, [](const auto& row) { return row.first; });
  if (reason != std::end(kReasons)) head.append(" ").append(reason->second);
  head.append("\r\n");
  for (const auto& [name, value] : reply.headers)
    head.append(name).append(": ").append(value).append("\r\n");
  if (reply.status != 204)
    head.append("Content-Length: ").append(std::to_string(reply.body.size())).append("\r\n");
  head.append("\r\n").append(reply.body);
  // Only here a closed connection shows. What was committed stays; a retry gets its answer.
  if (FCGX_PutStr(head.data(), static_cast<int>(head.size()), fcgi.out) < 0 ||
      FCGX_FClose(fcgi.err) < 0 || FCGX_FClose(fcgi.out) < 0) {
    log::info({"the client has gone before its reply"});
  }
}

std::size_t size_of_parameters(const FCGX_Request& fcgi) {
  std::size_t size = 0;
  for (char** entry = fcgi.envp; *entry != nullptr; ++entry) size += std::strlen(*entry);
  return size;
}

/// Begins a request and takes ownership of the connection; returns false if no request came. Not
/// left to libfcgi, which continues with the next connection internally.
bool begin_request(FCGX_Request& fcgi, int connection) {
  fcgi.ipcFd = connection;
  fcgi.keepConnection = 1;  // otherwise FCGX_Accept_r would close it first
  limits = {.bytes = kLargestParameters + kReadAhead, .wait = kFirstByteMilliseconds};
  const bool begun = FCGX_Accept_r(&fcgi) == 0;
  fcgi.keepConnection = 0;
  if (limits.bytes == 0 || (begun && size_of_parameters(fcgi) > kLargestParameters)) {
    log::warning({"a request with parameters of over 64 KiB is refused"});
  } else if (begun && FCGX_GetError(fcgi.in) == 0 && fcgi.role == FCGI_RESPONDER) {
    // Truncated parameters can look complete; only the error shows it. nginx asks for a responder;
    // handlers do not know other roles.
    limits.bytes = kLargestRest;
    return true;
  }
  FCGX_Free(&fcgi, 1);
  return false;
}

void answer_one(FCGX_Request& fcgi, int connection, const std::function<Reply(Request&)>& answer) {
  if (!begin_request(fcgi, connection)) return;
  Request request = read_request(fcgi);
  limits.is_request_whole = request.body_state == BodyState::whole;
  write_reply(fcgi, answer(request));
  wipe(request.body);
  wipe(request.authorization);
  wipe(request.cookie);
  FCGX_Finish_r(&fcgi);
}

}  // namespace

// Replace libfcgi's functions of these names, by which it reads, writes and closes. Usually each is
// one system call.
extern "C" {

int OS_Read(int fd, char* buffer, std::size_t size) {
  const std::size_t most = std::min(size, limits.bytes);
  if (most == 0) return 0;
  const int got = when_ready(fd, POLLIN, [&] { return ::recv(fd, buffer, most, MSG_DONTWAIT); });
  if (got > 0) {
    limits.bytes -= static_cast<std::size_t>(got);
    limits.wait = kPeerMilliseconds;
  }
  return got;
}

int OS_Write(int fd, char* buffer, std::size_t size) {
  if (limits.has_failed) return -1;
  const int sent = when_ready(
      fd, POLLOUT, [&] { return ::send(fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL); });
  limits.has_failed = sent < 0;
  return sent;
}

/// Does not linger: a peer that goes on sending must not hold the worker. What it has sent is read,
/// or it would get a reset in place of its reply's end.
int OS_IpcClose(int fd, int /*shutdown*/) {
  if (!limits.is_request_whole) {
    ::shutdown(fd, SHUT_RD);
    char rest[4096];
    constexpr int kMost = 64;  // what a socket holds
    for (int i = 0; i<kMost&& ::recv(fd, rest, sizeof rest, MSG_DONTWAIT)> 0; ++i) continue;
  }
  return ::close(fd);
}

}  // extern "C"

bool is_listening_socket(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

std::string path_of_socket(int listen_fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  const std::size_t most = sizeof address.sun_path;
  if (::getsockname(listen_fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      address.sun_family != AF_UNIX || address.sun_path[0] == '\0') {
    return "";
  }
  // Relative to the folder where the process manager bound it and started this program.
  std::error_code error;
  return std::filesystem::absolute(std::string(address.sun_path, ::strnlen(address.sun_path, most)),
                                   error);
}

void serve(int listen_fd, const std::function<Reply(Request&)>& answer,
           const std::function<void()>& tend, WorkerTable& workers) {
  if (FCGX_Init() != 0) throw std::runtime_error("libfcgi does not start");
  ::setsockopt(listen_fd, SOL_SOCKET, SO_RCVTIMEO, &kIdleTick, sizeof kIdleTick);
  FCGX_Request fcgi;
  FCGX_InitRequest(&fcgi, kNoSocket, FCGI_FAIL_ACCEPT_ON_INTR);
  bool failing = false;
  while (!stop_requested(std::chrono::milliseconds(0))) {
    tend();
    const int connection = ::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) {
      failing = false;
      const BusyScope busy(workers);
      answer_one(fcgi, connection, answer);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      // For example, no descriptor is left. It may pass; retrying at once would waste the
      // processor, and logging each time would fill the log.
      if (!failing) log::error({"accept: ", std::generic_category().message(errno)});
      failing = true;
      if (stop_requested(kAcceptBackoff)) break;
    }
  }
}

}  // namespace users::web
