#include "accounts/restore.hpp"

#include <string>

#include "accounts/account_store.hpp"
#include "base/log.hpp"

namespace users {

using db::StatementId;

AfterRestore AfterRestore::run(db::Connection& connection, std::string_view operator_name) {
  db::Transaction transaction(connection);
  const AfterRestore ended{connection.execute(StatementId::delete_all_sessions, {}),
                           connection.execute(StatementId::delete_all_codes, {}),
                           connection.execute(StatementId::void_messages, {})};
  store::insert_audit(connection, {store::kNoAccount, "after restore", "", "", operator_name});
  transaction.commit();
  log::info({"after restore: ended ", std::to_string(ended.sessions), " sessions, voided ",
             std::to_string(ended.codes), " codes and ", std::to_string(ended.messages),
             " messages"});
  return ended;
}

}  // namespace users
