// The part of setup that concerns the database: itself, the accounts, the tables, the fingerprint
// of the key.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ctl/command.hpp"
#include "db/provision.hpp"

namespace users::ctl {

struct Step {
  std::string what;
  bool is_done;
  std::function<void()> act;
};

class DatabaseSetup {
 public:
  /// Connects as the server's administrator if `config` names its socket. Both arguments must
  /// outlive this object. Throws UsageError or Refused for options and settings that cannot be.
  DatabaseSetup(const Call& call, const Config& config);

  /// What is there and what is to be made. `has_key`: the service has its key. Throws Refused if
  /// what is there belongs to another installation, unless the call says --take-over.
  std::vector<Step> steps(bool has_key);

 private:
  /// One of the two database accounts: its name, and where its password is.
  struct Login {
    std::string user;
    const char* key;  ///< of the configuration, for `file`
    std::string file;
    db::Rights rights;
  };

  [[nodiscard]] std::unique_ptr<db::Connection> connect_as_administrator() const;
  [[nodiscard]] std::unique_ptr<db::Connection> log_in(const Login& login,
                                                       const std::string& database) const;
  [[nodiscard]] bool is_ready(const Login& login) const;
  [[nodiscard]] bool has_tables() const;
  [[nodiscard]] std::string how_to_part() const;
  Step account(const Login& login);
  Step network_account();
  Step accounts_elsewhere();
  void require_own_tables();
  bool has_another_key(bool has_key);

  const Call& call_;
  const Config& config_;
  const Login service_{config_.database_user, "database.password_file",
                       config_.database_password_file, db::Rights::rows};
  const Login migrator_{config_.database_migration_user, "database.migration_password_file",
                        config_.database_migration_password_file, db::Rights::everything};
  std::optional<std::string> network_;  ///< of a cluster's other hosts
  /// Null if the server is reachable only over the network.
  std::unique_ptr<db::Connection> administrator_;
};

}  // namespace users::ctl
