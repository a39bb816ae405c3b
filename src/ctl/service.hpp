// The service's accounts, for the commands of users-ctl.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounts/phone.hpp"
#include "ctl/command.hpp"
#include "db/database.hpp"
#include "service/administration.hpp"

namespace users::ctl {

/// Parses an argument as a phone. Throws UsageError.
Phone parse_phone(const Config& config, const std::string& text);

/// What most commands work with: the configuration, the phones that were typed, the secrets, and a
/// connection with the service's database account.
class Service {
 public:
  /// The first `phones` arguments are phones. Tries each database host once. Throws ConfigError,
  /// UsageError, db::Unavailable, db::SchemaMismatch.
  explicit Service(const Call& call, std::size_t phones = 0);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const Secret& key() const { return key_; }
  [[nodiscard]] const Phone& phone(std::size_t index = 0) const { return phones_.at(index); }
  Administration& accounts() { return accounts_; }

  /// The account of the first phone. Throws Refused if there is none; `advice` ends the message.
  User account(const std::string& advice = "");

  /// Runs `work(Connection&)`, which must only read.
  template <class Work>
  auto read(Work&& work) {
    return database_.replay(work);
  }

 private:
  Config config_;
  std::vector<Phone> phones_;
  Secret password_;
  Secret key_;
  Metrics metrics_;
  db::Database database_;
  Administration accounts_;
};

}  // namespace users::ctl
