// The service's accounts as a command of users-ctl reaches them.
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

/// The secrets, and a connection as the service's account.
class Service {
 public:
  /// Tries each host once; `config` must outlive this object. Throws ConfigError, db::Unavailable,
  /// db::SchemaMismatch.
  explicit Service(const Config& config);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  Administration& accounts() { return accounts_; }
  [[nodiscard]] const Secret& key() const { return key_; }

  /// Runs `work(Connection&)`, which only reads.
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

/// Reads the nth argument as a phone. Throws UsageError.
Phone phone_argument(const Config& config, const Call& call, std::size_t index);

/// Throws Refused if nobody has the phone.
User find_account(Service& service, const Phone& phone);

/// A whole number from `least` to `most`. Throws UsageError, which names it as `what`.
std::uint64_t parse_number(std::string_view what, std::string_view text, std::uint64_t least,
                           std::uint64_t most);

/// --limit: how many rows, 100 where it is not given.
std::uint64_t limit_option(const Call& call);

/// To standard error, where people see it and no pipe does.
void hint(Form form, std::string_view text);

}  // namespace users::ctl
