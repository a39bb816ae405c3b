// A user with a phone: requests codes, reads them from the messages sent, registers, logs in.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "support/stack.hpp"

namespace users::test {

/// POSTs JSON to an endpoint under /users/.
HttpReply post(const std::string& endpoint, const Arguments& arguments,
               std::vector<std::string> headers = {});

/// Sends any method, with a bearer token unless `token` is empty.
HttpReply call(const std::string& method, const std::string& endpoint,
               const std::string& token = "", std::vector<std::string> headers = {},
               const std::string& body = "");

/// The GET endpoints of the API description that need a session.
std::vector<std::string> reads_of_a_session();

/// Returns the codes sent to a phone (E.164) for a purpose, oldest first.
std::vector<std::string> codes_sent(const std::string& e164, const std::string& purpose);
/// Returns the phone (E.164) of each code sent for a purpose.
std::multiset<std::string> phones_with_codes(const std::string& purpose);

/// Deletes the cooldown and counters of a phone, as if enough time had passed.
void let_time_pass_for(const std::string& e164);

/// Registers with the phone as its key, so that the call can be repeated.
HttpReply regist_with_key(const std::string& phone);

/// Whether the token has a session.
bool is_alive(const std::string& token);

class Person {
 public:
  Person() : phone_(fresh_phone()) {}
  explicit Person(std::string phone) : phone_(std::move(phone)) {}

  [[nodiscard]] const std::string& phone() const { return phone_; }
  [[nodiscard]] std::string e164() const { return "+86" + phone_; }
  [[nodiscard]] const std::string& password() const { return password_; }
  void remember_password(const std::string& password) { password_ = password; }

  /// Requests a code and waits for its message. Returns an empty string if none comes.
  std::string code(const std::string& purpose);

  /// Verifies the phone and registers. Throws on failure.
  void regist();

  HttpReply login(std::vector<std::string> headers = {}) const;
  /// Logs in and returns the token. Throws on failure.
  [[nodiscard]] std::string token() const;

 private:
  std::string phone_;
  std::string password_ = "correct horse 42";
};

/// The number of a person's account.
inline std::string id_of(const Person& person) {
  return query("SELECT id FROM users WHERE phone = '" + person.e164() + "'");
}

/// Returns a registered user.
inline Person registered() {
  Person person;
  person.regist();
  return person;
}

}  // namespace users::test
