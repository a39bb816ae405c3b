// What an operator may change: the rules behind users-ctl. Knows no terminal and no JSON.
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
#include "accounts/throttle.hpp"
#include "base/config.hpp"
#include "db/database.hpp"
#include "service/changes.hpp"
#include "sms/outbox.hpp"

namespace users {

/// What is counted against a phone, and how many sessions its account has.
struct Standing {
  std::uint64_t sessions;
  throttle::Count logins;  ///< tries since the last right password
  throttle::Count guesses;
  throttle::Count sends;  ///< in a day
};

enum class Verdict {
  done,
  unchanged,
  no_account,
  phone_taken,
  bad_password,
  weak_password,
  bad_hash,     ///< it has no form that login verifies
  costly_hash,  ///< Result::hash_fault says of what it takes too much
};

struct ChangeResult {
  Verdict verdict;
  std::uint64_t user_id = kNoAccount;      ///< with done and unchanged, where there is one
  HashFault hash_fault = HashFault::form;  ///< with costly_hash
};

/// What a restored database no longer has, and where the numbers of accounts go on.
struct Restored {
  std::uint64_t sessions;
  std::uint64_t codes;
  std::uint64_t messages;  ///< that were still to be sent
  std::uint64_t next_id;   ///< of the next account
};

/// Every call throws db::DatabaseError if its outcome is unknown or the database is away. A change
/// is one transaction with an audit row under the operator's name; done means that it is committed.
class Administration {
 public:
  /// All must outlive this object. `operator_name`: at most 64 code points.
  Administration(const Config& config, const Secret& key, db::Database& database, Metrics& metrics,
                 std::string operator_name);

  Standing standing(const User& user);

  /// A password is refused (1008) for 15 minutes, as after ten wrong ones; sessions stay.
  ChangeResult lock(const Phone& phone);
  /// Forgets wrong passwords, guesses at codes and codes sent. Of a phone without an account, too,
  /// since codes for a registration are counted before there is one.
  ChangeResult unlock(const Phone& phone);
  /// Neither login nor session from now on; the sessions there are end for good.
  ChangeResult disable(const Phone& phone);
  ChangeResult enable(const Phone& phone);
  /// By the rules of a registration.
  ChangeResult set_password(const Phone& phone, std::string_view password);
  /// A hash that another system made, of a form and a cost that an import takes.
  ChangeResult set_hash(const Phone& phone, std::string_view hash);
  ChangeResult set_phone(const Phone& phone, const Phone& new_phone);
  ChangeResult end_sessions(const Phone& phone);
  ChangeResult remove(const Phone& phone);

  /// Makes those due now that still wait, in the order of `ids`. One that a courier is sending at
  /// this moment is left alone.
  std::vector<outbox::Retry> retry_messages(const std::vector<std::uint64_t>& ids);
  /// The same with all that wait and are not expired. Returns how many.
  std::uint64_t retry_all_messages();

  /// How far ahead the numbers of accounts go on after a restore: beyond all that were given out
  /// since the rows were saved.
  static constexpr std::uint64_t kIdsAhead = 1'000'000;

  /// To be called once on a database whose rows are older than what clients have seen (a restored
  /// backup or snapshot, a replica that was behind), before the service starts on it: ends every
  /// session, since one that was ended meanwhile is alive in it again; voids every code, since one
  /// that was used is unused again; keeps every pending message from being sent again; and gives no
  /// number of an account out again, since backends know accounts by it. Users, audit and the
  /// counters of limits stay. Running it twice does no harm. `next_id`: the number of the next
  /// account, instead of kIdsAhead beyond the greatest. Throws std::invalid_argument if that number
  /// may have been given out.
  Restored after_restore(std::optional<std::uint64_t> next_id = {});

 private:
  /// Runs `work` on the account's locked row. Returns unchanged if work returns false.
  ChangeResult change(const Phone& phone, const std::function<bool(const Change&)>& work);

  const Config& config_;
  db::Database& database_;
  std::string operator_name_;
  Client client_;
  Sessions sessions_;
  PasswordCheck passwords_;
};

}  // namespace users
