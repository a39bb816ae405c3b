// The service's accounts, for the commands of users-ctl.
#pragma once

#include <cstdint>
#include <string>

#include "accounts/phone.hpp"
#include "base/config.hpp"
#include "base/secret.hpp"
#include "ctl/command.hpp"
#include "db/database.hpp"
#include "service/administration.hpp"

namespace users::ctl {

/// The secrets, and a connection with the service's database account.
class Service {
 public:
  /// Tries each host once. `config` must outlive this object. Throws ConfigError, db::Unavailable,
  /// db::SchemaMismatch.
  explicit Service(const Config& config);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  Administration& accounts() { return accounts_; }
  [[nodiscard]] const Secret& key() const { return key_; }

  /// Runs `work(Connection&)`, which must only read.
  template <class Work>
  auto read(Work&& work) {
    return database_.replay(work);
  }

 private:
  Secret password_;
  Secret key_;
  Metrics metrics_;
  db::Database database_;
  Administration accounts_;
};

/// Parses the nth argument as a phone. Throws UsageError.
Phone phone_argument(const Config& config, const Call& call, std::size_t index);

/// Throws Refused if no account has the phone.
User find_account(Service& service, const Phone& phone);

/// Parses a whole number from `least` to `most`. Throws UsageError, which calls it `what`.
std::uint64_t parse_number(std::string_view what, std::string_view text, std::uint64_t least,
                           std::uint64_t most);

/// The value of --limit: the number of rows, 100 by default.
std::uint64_t limit_option(const Call& call);

/// Prints to standard error, for people; silent in a pipe.
void hint(Form form, std::string_view text);

}  // namespace users::ctl
