// The rules of accounts on a database of the test's own, without workers and HTTP.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "db/database.hpp"
#include "service/account_service.hpp"
#include "sms/outbox.hpp"
#include "support/stack.hpp"

namespace users::test {

inline const Secret kKey(std::string(32, 'k'));
inline const Secret kNoPassword;
constexpr Client kClient{"192.0.2.1", "0123456789abcdef"};

/// The same with a request id of its own: a request that nginx does not send again.
inline Client fresh_client() {
  static std::deque<std::string> ids;
  return {kClient.address, ids.emplace_back("request" + std::to_string(ids.size()))};
}

/// One worker's.
struct Service {
  explicit Service(Config settings) : config(std::move(settings)) {}
  Config config;
  Metrics metrics;
  db::Database database{config, kNoPassword, metrics};
  AccountService accounts{config, kKey, database, metrics};
};

/// The code of the message that was put into the outbox last.
inline std::string last_code(ScratchDatabase& database) {
  const std::string hex =
      database.query("SELECT HEX(sealed) FROM outbox WHERE id = (SELECT MAX(id) FROM outbox)");
  std::string sealed;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    sealed.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  const auto message = open_message(kKey, sealed);
  return message ? message->code : "";
}

/// The text of a statement of the program.
inline std::string sql_of(std::string_view name) {
  for (const db::Statement* statement : db::Statement::all()) {
    if (statement != nullptr && statement->name == name) return statement->sql;
  }
  return "";
}

/// Holds every transaction that does `what`, such as INSERT ON sessions, before it does so and
/// until it is let go.
class HeldTransactions {
 public:
  HeldTransactions(ScratchDatabase& database, const std::string& what) : database_(database) {
    database.query("CREATE TRIGGER hold BEFORE " + what + " FOR EACH ROW BEGIN DO GET_LOCK(" +
                   name() + ", 30); DO RELEASE_LOCK(" + name() + "); END");
    database.query("SELECT GET_LOCK(" + name() + ", 30)");
  }
  bool wait_for_one() {
    return wait_until(30, [this] {
      return database_.query(
                 "SELECT COUNT(*) FROM information_schema.processlist WHERE db = "
                 "DATABASE() AND state = 'User lock'") == "1";
    });
  }
  void let_go() { database_.query("SELECT RELEASE_LOCK(" + name() + ")"); }

 private:
  [[nodiscard]] std::string name() const { return "'" + database_.name() + "'"; }
  ScratchDatabase& database_;
};

}  // namespace users::test
