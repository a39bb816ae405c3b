// Requests and queries that several suites need.
#pragma once

#include <atomic>
#include <latch>
#include <string>

#include "support/person.hpp"

namespace users::test {

/// Returns a different code.
inline std::string other_than(const std::string& code) {
  return code == "000000" ? "000001" : "000000";
}

/// Registers one phone from many clients at once: one must succeed, the others get 1002.
inline bool make_one_user(int clients) {
  const std::string phone = fresh_phone();
  std::atomic<int> made{0};
  std::atomic<int> known{0};
  std::latch start(clients);
  in_parallel(clients, clients, [&](int) {
    start.arrive_and_wait();
    const int code = regist(phone).code();
    made += code == 0 ? 1 : 0;
    known += code == 1002 ? 1 : 0;
  });
  return made == 1 && known == clients - 1 && count_users("+86" + phone) == 1;
}

inline HttpReply regist_by(const Person& person, const std::string& code) {
  return post("regist",
              {{"phone", person.phone()}, {"password", person.password()}, {"code", code}});
}

inline HttpReply login_by(const Person& person, const std::string& code) {
  return post("login", {{"phone", person.phone()}, {"code", code}});
}

inline HttpReply reset_by(const Person& person, const std::string& code,
                          const std::string& password = "another horse 7") {
  return post("reset", {{"phone", person.phone()}, {"code", code}, {"password", password}});
}

inline HttpReply change_password(const std::string& token, const std::string& from,
                                 const std::string& to = "another horse 7") {
  return call("POST", "password", token, {}, body_of({{"old_password", from}, {"password", to}}));
}

inline HttpReply change_phone(const std::string& token, const Person& to, const std::string& code,
                              const std::string& password) {
  return call("POST", "phone", token, {},
              body_of({{"phone", to.phone()}, {"code", code}, {"password", password}}));
}

inline HttpReply delete_account(const std::string& token, const std::string& password) {
  return call("DELETE", "me", token, {}, body_of({{"password", password}}));
}

}  // namespace users::test
