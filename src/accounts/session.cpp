#include "accounts/session.hpp"

#include "base/log.hpp"
#include "base/text.hpp"

namespace users {
namespace {

constexpr std::uint64_t kTouchSeconds = std::uint64_t{5} * 60;
constexpr std::size_t kTokenLength = 43;
constexpr std::size_t kLongestAgent = 200;

/// Returns the expiry time.
const db::Query<db::Text(std::string_view token_hash, std::uint64_t user_id, std::uint64_t epoch,
                         std::uint64_t lifetime, std::string_view address, std::string_view agent,
                         std::uint64_t level, std::string_view amr)>
    insert_session{"insert_session",
                   "INSERT INTO sessions (tokenHash, user_id, epoch, createTime, seenTime, "
                   "authTime, expireTime, address, agent, level, amr) VALUES (?, ?, ?, "
                   "UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL "
                   "? SECOND, ?, ?, ?, ?) RETURNING",
                   {{db::iso8601("expireTime"), &db::Text::value}},
                   ""};

/// For a session `s` and its user `u`; the parameter is the idle time in seconds. The level is
/// compared because a program of an earlier version, during an upgrade, asks for no second factor.
const std::string kIsAlive =
    "s.epoch = u.epoch AND s.level >= u.level AND s.expireTime > UTC_TIMESTAMP() AND s.seenTime > "
    "UTC_TIMESTAMP() - INTERVAL ? SECOND";
const std::string kAuthenticated = "IFNULL(s.authTime, s.createTime)";
const std::string kSessions = "FROM sessions s JOIN users u ON u.id = s.user_id WHERE ";

const std::vector<db::Column<Session>> kSession{
    {"s.user_id", &Session::user_id},
    {"u.phone", &Session::phone},
    {db::seconds_since("s.seenTime"), &Session::seconds_unseen},
    {"s.level", &Session::level},
    {"u.groupNames", &Session::groups}};

std::vector<db::Column<Session>> with_identity() {
  std::vector<db::Column<Session>> columns = kSession;
  columns.push_back({"s.amr", &Session::amr});
  columns.push_back({"UNIX_TIMESTAMP(" + kAuthenticated + ")", &Session::auth_time});
  columns.push_back({"UNIX_TIMESTAMP()", &Session::now});
  return columns;
}

const std::string kOfToken =
    kSessions + "s.tokenHash = ? AND " + kIsAlive + " AND u.disableTime IS NULL";
using FindSession = db::Query<Session(std::string_view token_hash, std::uint64_t idle)>;
const FindSession find_session{"find_session", "SELECT", kSession, kOfToken};
const FindSession find_session_to_sign{"find_session_to_sign", "SELECT", with_identity(), kOfToken};
/// The same, with only what this cluster node already has.
const FindSession find_session_locally{"find_session_locally", db::kSelectLocally, kSession,
                                       kOfToken};
const FindSession find_session_to_sign_locally{"find_session_to_sign_locally", db::kSelectLocally,
                                               with_identity(), kOfToken};

const FindSession& query_for(bool to_sign, bool locally) {
  if (to_sign) return locally ? find_session_to_sign_locally : find_session_to_sign;
  return locally ? find_session_locally : find_session;
}

/// Fails at once (1205) if the row, the table or the server is locked, for example by a backup.
const db::Write<void(std::string_view token_hash)> touch_session{
    "touch_session",
    "SET STATEMENT lock_wait_timeout = 0, innodb_lock_wait_timeout = 0 FOR UPDATE sessions SET "
    "seenTime = UTC_TIMESTAMP() WHERE tokenHash = ?"};

const db::Query<SessionRow(std::string_view token_hash, std::uint64_t user_id, std::uint64_t idle)>
    list_sessions{"list_sessions",
                  "SELECT",
                  {{"s.id", &SessionRow::id},
                   {"s.tokenHash = ?", &SessionRow::is_own},
                   {db::iso8601("s.createTime"), &SessionRow::created},
                   {db::iso8601("s.seenTime"), &SessionRow::last_seen},
                   {"s.address", &SessionRow::address},
                   {"s.agent", &SessionRow::agent},
                   {"s.level", &SessionRow::level},
                   {db::iso8601(kAuthenticated), &SessionRow::authenticated},
                   {"s.amr", &SessionRow::amr}},
                  kSessions + "s.user_id = ? AND " + kIsAlive +
                      " ORDER BY s.seenTime DESC, s.id DESC LIMIT 1000"};

const db::Query<db::Number(std::uint64_t user_id, std::uint64_t idle)> count_sessions{
    "count_sessions",
    "SELECT",
    {{"COUNT(*)", &db::Number::value}},
    kSessions + "s.user_id = ? AND " + kIsAlive};

/// The sessions beyond the limit: ended ones first, then those unseen for longest. An account from
/// an earlier version may have thousands.
const db::Query<db::Text(std::uint64_t user_id, std::uint64_t idle, std::uint64_t most)>
    find_surplus_sessions{"find_surplus_sessions",
                          "SELECT",
                          {{"s.tokenHash", &db::Text::value}},
                          kSessions + "s.user_id = ? ORDER BY " + kIsAlive +
                              " DESC, s.seenTime DESC, s.id DESC LIMIT 1000 OFFSET ?"};

/// Sessions of an earlier epoch have ended.
const db::Query<db::Number(std::string_view token_hash, std::uint64_t epoch)> lock_session{
    "lock_session",
    "SELECT",
    {{"id", &db::Number::value}},
    "FROM sessions WHERE tokenHash = ? AND epoch = ? FOR UPDATE"};
const db::Write<void(std::uint64_t user_id)> begin_epoch{
    "end_sessions", "UPDATE users SET epoch = epoch + 1 WHERE id = ?"};
const db::Write<void(std::string_view token_hash)> keep_session{
    "keep_session", "UPDATE sessions SET epoch = epoch + 1 WHERE tokenHash = ?"};

/// The client's User-Agent, cut to valid text that fits the column.
std::string_view shorten_agent(std::string_view agent) {
  agent = agent.substr(0, kLongestAgent);
  while (!agent.empty() && !is_text(agent)) agent.remove_suffix(1);
  return agent;
}

/// Ignores failures: the session is already read, and the server may be full, read-only or locked
/// by a backup. The next check tries again.
void touch(db::Connection& connection, const crypto::Digest& token_hash) {
  try {
    touch_session(connection, crypto::bytes_of(token_hash));
  } catch (const db::LockWaitTimeout&) {
  } catch (const db::DatabaseError& error) {
    log::warning({"session: last-seen time not written: ", error.what()});
  }
}

}  // namespace

decltype(find_session_owner) find_session_owner{
    "find_session_owner",
    "SELECT",
    {{db::iso8601("u.createTime"), &SessionOwner::created},
     {"s.level", &SessionOwner::level},
     {db::iso8601(kAuthenticated), &SessionOwner::authenticated},
     {"s.amr", &SessionOwner::amr}},
    kSessions + "s.tokenHash = ?"};
decltype(find_authentication_age) find_authentication_age{
    "find_authentication_age",
    "SELECT",
    {{db::seconds_since(kAuthenticated), &db::Number::value}},
    "FROM sessions s WHERE s.tokenHash = ?"};
decltype(renew_authentication) renew_authentication{
    "renew_authentication",
    "UPDATE sessions SET authTime = UTC_TIMESTAMP(), level = ?, amr = ? WHERE tokenHash = ?"};
decltype(add_totp_to_session) add_totp_to_session{
    "add_totp_to_session",
    "UPDATE sessions SET level = ?, amr = TRIM(CONCAT(SUBSTRING_INDEX(amr, ' ', 1), ' "
    "otp mfa')) WHERE tokenHash = ?"};
decltype(delete_session) delete_session{"delete_session",
                                        "DELETE FROM sessions WHERE tokenHash = ?"};
decltype(delete_session_by_id) delete_session_by_id{
    "delete_session_by_id",
    "DELETE FROM sessions WHERE id = ? AND user_id = ? RETURNING",
    {{"tokenHash = ?", &EndedSession::is_own}},
    ""};
decltype(delete_sessions) delete_sessions{"delete_sessions",
                                          "DELETE FROM sessions WHERE user_id = ?"};

std::uint64_t Sessions::idle_seconds() const {
  return config_.session_idle_days * kDay;
}

crypto::Digest Sessions::hash_of(std::string_view token) const {
  return crypto::keyed_hash(key_, "session", token);
}

NewSession Sessions::open(db::Connection& connection, const User& user, const Client& client,
                          const Authentication& authentication) const {
  NewSession session{crypto::random_token(), user.id, config_.session_absolute_days * kDay, ""};
  const auto hash = hash_of(session.token);
  auto expires = insert_session.one(connection, crypto::bytes_of(hash), user.id, user.epoch,
                                    session.lifetime, client.address, shorten_agent(client.agent),
                                    authentication.level, authentication.amr);
  if (expires) session.expires_at = std::move(expires->value);
  return session;
}

std::optional<Session> Sessions::find(db::Connection& connection, std::string_view token) const {
  if (token.size() != kTokenLength) return std::nullopt;
  const auto hash = hash_of(token);
  const bool is_local = config_.database_session_reads == SessionReads::local;
  const auto read = [&](bool locally) {
    return query_for(config_.identity_sign, locally)
        .one(connection, crypto::bytes_of(hash), idle_seconds());
  };
  auto session = read(is_local);
  // Another node may have acknowledged a session that this node does not have yet.
  if (!session && is_local) session = read(false);
  if (!session) return std::nullopt;
  if (session->seconds_unseen >= kTouchSeconds) touch(connection, hash);
  session->token_hash = hash;
  return session;
}

std::vector<SessionRow> Sessions::list(db::Connection& connection, std::uint64_t user_id,
                                       const Session* own) const {
  const auto own_hash = own == nullptr ? std::string_view{} : crypto::bytes_of(own->token_hash);
  return list_sessions.all(connection, own_hash, user_id, idle_seconds());
}

std::uint64_t Sessions::count(db::Connection& connection, std::uint64_t user_id) const {
  return count_sessions.one(connection, user_id, idle_seconds()).value_or(db::Number{}).value;
}

std::optional<User> lock_owner(db::Connection& connection, const Session& session) {
  auto user = lock_user_by_id.one(connection, session.user_id);
  if (!user || user->disabled) return std::nullopt;
  const auto token_hash = crypto::bytes_of(session.token_hash);
  if (!lock_session.one(connection, token_hash, user->epoch)) return std::nullopt;
  mark_changing(connection, user->id);
  return user;
}

void end_sessions(db::Connection& connection, std::uint64_t user_id, const Session* kept) {
  begin_epoch(connection, user_id);
  if (kept != nullptr) keep_session(connection, crypto::bytes_of(kept->token_hash));
}

void Sessions::end_surplus(db::Connection& connection, std::uint64_t user_id) const {
  try {
    for (const db::Text& hash : find_surplus_sessions.all(connection, user_id, idle_seconds(),
                                                          config_.session_per_account)) {
      delete_session(connection, hash.value);
    }
  } catch (const db::DatabaseError& error) {
    log::warning({"session: surplus sessions not ended: ", error.what()});
  }
}

}  // namespace users
