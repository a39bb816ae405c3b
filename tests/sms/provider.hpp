// Providers whose programs share tests: their settings and how their service answers.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "sms/fake_server.hpp"

namespace users::test {

constexpr const char* kSecret = "planted-secret-of-the-provider";

struct Provider {
  std::string name;
  /// Settings except the address and the secret.
  std::vector<std::string> settings;
  std::string address_key;
  std::string secret_key;
  /// The service: accepts a request that is correctly signed with kSecret, refuses any other.
  std::function<Answer(const Received&)> service;
  /// Its replies to a wrong secret, a bad number and too many requests, and how they are logged.
  std::string wrong_secret_code;
  Answer bad_number;
  std::string bad_number_code;
  Answer throttled;

  [[nodiscard]] std::string config(const std::string& url, const std::string& secret_file,
                                   int timeout = 5) const;

  friend std::ostream& operator<<(std::ostream& out, const Provider& provider) {
    return out << provider.name;
  }
};

const std::vector<Provider>& providers();
const Provider& provider(const std::string& name);

}  // namespace users::test
