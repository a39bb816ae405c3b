// The account service on a scratch database, without workers or HTTP.
#pragma once

#include <deque>
#include <stdexcept>
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
constexpr std::string_view kPassword = "correct horse 42";

/// kClient with a new request id, so that it is not taken for a request that nginx sent again.
inline Client fresh_client() {
  static std::deque<std::string> ids;
  return {kClient.address, ids.emplace_back("request" + std::to_string(ids.size()))};
}

/// The service of one worker.
struct Service {
  explicit Service(Config settings) : config(std::move(settings)) {}
  Config config;
  Metrics metrics;
  db::Database database{config, kNoPassword, metrics};
  AccountService accounts{config, kKey, database, metrics};
};

/// The code of the newest message in the outbox.
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

/// An account with this password, and two workers that know it.
struct RegisteredPhone {
  ScratchDatabase database;
  Service owner{database.config()};
  Service other{database.config()};
  std::string phone = fresh_phone();

  RegisteredPhone() {
    const auto made = owner.accounts.regist({phone, kPassword, "123456"}, fresh_client());
    if (made.code != ResultCode::ok) throw std::runtime_error("not registered");
  }
  /// The code sent to a phone.
  std::string sms_code(const std::string& to, const std::string& purpose) {
    database.query("DELETE FROM throttle");
    owner.accounts.request_code(to, purpose, "", fresh_client());
    return last_code(database);
  }
};

/// The SQL of a named statement.
inline std::string sql_of(std::string_view name) {
  for (const db::Statement* statement : db::Statement::all()) {
    if (statement != nullptr && statement->name == name) return statement->sql;
  }
  return "";
}

/// Blocks every transaction before `what`, such as INSERT ON sessions, until let_go().
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
