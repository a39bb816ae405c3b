// The private stack that tests/run has started.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "db/connection.hpp"
#include "support/http_client.hpp"

namespace users::test {

/// The stack's state folder, from the environment variable STATE.
std::string state_folder();

/// The stack's folder of sockets and pid files, with a path short enough for a socket.
std::string run_folder();

/// Settings of a program that uses the stack's database, and `more`: NAME=VALUE.
std::vector<std::string> with_stack_database(std::vector<std::string> more);

/// The stack's nginx, for send(): http://127.0.0.1:PORT, or unix:PATH if the variable PORT is
/// "unix".
std::string base_url();

/// The stack's origin as clients see it, such as http://127.0.0.1
std::string origin();

/// Prefix for a shell command: lets its curl reach origin() even if that is a socket.
std::string curl_environment();

/// POSTs a registration to the stack.
HttpReply regist(std::string_view phone, std::string_view password = "correct horse 42");

/// Returns a phone that is new in this program and in others with another PHONE_SERIES.
std::string fresh_phone();

/// Connects as the database's administrator.
std::unique_ptr<db::Connection> administrator(const std::string& database = "mysql");

/// Runs `sql` on the service's database as administrator; returns the first column of the last row.
std::string query(const std::string& sql);

/// Number of rows in users with this phone.
int count_users(const std::string& e164);

/// Runs a script of the checkout, such as `scripts/stop database`. Throws its output if it fails.
std::string run_script(const std::string& command);

/// The absolute path of a built program, such as `users-ctl`.
std::string program(const std::string& name);

/// The shell's words for users-ctl with the stack's configuration.
std::string users_ctl(const std::string& arguments);

/// Exit code and standard output.
struct Command {
  int status;
  std::string output;
};
Command run_command(const std::string& command);

inline bool says(const Command& command, std::string_view text) {
  return command.output.find(text) != std::string::npos;
}

/// Process ids of the workers of a pool, or of the courier.
std::vector<int> worker_pids(const std::string& part = "hash");

/// Runs `work(i)` for 0 <= i < count on `threads` threads and waits for them. Boost.Test is not
/// thread-safe: `work` must only count, and the test checks the counts afterwards.
void in_parallel(int threads, int count, const std::function<void(int)>& work);

/// Number of transactions on the stack's database server that wait for a row lock.
int row_lock_waits();

/// Runs `work(i)` for 0 <= i < count on 16 threads. Locks `bucket`, an existing row of throttle,
/// until every worker of the pool `hash` waits for it. Throws if that takes more than 30 seconds.
void over_all_workers(const std::string& bucket, int count, const std::function<void(int)>& work);

/// Polls until `condition` holds; false after `seconds`.
bool wait_until(double seconds, const std::function<bool()>& condition);

/// A database with the tables of sql/schema.sql, dropped at the end, and a configuration that uses
/// it with cheap hashes.
class ScratchDatabase {
 public:
  explicit ScratchDatabase(bool with_tables = true);
  ~ScratchDatabase();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Config config() const;
  /// Opens another connection to it.
  [[nodiscard]] std::unique_ptr<db::Connection> connect() const;
  std::string query(const std::string& sql);
  /// Number of open transactions on this database; the server's own threads have some, too.
  std::string open_transactions();

 private:
  std::string name_;
  std::unique_ptr<db::Connection> connection_;
};

}  // namespace users::test
