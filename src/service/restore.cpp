#include "service/restore.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "accounts/user.hpp"
#include "base/log.hpp"

namespace users {

using db::StatementId;

namespace {

/// Returns the number that the next account gets, which is greater than `wanted` if the server has
/// given out greater ones.
std::uint64_t move_ids_ahead(db::Connection& connection, std::optional<std::uint64_t> wanted) {
  const auto row = connection.query_one(StatementId::last_user_ids, {});
  const std::uint64_t last_user = row->at(0).number;
  const std::uint64_t last = std::max(last_user, row->at(1).number);
  const std::uint64_t next = wanted.value_or(last + AfterRestore::kIdsAhead + 1);
  if (next <= last) {
    throw std::invalid_argument("accounts up to number " + std::to_string(last) +
                                " have been: give a greater one");
  }
  // Rights on rows suffice for this, where ALTER TABLE would need more.
  if (next - 1 > last_user) {
    connection.execute(StatementId::skip_user_ids, {next - 1});
    connection.execute(StatementId::delete_user, {next - 1});
  }
  return connection.query_one(StatementId::next_user_id, {})->front().number;
}

}  // namespace

AfterRestore AfterRestore::run(db::Connection& connection, std::string_view operator_name,
                               std::optional<std::uint64_t> next_id) {
  db::Transaction transaction(connection);
  const AfterRestore ended{connection.execute(StatementId::delete_all_sessions, {}),
                           connection.execute(StatementId::delete_all_codes, {}),
                           connection.execute(StatementId::void_messages, {}),
                           move_ids_ahead(connection, next_id)};
  store::insert_audit(connection, {store::kNoAccount, "after restore", "", "", operator_name});
  transaction.commit();
  log::info({"after restore: ended ", std::to_string(ended.sessions), " sessions, voided ",
             std::to_string(ended.codes), " codes and ", std::to_string(ended.messages),
             " messages; the next account gets number ", std::to_string(ended.next_id)});
  return ended;
}

}  // namespace users
