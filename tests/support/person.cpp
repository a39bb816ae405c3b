#include "support/person.hpp"

#include <fstream>
#include <functional>
#include <stdexcept>

#include "support/api_description.hpp"

namespace users::test {

std::vector<std::string> reads_of_a_session() {
  std::vector<std::string> paths;
  for (const auto& [path, item] : ApiDescription::shipped().document()["paths"].items()) {
    if (item.contains("get") && item["get"].contains("security")) paths.push_back(path.substr(1));
  }
  return paths;
}

HttpReply post(const std::string& endpoint, const Arguments& arguments,
               std::vector<std::string> headers) {
  return call("POST", endpoint, "", std::move(headers), body_of(arguments));
}

HttpReply call(const std::string& method, const std::string& endpoint, const std::string& token,
               std::vector<std::string> headers, const std::string& body) {
  if (!token.empty()) headers.push_back("Authorization: Bearer " + token);
  if (!body.empty()) headers.emplace_back("Content-Type: application/json");
  return send(base_url(), {.method = method,
                           .path = "/users/" + endpoint,
                           .body = body,
                           .headers = std::move(headers)});
}

namespace {

/// Calls `take` with each message that was sent for this purpose.
void for_each_message(const std::string& purpose, const std::function<void(Members&)>& take) {
  std::ifstream spool(state_folder() + "/spool/sms.log");
  for (std::string line; std::getline(spool, line);) {
    Members message = members_of(line);
    if (message["purpose"] == purpose) take(message);
  }
}

}  // namespace

std::vector<std::string> codes_sent(const std::string& e164, const std::string& purpose) {
  std::vector<std::string> codes;
  for_each_message(purpose, [&](Members& message) {
    if (message["phone"] == e164) codes.push_back(message["code"]);
  });
  return codes;
}

std::multiset<std::string> phones_with_codes(const std::string& purpose) {
  std::multiset<std::string> phones;
  for_each_message(purpose, [&](Members& message) { phones.insert(message["phone"]); });
  return phones;
}

void let_time_pass_for(const std::string& e164) {
  query("DELETE FROM throttle WHERE bucket LIKE '%:" + e164 + "'");
}

HttpReply regist_with_key(const std::string& phone) {
  return send(base_url(),
              {.body = registration(phone),
               .headers = {"Content-Type: application/json", "Idempotency-Key: " + phone}});
}

bool is_alive(const std::string& token) {
  return call("GET", "auth", token).status == 204;
}

std::string Person::code(const std::string& purpose) {
  const std::size_t before = codes_sent(e164(), purpose).size();
  const HttpReply reply = post("code", {{"phone", phone_}, {"purpose", purpose}});
  if (reply.code() != 0) throw std::runtime_error("no code: " + reply.body);
  std::vector<std::string> codes;
  wait_until(30, [&] {
    codes = codes_sent(e164(), purpose);
    return codes.size() > before;
  });
  return codes.size() > before ? codes.back() : "";
}

void Person::regist() {
  const HttpReply reply =
      post("regist", {{"phone", phone_}, {"password", password_}, {"code", code("regist")}});
  if (reply.code() != 0) throw std::runtime_error("not registered: " + reply.body);
  let_time_pass_for(e164());
}

HttpReply Person::login(std::vector<std::string> headers) const {
  return post("login", {{"phone", phone_}, {"password", password_}}, std::move(headers));
}

std::string Person::token() const {
  const HttpReply reply = login();
  std::string token = reply.text("token");
  if (token.empty()) throw std::runtime_error("not logged in: " + reply.body);
  return token;
}

}  // namespace users::test
