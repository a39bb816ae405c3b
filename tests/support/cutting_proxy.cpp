#include "support/cutting_proxy.hpp"

#include <filesystem>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.hpp"
#include "support/stack.hpp"
#include "support/text.hpp"

namespace users::test {
namespace {

constexpr int kTickMilliseconds = 20;

std::string fresh_socket() {
  return run_folder() + "/proxy-" + crypto::random_hex(4);
}

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, kTickMilliseconds) > 0;
}

/// Returns the bytes that have arrived; empty at the end of the stream.
std::string receive(int from) {
  std::string bytes(65536, '\0');
  const ssize_t got = ::recv(from, bytes.data(), bytes.size(), 0);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

bool send_all(int to, const std::string& bytes) {
  return ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

}  // namespace

CuttingProxy::CuttingProxy(const std::string& server_socket, std::string trigger)
    : CuttingProxy(server_socket, Cut{.trigger = std::move(trigger)}, {}, fresh_socket()) {}

CuttingProxy::CuttingProxy(const std::string& server_socket, Filter filter)
    : CuttingProxy(server_socket, std::nullopt, std::move(filter), fresh_socket()) {}

CuttingProxy::CuttingProxy(const std::string& server_socket, std::optional<Cut> cut, Filter filter,
                           const std::string& socket)
    : server_socket_(server_socket),
      cut_(std::move(cut)),
      filter_(std::move(filter)),
      listener_(socket),
      thread_([this] { run(); }) {}

CuttingProxy::~CuttingProxy() {
  stop_ = true;
  thread_.join();
  std::filesystem::remove(listener_.path());
}

void CuttingProxy::run() {
  std::vector<std::jthread> relays;
  while (!stop_) {
    if (!readable(listener_.descriptor())) continue;
    const int client = ::accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) relays.emplace_back([this, client] { relay(client); });
  }
}

void CuttingProxy::relay(int client) {
  const int born = generation_;
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = fcgi::address_of(server_socket_);
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  while (open && !stop_ && generation_ == born) {
    pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    ::poll(ends, 2, kTickMilliseconds);
    if (stalled_) {
      ::poll(nullptr, 0, kTickMilliseconds);
      continue;
    }
    if (ends[0].revents != 0) open = pass_on(client, server);
    if (open && ends[1].revents != 0) {
      const std::string answer = receive(server);
      open = !answer.empty() && send_all(client, answer);
    }
  }
  ::close(client);
  ::close(server);
}

/// Returns false if the connection is to be closed.
bool CuttingProxy::pass_on(int client, int server) {
  const std::string bytes = receive(client);
  if (bytes.empty()) return false;
  const bool met = cut_ && contains(bytes, cut_->trigger) && !has_cut_.exchange(true);
  if (!met || cut_->moment == Moment::after) {
    if (!send_all(server, filter_ ? filter_(bytes) : bytes)) return false;
    if (!met) return true;
    while (!stop_ && !readable(server)) {
    }
  }
  cut_->action();
  return false;
}

}  // namespace users::test
