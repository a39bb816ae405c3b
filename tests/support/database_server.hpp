// A separate mariadbd for tests that need TCP, TLS or a database they may replace.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "db/connection.hpp"
#include "support/daemon.hpp"
#include "support/temporary_directory.hpp"

namespace users::test {

/// Listens on a unix socket and on 127.0.0.1. Has a database `users` with the schema, and the
/// accounts users_service and users_migrations, both with kDatabasePassword.
class DatabaseServer {
 public:
  DatabaseServer();

  /// Restarts the server on the same data and port. With TLS it uses server.pem and server.key in
  /// folder().
  void restart(bool tls);

  /// Connects as administrator over the socket.
  [[nodiscard]] std::unique_ptr<db::Connection> administrator(
      const std::string& database = "mysql") const;
  /// Runs `sql` on `users` as administrator; query() returns the first column of its last row.
  void run(const std::string& sql) const;
  [[nodiscard]] std::string query(const std::string& sql) const;

  [[nodiscard]] std::string folder() const { return directory_.path().string(); }
  [[nodiscard]] std::string socket() const { return folder() + "/db.sock"; }
  [[nodiscard]] unsigned port() const { return port_; }

 private:
  TemporaryDirectory directory_;
  unsigned port_ = free_port();
  std::optional<Daemon> daemon_;
};

}  // namespace users::test
