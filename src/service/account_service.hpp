// The rules for account owners, and the boundaries of their transactions. Knows no HTTP and no
// JSON.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "accounts/access_rule.hpp"
#include "accounts/client.hpp"
#include "accounts/identity_token.hpp"
#include "accounts/outcome.hpp"
#include "accounts/password.hpp"
#include "accounts/session.hpp"
#include "base/config.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "factors/second_factor.hpp"
#include "factors/verification.hpp"
#include "metrics/metrics.hpp"
#include "service/changes.hpp"

namespace users {

/// A registration as sent: unchecked UTF-8 text.
struct Registration {
  std::string_view phone;
  std::string_view password;
  std::string_view code;
  std::string_view retry_key{};  ///< the client's, same on every retry; empty: the request id
};

struct LoginOutcome : Outcome {
  std::optional<NewSession> session{};  ///< with ok
};

/// A new TOTP secret for an authenticator app; with ok.
struct TotpOffer : Outcome {
  Secret secret{};                ///< base32
  Secret uri{};                   ///< otpauth
  std::vector<std::string> qr{};  ///< of the URI; see totp::qr_of
};

struct NewRecoveryCodes : Outcome {
  std::vector<Secret> codes{};  ///< with ok
};

/// What a browser needs for an assertion; with ok.
struct PasskeyChallenge : Outcome {
  std::string challenge{};  ///< base64url
  bool needs_verification = true;
  std::vector<KnownPasskey> allowed{};  ///< empty: any that the device has for the site
};

/// What a browser needs for a registration; with ok.
struct PasskeyOffer : Outcome {
  std::string challenge{};    ///< base64url
  std::string user_handle{};  ///< base64url
  std::vector<KnownPasskey> existing{};
};

struct AddedPasskey : Outcome {
  std::uint64_t id = 0;  ///< with ok
};

struct FactorList {
  std::vector<Factor> factors;
  std::uint64_t recovery_codes;  ///< not used yet
};

/// Changes that end their own session, so that nginx's retry of the same request finds it gone.
constexpr std::string_view kLogout = "logout";
constexpr std::string_view kEndSession = "end session";
constexpr std::string_view kDeleteAccount = "delete account";

/// Calls throw db::DatabaseError if the outcome is unknown or the database is unavailable. `ok`
/// means that everything is committed. Texts are unchecked; invalid_arguments names the bad ones.
/// If nginx resends a request because its worker died, it gets the answer of the first one and
/// nothing is done twice; only a login creates another session.
class AccountService {
 public:
  /// All arguments must outlive this object.
  AccountService(const Config& config, const Secret& key, db::Database& database, Metrics& metrics);

  /// Creates an account. Also returns `ok` if an earlier attempt (same retry key, phone and
  /// password) created it, so that a retry settles an unknown outcome.
  Outcome regist(const Registration& registration, const Client& client);

  /// Sends a code. See Verification::request.
  Outcome request_code(std::string_view phone, std::string_view purpose, std::string_view retry_key,
                       const Client& client);

  /// Returns wrong_credentials for an unknown phone and for a wrong password, after the same work;
  /// locked after too many failures (throttle::kLogins). If the account needs a second factor, see
  /// SecondFactor::judge; without a right one neither the code is consumed nor the count cleared.
  LoginOutcome login(std::string_view phone, std::string_view password, const Client& client,
                     const SentFactor& second = {});
  LoginOutcome login_by_code(std::string_view phone, std::string_view code, const Client& client,
                             const SentFactor& second = {});

  /// Returns wrong_credentials if the assertion or its challenge is refused. The passkey names the
  /// account, and needs no second factor.
  LoginOutcome login_by_passkey(const SentPasskey& sent, const Client& client);

  /// Returns the session of a token if it is alive.
  std::optional<Session> find_session(std::string_view token);
  /// Returns true if an earlier attempt of this request ended the session of `token`.
  bool has_ended(std::string_view change, std::string_view token, const Client& client);
  /// Whether the rule of a location admits a session: ok, confirmation_required or not_allowed.
  Outcome judge(const Session& session, const AccessRule& rule);
  /// The token by which the backend of `host` knows a session's owner.
  std::string sign_identity(const Session& session, const std::string& host);
  /// The published keys, newest first; makes the first one.
  std::vector<IdentityKey> identity_keys();
  /// Whether an account has a passkey for this site, which raises the level of a session.
  bool has_passkey(std::uint64_t user_id);

  std::vector<SessionRow> list_sessions(const Session& session);
  /// Returns nullopt if the user has no such session.
  std::optional<EndedSession> end_session(const Session& session, std::uint64_t id,
                                          const Client& client);
  void logout(const Session& session, bool all, const Client& client);

  /// Returns nullopt if the account is deleted.
  std::optional<SessionOwner> owner(const Session& session);

  /// Makes the session fresh: as if it had just been opened with this password and second factor.
  Outcome confirm(const Session& session, std::string_view password, const Client& client,
                  const SentFactor& second = {});

  /// Ends the other sessions.
  Outcome change_password(const Session& session, std::string_view old_password,
                          std::string_view password, const Client& client);
  /// Ends all sessions. Needs a second factor as login_by_code does.
  Outcome reset_password(std::string_view phone, std::string_view code, std::string_view password,
                         const Client& client, const SentFactor& second = {});
  /// `code` was sent to the new phone, for purpose `phone`. Ends the other sessions.
  Outcome change_phone(const Session& session, std::string_view phone, std::string_view code,
                       std::string_view password, const Client& client);
  Outcome delete_account(const Session& session, std::string_view password, const Client& client);

  // Changes to the factors return confirmation_required unless the session is fresh: its owner has
  // authenticated within session.fresh_minutes.
  FactorList list_factors(const Session& session);
  /// `host`: the site's, as the client names it; the issuer unless totp.issuer names another.
  TotpOffer begin_totp(const Session& session, std::string_view host);
  /// Makes the offered secret the account's TOTP if `code` fits it, in place of an older one.
  /// Returns its recovery codes, the same ones if the code is sent again. Ends the other sessions.
  NewRecoveryCodes confirm_totp(const Session& session, std::string_view code,
                                const Client& client);
  /// Returns no_such_resource if the account has no second factor.
  NewRecoveryCodes renew_recovery_codes(const Session& session, const Client& client);
  /// Ends the other sessions; with a TOTP also deletes the recovery codes. Returns no_such_resource
  /// if the account has no such factor.
  Outcome remove_factor(const Session& session, std::uint64_t id, const Client& client);

  // Passkeys: no_such_resource unless the site has them.
  /// A challenge for a login, or for a second factor.
  PasskeyChallenge challenge(Ceremony ceremony);
  /// A challenge that only `session` can use, to confirm.
  PasskeyChallenge challenge_to_confirm(const Session& session);
  Outcome confirm_by_passkey(const Session& session, const SentPasskey& sent, const Client& client);
  /// Returns invalid_arguments naming `passkeys` if the account has kMostPasskeys.
  PasskeyOffer begin_passkey(const Session& session);
  /// Returns invalid_arguments if the registration or its challenge is refused.
  AddedPasskey add_passkey(const Session& session, const SentRegistration& sent,
                           const Client& client);

 private:
  struct Candidate;  ///< a registration with valid arguments

  Outcome judge(const Candidate& candidate, const Client& client);
  /// Returns ok if an earlier attempt of this registration created `user`, too_many_requests after
  /// too many attempts with another password, nullopt if `user` is from another registration.
  std::optional<Outcome> own_outcome(const Candidate& candidate, const std::optional<User>& user);
  static Outcome known(const Candidate& candidate);
  /// Throws db::DuplicateKey if the phone is taken.
  Outcome insert(const Candidate& candidate, const std::string& hash, const Client& client);

  /// A login whose first factor was right.
  struct Entry {
    std::string_view event;
    Authentication how;
    db::OperationId operation;
    bool by_passkey = false;  ///< instead of by password or code
  };
  /// Judges the second factor, then opens a session. `prepare` returns false if the code was
  /// consumed in the meantime.
  LoginOutcome enter(const User& user, const Entry& entry, const SentFactor& second,
                     const Client& client, const std::function<bool(db::Connection&)>& prepare);
  /// Opens another session for a request that nginx resends, whose first attempt has opened one.
  LoginOutcome repeat(const User& user, const Entry& entry, const Client& client);
  /// `factor`: consumed; null if an earlier attempt of this request consumed it.
  LoginOutcome open_session(const User& user, const Entry& entry, const RightFactor* factor,
                            const Client& client,
                            const std::function<bool(db::Connection&)>& prepare);

  /// Takes back the count of a right password that permitted nothing: a second factor was missing
  /// or wrong.
  void forgive_password(std::string_view phone);
  /// Counts the attempt, then verifies the password of the session's user. Returns ok,
  /// wrong_credentials or locked. Sets `user` if ok; clearing the count is left to the caller.
  Outcome verify_own_password(const Session& session, std::string_view password, User& user);
  /// Returns confirmation_required unless the owner authenticated session.fresh_minutes ago or
  /// less.
  Outcome require_fresh(const Session& session);
  /// Makes the session fresh, in the transaction that consumes what proved its owner.
  static Outcome renew(db::Transaction& transaction, const Session& session,
                       const Authentication& how, std::string_view event, const Client& client);
  /// Calls `prepare` and `work` (with the hash that the password was verified against) if the
  /// password is right, `work` in a transaction on the locked account, which is committed if it
  /// returns ok. Does nothing if an earlier attempt made the change `name`.
  Outcome change_own(std::string_view name, const Session& session, std::string_view password,
                     const Client& client, const std::function<Outcome()>& prepare,
                     const std::function<Outcome(const Change&, const std::string&)>& work);
  /// Returns the result of `judge`, or ok if an earlier attempt did the operation.
  Outcome settle(const db::OperationId& operation, const std::function<Outcome()>& judge);
  std::optional<User> find_user(std::string_view phone);
  [[nodiscard]] bool is_weak(const Secret& password, const Phone& phone) const;

  const Config& config_;
  const Secret& key_;
  db::Database& database_;
  Metrics& metrics_;
  Verification verification_;
  Passkeys passkeys_;
  SecondFactor second_factor_;
  RecoveryCodes recovery_codes_;
  Sessions sessions_;
  IdentitySigner signer_;
  PasswordCheck passwords_;
  Counter registrations_;
  Counter logins_by_password_;
  Counter logins_by_code_;
  Counter logins_by_passkey_;
};

}  // namespace users
