// The rules of accounts and the boundaries of their transactions. Knows no HTTP and no JSON.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "accounts/outcome.hpp"
#include "accounts/password.hpp"
#include "accounts/session.hpp"
#include "base/config.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "factors/verification.hpp"
#include "metrics/metrics.hpp"

namespace users {

/// A registration as it was sent; text, UTF-8, unchecked.
struct Registration {
  std::string_view phone;
  std::string_view password;
  std::string_view code;
  std::string_view retry_key{};  ///< the client's, the same on every retry; empty: the request id
};

struct LoginOutcome : Outcome {
  std::optional<NewSession> session{};  ///< with ok
};

/// Every call throws db::DatabaseError where its outcome is unknown or the database is away. `ok`
/// means that everything it says is committed. All text comes unchecked; invalid_arguments names
/// what is bad.
class AccountService {
 public:
  /// All must outlive this object.
  AccountService(const Config& config, const Secret& key, db::Database& database, Metrics& metrics);

  /// Makes an account; `ok` also where an earlier try of the same registration (same retry key,
  /// phone and password) made it, so that a retry settles an unknown outcome.
  Outcome regist(const Registration& registration, const Client& client);

  /// Has a code sent. See Verification::request.
  Outcome request_code(std::string_view phone, std::string_view purpose, std::string_view retry_key,
                       const Client& client);

  /// wrong_credentials for an unknown phone as for a wrong password, after the same work; locked
  /// after 10 failures.
  LoginOutcome login(std::string_view phone, std::string_view password, const Client& client);
  LoginOutcome login_by_code(std::string_view phone, std::string_view code, const Client& client);

  /// The session of a token, if it is alive.
  std::optional<Session> find_session(std::string_view token);
  std::vector<SessionRow> list_sessions(const Session& session);
  /// False where the user has no such session.
  bool end_session(const Session& session, std::uint64_t id, const Client& client);
  void logout(const Session& session, bool all, const Client& client);

  /// When the account was made, ISO 8601 in UTC; nothing where it is gone.
  std::optional<std::string> created(const Session& session);

  /// The other sessions end.
  Outcome change_password(const Session& session, std::string_view old_password,
                          std::string_view password, const Client& client);
  /// All sessions end.
  Outcome reset_password(std::string_view phone, std::string_view code, std::string_view password,
                         const Client& client);
  /// `code` is of the new phone, for purpose `phone`. The other sessions end.
  Outcome change_phone(const Session& session, std::string_view phone, std::string_view code,
                       std::string_view password, const Client& client);
  Outcome delete_account(const Session& session, std::string_view password, const Client& client);

 private:
  /// Counts the try, then verifies the password of the session's user; ok, wrong_credentials,
  /// locked. `stored` becomes the hash it was held against.
  Outcome confirm(const Session& session, std::string_view password, std::string& stored);
  /// Whether an earlier try of a login has opened its session and only the answer was lost.
  [[nodiscard]] bool is_open(db::Connection& connection, const LoginOutcome& outcome) const;
  static void audit(db::Connection& connection, std::uint64_t user_id, std::string_view event,
                    const Client& client);

  const Config& config_;
  const Secret& key_;
  db::Database& database_;
  Metrics& metrics_;
  Verification verification_;
  Sessions sessions_;
  PasswordCheck passwords_;
  Counter registrations_;
  Counter logins_by_password_;
  Counter logins_by_code_;
};

}  // namespace users
