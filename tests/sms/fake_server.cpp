#include "sms/fake_server.hpp"

#include <array>
#include <sstream>
#include <stdexcept>
#include <tuple>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "support/daemon.hpp"
#include "support/text.hpp"

namespace users::test {
namespace {

/// Appends the bytes that have arrived; false at the end of the stream.
bool receive(int client, std::string& text) {
  std::array<char, 16384> buffer{};
  const ssize_t got = ::recv(client, buffer.data(), buffer.size(), 0);
  if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0;
}

Received parse_head(const std::string& head) {
  Received request;
  std::istringstream lines(head);
  lines >> request.method >> request.target;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.size() > 1) {
    const auto colon = line.find(':');
    const auto begin = line.find_first_not_of(' ', colon + 1);
    request.headers[lower(line.substr(0, colon))] =
        line.substr(begin, line.find_last_not_of("\r ") + 1 - begin);
  }
  return request;
}

/// Reads one request; without a method if the client disconnected or speaks TLS.
Received read_request(int client) {
  constexpr char kTlsHandshake = 0x16;
  std::string text;
  while (text.find("\r\n\r\n") == std::string::npos) {
    if (!receive(client, text) || text[0] == kTlsHandshake) return {};
  }
  const auto head_end = text.find("\r\n\r\n") + 4;
  Received request = parse_head(text.substr(0, head_end));
  const std::string length = request.header("content-length");
  while (!length.empty() && text.size() < head_end + std::stoul(length)) {
    if (!receive(client, text)) return {};
  }
  request.body = text.substr(head_end);
  return request;
}

}  // namespace

std::string Received::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

FakeServer::FakeServer(Handler handler) : handler_(std::move(handler)), listener_(-1), port_(0) {
  std::tie(listener_, port_) = bound_socket();
  if (::listen(listener_, SOMAXCONN) != 0) throw std::runtime_error("cannot listen");
  thread_ = std::thread([this] { run(); });
}

FakeServer::~FakeServer() {
  ::shutdown(listener_, SHUT_RDWR);  // ends accept()
  thread_.join();
  ::close(listener_);
}

std::string FakeServer::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::vector<Received> FakeServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void FakeServer::run() {
  for (;;) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    serve(client);
    ::close(client);
  }
}

void FakeServer::serve(int client) {
  const Received request = read_request(client);
  if (request.method.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  const Answer answer = handler_(request);
  if (answer.status == kHangUp) return;
  if (answer.status != kSilence) send(client, answer);
  std::string ignored;
  while ((answer.status == kSilence || answer.stays_open) && receive(client, ignored)) {
  }
}

void FakeServer::send(int client, const Answer& answer) {
  std::string head = answer.head;
  if (head.empty()) {
    head = "HTTP/1.1 " + std::to_string(answer.status) +
           " Whatever\r\nContent-Length: " + std::to_string(answer.body.size()) +
           "\r\nConnection: close\r\n\r\n";
  }
  bool more = send(client, head + answer.body) && !answer.repeated.empty();
  while (more) more = send(client, answer.repeated) && sent_ < kFlood;
}

bool FakeServer::send(int client, std::string_view text) {
  while (!text.empty()) {
    const ssize_t taken = ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
    if (taken <= 0) return false;
    sent_ += static_cast<std::size_t>(taken);
    text.remove_prefix(static_cast<std::size_t>(taken));
  }
  return true;
}

}  // namespace users::test
