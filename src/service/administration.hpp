// What an operator may see and change: the rules and transactions behind users-ctl. Knows no
// terminal and no JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/foreign_hash.hpp"
#include "accounts/password.hpp"
#include "accounts/phone.hpp"
#include "accounts/session.hpp"
#include "accounts/throttle.hpp"
#include "accounts/user.hpp"
#include "base/config.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "factors/verification.hpp"

namespace users {

/// All times are ISO 8601 in UTC.
struct UserRow {
  std::uint64_t id;
  std::string phone;  ///< E.164
  std::string created;
  std::optional<std::string> disabled;  ///< since when
};

struct UserDetails : UserRow {
  std::string hash_form;  ///< as `argon2id`, or what an older hash calls itself, as `2b` or `6`
  std::uint64_t sessions;
  throttle::Count logins;  ///< tries since the last right password
  throttle::Count guesses;
  throttle::Count sends;  ///< in a day
};

struct UserFilter {
  std::uint64_t after = 0;  ///< the id behind which to begin
  bool only_disabled = false;
  std::uint64_t limit = 100;
};

struct AuditRow {
  std::string time;
  std::string event;
  std::string address;
  std::string request_id;
  std::optional<std::string> operator_name;  ///< nothing: the user did it
};

/// A message that waits, or that a courier is sending.
struct PendingMessage {
  std::uint64_t id;
  std::string created;
  std::string next;  ///< not before
  std::string expires;
  std::uint64_t attempts;
  std::string phone;    ///< empty where it was sealed with another key
  std::string purpose;  ///< the same
};

/// What became of a message that was asked to be sent again.
enum class Retry { due, expired, in_hand, sent, failed, unsent, unknown };

enum class Verdict {
  done,
  unchanged,
  no_account,
  phone_taken,
  bad_password,
  weak_password,
  bad_hash,     ///< it has no form that login verifies
  costly_hash,  ///< Change::hash_fault says of what it takes too much
};

struct Change {
  Verdict verdict;
  std::uint64_t user_id = store::kNoAccount;  ///< with done and unchanged, where there is one
  HashFault hash_fault = HashFault::form;     ///< with costly_hash
};

/// Every call throws db::DatabaseError where its outcome is unknown or the database is away. A
/// change is one transaction with an audit row under the operator's name; done means that it is
/// committed.
class Administration {
 public:
  /// All must outlive this object. `operator_name`: at most 64 code points.
  Administration(const Config& config, const Secret& key, db::Database& database, Metrics& metrics,
                 std::string operator_name);

  /// Oldest first.
  std::vector<UserRow> list(const UserFilter& filter);
  std::optional<UserDetails> show(const Phone& phone);
  /// Those alive, last seen first, at most 100.
  std::vector<SessionRow> sessions(std::uint64_t user_id);
  /// Newest first.
  std::vector<AuditRow> audit(std::uint64_t user_id, std::uint64_t limit);

  /// A password is refused (1008) for 15 minutes, as after ten wrong ones; sessions stay.
  Change lock(const Phone& phone);
  /// Forgets wrong passwords, guesses at codes and codes sent. Of a phone without an account, too,
  /// since codes for a registration are counted before there is one.
  Change unlock(const Phone& phone);
  /// Neither login nor session from now on; the sessions there are end for good.
  Change disable(const Phone& phone);
  Change enable(const Phone& phone);
  /// By the rules of a registration. All sessions end, wrong passwords are forgotten.
  Change set_password(const Phone& phone, std::string_view password);
  /// All sessions end; codes of the old phone are void.
  Change rename_phone(const Phone& phone, const Phone& new_phone);
  /// A hash that another system made, of a form and a cost that an import takes. All sessions end,
  /// wrong passwords are forgotten.
  Change set_hash(const Phone& phone, std::string_view hash);
  Change end_sessions(const Phone& phone);
  /// The account with its sessions and codes; the audit stays.
  Change remove(const Phone& phone);

  /// Oldest first.
  std::vector<PendingMessage> pending_messages(std::uint64_t limit);
  /// Makes those due now that still wait, in the order of `ids`. Their tries stay counted. One that
  /// a courier is sending at this moment may be sent twice.
  std::vector<Retry> retry_messages(const std::vector<std::uint64_t>& ids);
  /// The same with all that wait and are not expired; how many.
  std::uint64_t retry_all_messages();

  /// What was sent to a phone, whether or not it has an account. See Verification::list.
  std::vector<SentCode> codes(const Phone& phone);

 private:
  /// Runs `work` on the account's locked row; false: there is nothing to change.
  using Work = std::function<bool(db::Connection&, std::uint64_t user_id, bool disabled)>;
  Change replace_hash(const Phone& phone, std::string_view event, std::string_view hash);
  Change change(const Phone& phone, std::string_view event, const Work& work);
  void record(db::Connection& connection, std::uint64_t user_id, std::string_view event) const;

  const Config& config_;
  const Secret& key_;
  db::Database& database_;
  std::string operator_name_;
  Sessions sessions_;
  PasswordCheck passwords_;
};

}  // namespace users
