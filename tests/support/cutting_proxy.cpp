#include "support/cutting_proxy.hpp"

#include <cstring>
#include <stdexcept>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/crypto.hpp"
#include "support/stack.hpp"

namespace users::test {
namespace {

constexpr int kTickMilliseconds = 50;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("socket path too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, kTickMilliseconds) > 0;
}

/// Copies what is there, or what `filter` leaves of it; false at the end of the stream.
bool copy(int from, int to, std::string& seen, const CuttingProxy::Filter& filter = {}) {
  char buffer[65536];
  const ssize_t got = ::recv(from, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  seen.assign(buffer, static_cast<std::size_t>(got));
  const std::string passed = filter ? filter(seen) : seen;
  return ::send(to, passed.data(), passed.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(passed.size());
}

}  // namespace

CuttingProxy::CuttingProxy(std::string server_socket, std::string trigger)
    : CuttingProxy(std::move(server_socket), std::optional(std::move(trigger)), {}) {}

CuttingProxy::CuttingProxy(std::string server_socket, Filter filter)
    : CuttingProxy(std::move(server_socket), std::nullopt, std::move(filter)) {}

CuttingProxy::CuttingProxy(std::string server_socket, std::optional<std::string> trigger,
                           Filter filter)
    : server_socket_(std::move(server_socket)),
      trigger_(std::move(trigger)),
      filter_(std::move(filter)),
      socket_(run_folder() + "/proxy-" + crypto::random_hex(4)),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_un address = address_of(socket_);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 8) != 0) {
    throw std::runtime_error("cannot listen on " + socket_);
  }
  thread_ = std::thread([this] { run(); });
}

CuttingProxy::~CuttingProxy() {
  stop_ = true;
  thread_.join();
  ::close(listener_);
  ::unlink(socket_.c_str());
}

void CuttingProxy::run() {
  std::vector<std::jthread> relays;
  while (!stop_) {
    if (!readable(listener_)) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) relays.emplace_back([this, client] { relay(client); });
  }
}

void CuttingProxy::relay(int client) {
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(server_socket_);
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  std::string seen;
  while (open && !stop_) {
    pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    ::poll(ends, 2, kTickMilliseconds);
    if (ends[0].revents != 0) {
      open = copy(client, server, seen, filter_);
      if (open && trigger_ && seen.find(*trigger_) != std::string::npos && !cut_.exchange(true)) {
        while (!stop_ && !readable(server)) {
        }
        break;
      }
    }
    if (open && ends[1].revents != 0) open = copy(server, client, seen);
  }
  ::close(client);
  ::close(server);
}

}  // namespace users::test
