// The providers whose programs are tested alike: their settings and how their service answers.
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
  /// Settings but the address and the secret.
  std::vector<std::string> settings;
  std::string address_key;
  std::string secret_key;
  /// As the service: it takes a well-signed request with kSecret, and refuses any other.
  std::function<Answer(const Received&)> service;
  /// How it refuses one, how it refuses a bad number, how it throttles; and what stands for it in
  /// the log.
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
