// The SQL catalogue: every statement of the service, by name.
#pragma once

#include <cstddef>
#include <string_view>

namespace users::db {

enum class StatementId {
  find_user_by_phone,
  find_user_by_id,
  insert_user,
  update_password,
  reset_password,
  update_phone,
  delete_user,
  insert_audit,

  find_code,
  put_code,
  count_code_try,
  consume_code,
  delete_codes,
  void_codes,
  insert_message,
  supersede_message,

  hit_throttle,
  find_budget,
  clear_throttle,

  insert_session,
  find_session,
  find_session_locally,
  touch_session,
  list_sessions,
  find_surplus_sessions,
  delete_session,
  delete_session_by_id,
  end_sessions,
  keep_session,
  delete_sessions,

  take_message,
  lease_message,
  finish_message,
  retry_message,
  purge_codes,
  purge_messages,
  purge_throttle,
  purge_sessions,
  purge_audit,
  outbox_depth,

  // Those of users-ctl, prepared at first use.
  first_on_demand_,
  lock_user = first_on_demand_,
  show_user,
  list_users,
  count_sessions,
  set_password,
  disable_user,
  enable_user,
  put_throttle,
  find_throttle,
  list_codes,
  list_audit,
  list_messages,
  lock_message,
  hasten_message,
  hasten_messages,

  delete_all_sessions,
  delete_all_codes,
  void_messages,
  last_user_ids,
  skip_user_ids,
  next_user_id,

  server_variables,
  session_facts,
  list_grants,
  outbox_state,
  count_imported_hashes,

  find_registered,
  insert_imported,
  audit_imported,
  list_for_export,

  count_,  // last: how many there are
};

/// What a worker or a courier uses, prepared as soon as it is connected.
constexpr auto kServiceStatementCount = static_cast<std::size_t>(StatementId::first_on_demand_);

constexpr auto kStatementCount = static_cast<std::size_t>(StatementId::count_);

struct StatementText {
  std::string_view name;  ///< for the log
  std::string_view sql;
};

const StatementText& text_of(StatementId id);

}  // namespace users::db
