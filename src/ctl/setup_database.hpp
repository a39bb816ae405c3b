// What setup creates on the database server: the database, the accounts, the tables, the key's
// fingerprint.
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
  /// outlive this object. Throws UsageError or Refused if the options or settings cannot work.
  DatabaseSetup(const Call& call, const Config& config);

  /// Returns all steps, each marked as done or not. `has_key`: the key file exists. Throws Refused
  /// if something belongs to another installation, unless the call has --take-over.
  std::vector<Step> steps(bool has_key);

 private:
  /// One of the two database accounts.
  struct Login {
    std::string user;
    const char* key;   ///< the configuration key that names `file`
    std::string file;  ///< with the password
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
  std::optional<std::string> network_;  ///< addresses of the cluster's other hosts
  /// Null if the server is reachable only over the network.
  std::unique_ptr<db::Connection> administrator_;
};

}  // namespace users::ctl
