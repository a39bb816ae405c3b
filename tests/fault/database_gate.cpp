#include "fault/database_gate.hpp"

#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/stack.hpp"

namespace users::test {
namespace {

constexpr int kTickMilliseconds = 20;

std::string front() {
  return run_folder() + "/mariadb.sock";
}
std::string back() {
  return run_folder() + "/mariadb.real";
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("path too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

}  // namespace

void cut_service_connections(db::Connection& administrator) {
  administrator.run_script("KILL USER users_service", "cut");
}

DatabaseGate::DatabaseGate(std::string trigger, Moment moment, std::function<void()> action)
    : trigger_(std::move(trigger)),
      moment_(moment),
      action_(std::move(action)),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  std::filesystem::rename(front(), back());
  const sockaddr_un address = address_of(front());
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 64) != 0) {
    throw std::runtime_error("cannot listen on " + front());
  }
  thread_ = std::thread([this] { run(); });
  // What is connected already goes around the gate.
  cut_service_connections(*administrator());
}

DatabaseGate::~DatabaseGate() {
  close();
  std::error_code gone;
  if (aside_) {
    std::filesystem::remove(back(), gone);
  } else {
    std::filesystem::rename(back(), front(), gone);
  }
}

void DatabaseGate::close() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  ::close(listener_);
  listener_ = -1;
}

void DatabaseGate::step_aside() {
  close();
  std::filesystem::remove(front());
  aside_ = true;
}

void DatabaseGate::run() {
  std::vector<std::jthread> relays;
  while (!stop_) {
    pollfd entry{listener_, POLLIN, 0};
    if (::poll(&entry, 1, kTickMilliseconds) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) relays.emplace_back([this, client] { relay(client); });
  }
}

void DatabaseGate::relay(int client) {
  const int born = generation_;
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(back());
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  while (open && !stop_ && generation_ == born) {
    pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    ::poll(ends, 2, kTickMilliseconds);
    if (stalled_) {
      ::poll(nullptr, 0, kTickMilliseconds);
      continue;
    }
    if (ends[0].revents != 0) open = pass(client, server, true, server);
    if (open && ends[1].revents != 0) open = pass(server, client, false, server);
  }
  ::close(client);
  ::close(server);
}

/// False where the connection is to be closed.
bool DatabaseGate::pass(int from, int to, bool from_client, int server) {
  char buffer[65536];
  const ssize_t got = ::recv(from, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  const std::string_view bytes(buffer, static_cast<std::size_t>(got));
  const bool met = from_client && action_ && bytes.find(trigger_) != std::string_view::npos &&
                   !triggered_.exchange(true);
  if (met && moment_ == Moment::before) {
    action_();
    return false;
  }
  if (::send(to, buffer, bytes.size(), MSG_NOSIGNAL) != got) return false;
  if (!met) return true;
  pollfd answered{server, POLLIN, 0};
  while (!stop_ && ::poll(&answered, 1, kTickMilliseconds) <= 0) {
  }
  action_();
  return false;
}

}  // namespace users::test
