// The private stack that tests/run has started: where it is, its database, its parts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "db/connection.hpp"
#include "support/http_client.hpp"

namespace users::test {

/// The stack's state folder, from environment STATE.
std::string state_folder();

/// Its folder of sockets and pid files, by a name short enough for a socket.
std::string run_folder();

/// Its nginx, for send(): http://127.0.0.1:PORT by environment PORT, or unix:PATH where that is
/// "unix".
std::string base_url();

/// Its origin as its clients see it, such as http://127.0.0.1
std::string origin();

/// In front of a command: its curl then reaches origin() also where that is a socket.
std::string curl_environment();

/// POSTs a registration to the stack.
HttpReply regist(std::string_view phone, std::string_view password = "correct horse 42");

/// A phone that no other call has returned, in this program or another with its own PHONE_SERIES.
std::string fresh_phone();

/// A connection as the database's administrator.
std::unique_ptr<db::Connection> administrator(const std::string& database = "mysql");

/// First column of the last row of `sql`, run by the administrator on the service's database.
std::string query(const std::string& sql);

/// Rows of users whose phone is `e164`.
int count_users(const std::string& e164);

/// Runs a script of the checkout, such as `scripts/stop database`. Throws with its output where it
/// fails.
std::string run_script(const std::string& command);

/// The absolute path of one of the programs under test, such as `users-ctl`.
std::string program(const std::string& name);

/// Exit code and standard output of a shell command.
struct Command {
  int status;
  std::string output;
};
Command run_command(const std::string& command);

/// Process ids of the workers of a pool, or of the courier.
std::vector<int> worker_pids(const std::string& part = "hash");

/// Runs `work(i)` for 0 <= i < count on `threads` threads and waits for all. Boost.Test is not for
/// threads: `work` counts what it saw, and the test judges it afterwards.
void in_parallel(int threads, int count, const std::function<void(int)>& work);

/// How many transactions of the stack's database server wait for a row that another one holds.
int row_lock_waits();

/// Runs `work(i)` for 0 <= i < count, 16 at a time, of which every worker of pool `hash` has one in
/// hand: none goes on from that row of table throttle, which must exist, before all are there.
/// Throws where they do not come within 30 seconds.
void over_all_workers(const std::string& bucket, int count, const std::function<void(int)>& work);

/// Polls until `condition` holds; false after `seconds`.
bool wait_until(double seconds, const std::function<bool()>& condition);

/// A database of its own with the migrations applied, dropped at the end, and a configuration that
/// points to it with cheap hashes.
class ScratchDatabase {
 public:
  explicit ScratchDatabase(bool migrated = true);
  ~ScratchDatabase();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Config config() const;
  /// A further connection to it.
  [[nodiscard]] std::unique_ptr<db::Connection> connect() const;
  std::string query(const std::string& sql);
  /// How many of its connections have a transaction open; the server's own threads have some, too.
  std::string open_transactions();

 private:
  std::string name_;
  std::unique_ptr<db::Connection> connection_;
};

}  // namespace users::test
