#include "support/http_client.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/api_description.hpp"
#include "support/fcgi_client.hpp"
#include "support/text.hpp"

namespace users::test {
namespace {

constexpr long kTimeoutSeconds = 60;
constexpr std::string_view kUnix = "unix:";
/// A client of a socket has no address, so the tests' nginx takes it from this header.
constexpr const char* kAddressHeader = "X-Test-Address: ";

constexpr std::string_view kTls = "tls:";

bool is_socket(const std::string& base) {
  return base.starts_with(kUnix) || base.starts_with(kTls);
}

std::string socket_of(const std::string& base) {
  return base.substr(base.find(':') + 1);
}

std::string url_of(const std::string& base) {
  if (base.starts_with(kTls)) return "https://127.0.0.1";
  return is_socket(base) ? "http://127.0.0.1" : base;
}

size_t take_body(char* data, size_t, size_t size, void* reply) {
  static_cast<HttpReply*>(reply)->body.append(data, size);
  return size;
}

/// Keeps programs that a test starts from inheriting the socket.
curl_socket_t open_socket(void* /*unused*/, curlsocktype /*purpose*/, curl_sockaddr* address) {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

size_t take_header(char* data, size_t, size_t size, void* reply) {
  const std::string_view line(data, size);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  const auto start = line.find_first_not_of(' ', colon + 1);
  const auto end = line.find_last_not_of("\r\n");
  const std::string value(start > end ? "" : line.substr(start, end - start + 1));
  auto& headers = static_cast<HttpReply*>(reply)->headers;
  const auto [entry, fresh] = headers.try_emplace(lower(std::string(line.substr(0, colon))), value);
  // A duplicate header must not look like a single one.
  if (!fresh) entry->second += " | " + value;
  return size;
}

/// Checks the first raw reply against the description. Skips nginx's own page, which it sends if it
/// cannot read the request line and so does not know the path.
void hold_raw_to_description(std::string_view request, std::string_view bytes) {
  constexpr std::string_view kProtocol = "HTTP/1.1 ";
  if (bytes.starts_with("HTTP/1.1 100 ")) bytes.remove_prefix(bytes.find("\r\n\r\n") + 4);
  const auto end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with(kProtocol) || end == std::string_view::npos) return;
  HttpReply reply;
  reply.status = std::strtol(std::string(bytes.substr(kProtocol.size(), 3)).c_str(), nullptr, 10);
  std::istringstream head(std::string(bytes.substr(0, end)));
  for (std::string line; std::getline(head, line);)
    take_header(line.data(), 1, line.size(), &reply);
  if (reply.header("content-type") == "text/html") return;
  const std::string length = reply.header("content-length");
  reply.body = bytes.substr(end + 4, std::strtoul(length.c_str(), nullptr, 10));
  const auto blank = std::min(request.find(' '), request.size());
  const std::string_view rest = request.substr(std::min(blank + 1, request.size()));
  hold_to_description({.method = std::string(request.substr(0, blank)),
                       .path = std::string(rest.substr(0, rest.find(' '))),
                       .headers = {}},
                      reply);
}

}  // namespace

int HttpReply::code() const {
  const Members data = members_of(body, "/data");
  const auto found = data.find("code");
  return found == data.end() ? -1 : std::atoi(found->second.c_str());
}

std::string HttpReply::text(const std::string& name) const {
  return members_of(body, "/data")[name];
}

int HttpReply::number(const std::string& name) const {
  return std::atoi(text(name).c_str());
}

bool HttpReply::has(const std::string& name) const {
  return members_of(body, "/data").contains(name);
}

std::vector<Members> HttpReply::list(const std::string& name) const {
  return list_of(body, "/data/" + name);
}

std::string HttpReply::fields() const {
  std::string list = text("fields");
  std::erase_if(list, [](char c) { return c == '[' || c == ']' || c == '"'; });
  return list;
}

std::string HttpReply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpReply send(const std::string& base, const HttpRequest& request) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  curl_slist* list = nullptr;
  for (const auto& header : request.headers) list = curl_slist_append(list, header.c_str());
  list = curl_slist_append(list, "Expect:");
  if (is_socket(base)) {
    const std::string& from = request.source_address;
    list = curl_slist_append(list, (kAddressHeader + (from.empty() ? "127.0.0.1" : from)).c_str());
  }
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list,
                                                                            &curl_slist_free_all);
  HttpReply reply;
  curl_easy_setopt(curl.get(), CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(curl.get(), CURLOPT_URL, (url_of(base) + request.path).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, kTimeoutSeconds);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  if (request.method == "POST") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, request.body.data());
  } else if (request.method == "HEAD") {
    curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  } else {
    if (!request.body.empty())
      curl_easy_setopt(curl.get(), CURLOPT_COPYPOSTFIELDS, request.body.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYPEER, 0L);
  if (is_socket(base)) {
    curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket_of(base).c_str());
  } else if (!request.source_address.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_INTERFACE, ("host!" + request.source_address).c_str());
  }
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &reply);
  const CURLcode outcome = curl_easy_perform(curl.get());
  if (outcome == CURLE_OK) curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  curl_off_t microseconds = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_TOTAL_TIME_T, &microseconds);
  reply.milliseconds = static_cast<double>(microseconds) / 1000;
  hold_to_description(request, reply);
  return reply;
}

std::string registration(std::string_view phone, std::string_view password, std::string_view code) {
  std::string body = R"({"phone":")";
  body.append(phone).append(R"(","password":")").append(password);
  return body.append(R"(","code":")").append(code).append(R"("})");
}

int connect_to(const std::string& base) {
  const timeval timeout{10, 0};
  const int fd = ::socket(is_socket(base) ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  int outcome = -1;
  if (is_socket(base)) {
    const sockaddr_un address = fcgi::address_of(socket_of(base));
    outcome = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoul(base.substr(base.rfind(':') + 1))));
    outcome = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (outcome == 0) return fd;
  ::close(fd);
  throw std::runtime_error("nothing listens on " + base);
}

std::string send_raw(const std::string& base, std::string_view bytes) {
  const int fd = connect_to(base);
  const timeval timeout{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  [[maybe_unused]] const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  std::string reply;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    reply.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  hold_raw_to_description(bytes, reply);
  return reply;
}

std::string curl_arguments(const std::string& base, const std::string& path) {
  std::string url = "'" + url_of(base) + path + "'";
  if (!is_socket(base)) return url;
  return "--unix-socket '" + socket_of(base) + "' -H '" + kAddressHeader + "127.0.0.1' " + url;
}

}  // namespace users::test
