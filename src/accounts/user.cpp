#include "accounts/user.hpp"

#include "accounts/throttle.hpp"
#include "base/log.hpp"

namespace users {
namespace {

const std::vector<db::Column<User>> kUser{{"id", &User::id},
                                          {"phone", &User::phone},
                                          {"password", &User::password},
                                          {"regist_key", &User::regist_key},
                                          {db::iso8601("createTime"), &User::created},
                                          {db::iso8601("disableTime"), &User::disabled},
                                          {"epoch", &User::epoch},
                                          {"level", &User::level},
                                          {"groupNames", &User::groups}};

/// `operator_name`: NULL if the user acted.
const db::Write<void(std::uint64_t user_id, std::string_view event, std::string_view address,
                     std::string_view request_id, db::Parameter operator_name,
                     std::string_view operation)>
    insert_audit{"insert_audit",
                 "INSERT INTO audit (user_id, event, address, request_id, operator_name, "
                 "operation, createTime) VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP())"};

/// Reads the whole table, so it is aborted after 2 seconds.
const db::Query<db::Number(std::string_view pattern_of_own)> count_others{
    "count_imported_hashes",
    "SET STATEMENT max_statement_time = 2 FOR SELECT",
    {{"COUNT(*)", &db::Number::value}},
    "FROM users WHERE password NOT LIKE ?"};

}  // namespace

decltype(find_user_by_phone) find_user_by_phone{"find_user_by_phone", "SELECT", kUser,
                                                "FROM users WHERE phone = ?"};
decltype(find_user_by_id) find_user_by_id{"find_user_by_id", "SELECT", kUser,
                                          "FROM users WHERE id = ?"};
decltype(lock_user_by_phone) lock_user_by_phone{"lock_user_by_phone", "SELECT", kUser,
                                                "FROM users WHERE phone = ? FOR UPDATE"};
decltype(lock_user_by_id) lock_user_by_id{"lock_user_by_id", "SELECT", kUser,
                                          "FROM users WHERE id = ? FOR UPDATE"};
decltype(mark_changing) mark_changing{"mark_changing",
                                      "UPDATE users SET changes = changes + 1 WHERE id = ?"};
decltype(list_users) list_users{
    "list_users", "SELECT", kUser,
    "FROM users WHERE id > ? AND (? = 0 OR disableTime IS NOT NULL) ORDER BY id LIMIT ?"};

decltype(insert_user) insert_user{
    "insert_user",
    "INSERT INTO users (phone, password, regist_key, createTime) VALUES (?, ?, ?, "
    "UTC_TIMESTAMP()) RETURNING",
    {{"id", &NewUser::id},
     {"EXISTS (SELECT 1 FROM verification_codes c WHERE c.phone = users.phone)",
      &NewUser::has_codes},
     {"EXISTS (SELECT 1 FROM throttle WHERE bucket = CONCAT('" +
          std::string(throttle::kLogins.name) + ":', users.phone))",
      &NewUser::has_failures}},
    ""};
decltype(renew_password) renew_password{
    "renew_password", "UPDATE users SET password = ? WHERE id = ? AND password = ?"};
decltype(set_password) set_password{"set_password", "UPDATE users SET password = ? WHERE id = ?"};
decltype(set_phone) set_phone{"set_phone", "UPDATE users SET phone = ? WHERE id = ?"};
decltype(set_level) set_level{"set_level", "UPDATE users SET level = ? WHERE id = ?"};
decltype(disable_user) disable_user{"disable_user",
                                    "UPDATE users SET disableTime = UTC_TIMESTAMP() WHERE id = ?"};
decltype(enable_user) enable_user{"enable_user",
                                  "UPDATE users SET disableTime = NULL WHERE id = ?"};
decltype(delete_user) delete_user{"delete_user", "DELETE FROM users WHERE id = ?"};

decltype(list_audit) list_audit{"list_audit",
                                "SELECT",
                                {{db::iso8601("createTime"), &AuditRow::time},
                                 {"event", &AuditRow::event},
                                 {"NULLIF(address, '')", &AuditRow::address},
                                 {"request_id", &AuditRow::request_id},
                                 {"operator_name", &AuditRow::operator_name}},
                                "FROM audit WHERE user_id = ? ORDER BY id DESC LIMIT ?"};

std::optional<std::uint64_t> count_imported_hashes(db::Connection& connection,
                                                   const Config& config) {
  const std::string pattern = "$argon2id$v=19$m=" + std::to_string(config.password_argon2_memory) +
                              ",t=" + std::to_string(config.password_argon2_passes) + ",p=1$%";
  try {
    return count_others.one(connection, pattern).value_or(db::Number{}).value;
  } catch (const db::Unavailable&) {
    return std::nullopt;
  }
}

void record(const db::Transaction& transaction, std::uint64_t user_id, std::string_view event,
            const Client& client) {
  const std::string_view name = client.operator_name;
  insert_audit(transaction.connection(), user_id, event, client.address, client.request_id,
               name.empty() ? db::Parameter(nullptr) : db::Parameter(name),
               crypto::bytes_of(transaction.operation()));
  log::info({event, ": user ", std::to_string(user_id)});
}

}  // namespace users
