// The account service's sessions: whether one may pass, and how they end.
#include "service/account_service.hpp"

namespace users {

std::optional<Session> AccountService::find_session(std::string_view token) {
  return database_.replay(
      [&](db::Connection& connection) { return sessions_.find(connection, token); });
}

bool AccountService::has_ended(std::string_view change, std::string_view token,
                               const Client& client) {
  const auto hash = sessions_.hash_of(token);
  return database_.is_done(operation_of(key_, change, crypto::bytes_of(hash), client));
}

Outcome AccountService::judge(const Session& session, const AccessRule& rule) {
  if (session.level < rule.level) return {.code = ResultCode::confirmation_required};
  if (rule.age) {
    const auto age = database_.replay([&](db::Connection& connection) {
      return find_authentication_age.one(connection, crypto::bytes_of(session.token_hash));
    });
    if (!age || age->value > *rule.age) return {.code = ResultCode::confirmation_required};
  }
  const bool is_member = rule.groups.empty() || have_common_name(rule.groups, session.groups);
  return {.code = is_member ? ResultCode::ok : ResultCode::not_allowed};
}

std::string AccountService::sign_identity(const Session& session, const std::string& host) {
  return signer_.sign(database_, session, host);
}

std::vector<IdentityKey> AccountService::identity_keys() {
  return database_.replay([&](db::Connection& connection) {
    auto keys = list_identity_keys.all(connection);
    if (!keys.empty()) return keys;
    return std::vector{active_identity_key(connection, key_)};
  });
}

bool AccountService::has_passkey(std::uint64_t user_id) {
  return passkeys_.is_on() && database_.replay([&](db::Connection& connection) {
    return !passkeys_.list(connection, user_id).empty();
  });
}

std::vector<SessionRow> AccountService::list_sessions(const Session& session) {
  return database_.replay([&](db::Connection& connection) {
    return sessions_.list(connection, session.user_id, &session);
  });
}

std::optional<EndedSession> AccountService::end_session(const Session& session, std::uint64_t id,
                                                        const Client& client) {
  const auto own_hash = crypto::bytes_of(session.token_hash);
  const auto operation = operation_of(key_, kEndSession, own_hash, client);
  std::optional<EndedSession> ended;
  const Outcome outcome = settle(operation, [&] {
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      const auto row =
          delete_session_by_id.one(transaction.connection(), id, session.user_id, own_hash);
      if (!row) return transaction.refuse(Outcome{.code = ResultCode::no_such_resource});
      ended = row;
      record(transaction, session.user_id, "session ended", client);
      return {};
    });
  });
  if (!outcome.is_ok()) return std::nullopt;
  // After an earlier try, the one who asks still has a session.
  return ended.value_or(EndedSession{});
}

void AccountService::logout(const Session& session, bool all, const Client& client) {
  const auto operation = operation_of(key_, kLogout, crypto::bytes_of(session.token_hash), client);
  static_cast<void>(settle(operation, [&] {
    return database_.once(operation, [&](db::Transaction& transaction) -> Outcome {
      if (all) {
        users::end_sessions(transaction.connection(), session.user_id, nullptr);
        void_codes(transaction.connection(), session.phone);
      } else {
        delete_session(transaction.connection(), crypto::bytes_of(session.token_hash));
      }
      record(transaction, session.user_id, all ? "logout everywhere" : "logout", client);
      return {};
    });
  }));
}

std::optional<SessionOwner> AccountService::owner(const Session& session) {
  return database_.replay([&](db::Connection& connection) {
    return find_session_owner.one(connection, crypto::bytes_of(session.token_hash));
  });
}

}  // namespace users
