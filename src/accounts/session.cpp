#include "accounts/session.hpp"

#include "base/log.hpp"
#include "base/text.hpp"

namespace users {
namespace {

using db::StatementId;

constexpr std::uint64_t kDay = std::uint64_t{24} * 60 * 60;
constexpr std::uint64_t kTouchSeconds = std::uint64_t{5} * 60;
constexpr std::size_t kTokenLength = 43;
constexpr std::size_t kLongestAgent = 200;

/// What a client says of itself, as far as it is text that fits.
std::string_view shorten_agent(std::string_view agent) {
  agent = agent.substr(0, kLongestAgent);
  while (!agent.empty() && !is_text(agent)) agent.remove_suffix(1);
  return agent;
}

/// Whose session it is has been read already, so no failure to write counts: the server may be
/// full, read-only or locked by a backup. The next check tries again.
void touch(db::Connection& connection, const crypto::Digest& token_hash) {
  try {
    connection.execute(StatementId::touch_session, {crypto::bytes_of(token_hash)});
  } catch (const db::LockWaitTimeout&) {
  } catch (const db::DatabaseError& error) {
    log::warning({"session: not noted as seen: ", error.what()});
  }
}

}  // namespace

std::uint64_t Sessions::idle_seconds() const {
  return config_.session_idle_days * kDay;
}

NewSession Sessions::open(db::Connection& connection, const store::User& user,
                          const Client& client) const {
  NewSession session{crypto::random_token(), user.id, config_.session_absolute_days * kDay, ""};
  const auto hash = crypto::keyed_hash(key_, "session", session.token);
  auto row = connection.query_one(StatementId::insert_session,
                                  {crypto::bytes_of(hash), user.id, user.epoch, session.lifetime,
                                   client.address, shorten_agent(client.agent)});
  if (row) session.expires_at = std::move(row->front().text);
  return session;
}

std::optional<Session> Sessions::find(db::Connection& connection, std::string_view token) const {
  if (token.size() != kTokenLength) return std::nullopt;
  const auto hash = crypto::keyed_hash(key_, "session", token);
  const auto ask = [&](StatementId statement) {
    return connection.query_one(statement, {crypto::bytes_of(hash), idle_seconds()});
  };
  std::optional<db::Row> row;
  if (config_.database_session_reads == SessionReads::local) {
    row = ask(StatementId::find_session_locally);
  }
  // What this node does not know another may have acknowledged a moment ago.
  if (!row) row = ask(StatementId::find_session);
  if (!row) return std::nullopt;
  if ((*row)[3].number >= kTouchSeconds) {
    touch(connection, hash);
  }
  return Session{(*row)[0].number, (*row)[1].number, std::move((*row)[2].text), hash};
}

std::vector<SessionRow> Sessions::list(db::Connection& connection, std::uint64_t user_id) const {
  std::vector<SessionRow> sessions;
  for (auto& row : connection.query(StatementId::list_sessions, {user_id, idle_seconds()})) {
    sessions.push_back({row[0].number, std::move(row[1].text), std::move(row[2].text),
                        std::move(row[3].text), std::move(row[4].text)});
  }
  return sessions;
}

std::uint64_t Sessions::count(db::Connection& connection, std::uint64_t user_id) const {
  const auto row = connection.query_one(StatementId::count_sessions, {user_id, idle_seconds()});
  return row ? row->front().number : 0;
}

void Sessions::end(db::Connection& connection, const Session& session) {
  connection.execute(StatementId::delete_session, {crypto::bytes_of(session.token_hash)});
}

bool Sessions::end_by_id(db::Connection& connection, std::uint64_t user_id, std::uint64_t id) {
  return connection.execute(StatementId::delete_session_by_id, {id, user_id}) == 1;
}

bool Sessions::end_others(db::Connection& connection, const Session& session) {
  end_all(connection, session.user_id, session.phone);
  return connection.execute(StatementId::keep_session, {crypto::bytes_of(session.token_hash)}) == 1;
}

void Sessions::end_all(db::Connection& connection, std::uint64_t user_id, std::string_view phone) {
  connection.execute(StatementId::end_sessions, {user_id});
  store::void_codes(connection, phone);
}

void Sessions::end_surplus(db::Connection& connection, std::uint64_t user_id) const {
  try {
    for (const auto& row :
         connection.query(StatementId::find_surplus_sessions,
                          {user_id, idle_seconds(), std::uint64_t{config_.session_per_account}})) {
      connection.execute(StatementId::delete_session, {row.front().text});
    }
  } catch (const db::DatabaseError& error) {
    log::warning({"session: the surplus was not ended: ", error.what()});
  }
}

}  // namespace users
