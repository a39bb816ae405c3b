// The rules of accounts as their owners meet them, and the boundaries of their transactions. Knows
// no HTTP and no JSON.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "accounts/client.hpp"
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

/// What ends the session of its own request, so that the same request finds it gone when nginx
/// sends it again.
enum class Ending { logout, end_session, delete_account };

/// Every call throws db::DatabaseError if its outcome is unknown or the database is away. `ok`
/// means that everything it says is committed. All text comes unchecked; invalid_arguments names
/// what is bad. A request that nginx sends again because its worker died is answered as the first
/// one would have been, and done once; a login makes another session.
class AccountService {
 public:
  /// All must outlive this object.
  AccountService(const Config& config, const Secret& key, db::Database& database, Metrics& metrics);

  /// Makes an account; `ok` also if an earlier try of the same registration (same retry key, phone
  /// and password) made it, so that a retry settles an unknown outcome.
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
  /// Whether this very request has ended the session of `token` on an earlier try.
  bool has_ended(Ending ending, std::string_view token, const Client& client);
  std::vector<SessionRow> list_sessions(const Session& session);
  /// Returns false if the user has no such session.
  bool end_session(const Session& session, std::uint64_t id, const Client& client);
  void logout(const Session& session, bool all, const Client& client);

  /// When the account was made, ISO 8601 in UTC; nullopt if it is gone.
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
  struct Candidate;  ///< a registration whose arguments are good

  Outcome judge(const Candidate& candidate, const Client& client);
  /// Returns ok if an earlier try of this registration made `user`, too_many_requests after too
  /// many tries with another password, and nullopt if `user` is not of this registration.
  std::optional<Outcome> own_outcome(const Candidate& candidate, const std::optional<User>& user);
  static Outcome known(const Candidate& candidate);
  /// Throws db::DuplicateKey if the phone is taken.
  Outcome insert(const Candidate& candidate, const std::string& hash, const Client& client);

  LoginOutcome open_session(const User& user, std::string_view event,
                            const db::OperationId& operation, const Client& client,
                            const std::function<bool(db::Connection&)>& prepare);

  /// Counts the try, then verifies the password of the session's user. Returns ok,
  /// wrong_credentials or locked. `stored` becomes the hash it was held against.
  Outcome confirm(const Session& session, std::string_view password, std::string& stored);
  /// Counts a try of a code. See Verification::check.
  Outcome check_code(const Phone& phone, Purpose purpose, std::string_view code);
  [[nodiscard]] db::OperationId operation_of(Ending ending, const crypto::Digest& token_hash,
                                             const Client& client) const;
  /// Returns what `judge` does, or ok if the operation was done by an earlier try.
  Outcome settle(const db::OperationId& operation, const std::function<Outcome()>& judge);
  std::optional<User> find_user(std::string_view phone);
  [[nodiscard]] bool is_weak(const Secret& password, const Phone& phone) const;

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
