// A user with an authenticator app, which is oathtool.
#pragma once

#include <ctime>
#include <string>
#include <vector>

#include "support/person.hpp"

namespace users::test {

/// The code of a base32 secret, `steps` of 30 seconds from now.
inline std::string code_of_app(const std::string& secret, int steps = 0) {
  const auto when = std::to_string(std::time(nullptr) + 30 * steps);
  const Command run = run_command("oathtool --totp --base32 --now=@" + when + " " + secret);
  return run.output.substr(0, 6);
}

/// The texts of an array in `data`.
inline std::vector<std::string> texts_of(const HttpReply& reply, const std::string& name) {
  std::vector<std::string> texts;
  const std::string json = reply.text(name);
  for (std::size_t at = json.find('"'); at != std::string::npos; at = json.find('"', at)) {
    const std::size_t end = json.find('"', at + 1);
    texts.push_back(json.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return texts;
}

/// A registered person with a TOTP, and the session that enrolled it.
struct Enrolled {
  Person person;
  std::string token;
  std::string secret;      ///< base32
  std::string first_code;  ///< which has enrolled the secret
  std::vector<std::string> recovery_codes;

  Enrolled() {
    person.regist();
    token = person.token();
    enrol();
  }

  /// Enrols a new secret with `token`, whose session is fresh.
  HttpReply enrol() {
    secret = call("POST", "factors/totp", token).text("secret");
    first_code = code();
    HttpReply reply =
        call("POST", "factors/totp/confirm", token, {}, body_of({{"totp", first_code}}));
    recovery_codes = texts_of(reply, "recovery_codes");
    return reply;
  }

  [[nodiscard]] std::string code(int steps = 0) const { return code_of_app(secret, steps); }

  [[nodiscard]] std::string id() const { return id_of(person); }

  /// As if the app's last code had been used long ago.
  void forget_used_codes() const {
    query("UPDATE factors SET lastStep = 0 WHERE user_id = " + id());
  }
  [[nodiscard]] std::string attempts() const {
    return query("SELECT IFNULL(MAX(used), 0) FROM throttle WHERE bucket = 'factor:" + id() + "'");
  }
  /// As if the last login or confirmation had been 11 minutes ago.
  void let_session_age() const {
    query("UPDATE sessions SET authTime = authTime - INTERVAL 11 MINUTE WHERE user_id = " + id());
  }

  [[nodiscard]] HttpReply login(Arguments more = {}) const {
    Arguments arguments{{"phone", person.phone()}, {"password", person.password()}};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return post("login", arguments);
  }

  /// With `token`, the password, and `more`.
  [[nodiscard]] HttpReply confirm(Arguments more = {}) const {
    more.push_back({"password", person.password()});
    return call("POST", "confirm", token, {}, body_of(more));
  }
};

}  // namespace users::test
