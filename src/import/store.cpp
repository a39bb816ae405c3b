#include "import/store.hpp"

#include "base/json.hpp"

namespace users {
namespace {

// A list of phones is one parameter, a JSON array: any number of them in one round trip, each found
// by the unique key.
const std::string kPhones =
    "JSON_TABLE(?, '$[*]' COLUMNS (number FOR ORDINALITY, phone VARCHAR(16) CHARACTER SET ascii "
    "COLLATE ascii_nopad_bin PATH '$' ERROR ON ERROR)) l STRAIGHT_JOIN users u ON u.phone = "
    "l.phone";

const db::Query<RegisteredUser(std::string_view phones)> find_by_phones{
    "find_registered",
    "SELECT",
    {{"u.phone", &RegisteredUser::phone}, {"u.disableTime IS NULL", &RegisteredUser::enabled}},
    "FROM " + kPhones};

/// createTime: NULL is now; disableTime: NULL is not.
const db::Statement insert_users{
    "insert_imported",
    "INSERT INTO users (phone, password, createTime, disableTime) VALUES (?, ?, IFNULL(?, "
    "UTC_TIMESTAMP()), ?)",
    4};

/// The first row has the operation.
const db::Command<void(std::string_view operator_name, std::string_view operation,
                       std::string_view phones)>
    audit_users{"audit_imported",
                "INSERT INTO audit (user_id, event, address, request_id, operator_name, operation, "
                "createTime) SELECT u.id, 'imported', '', '', ?, IF(l.number = 1, ?, NULL), "
                "UTC_TIMESTAMP() FROM " +
                    kPhones};

const db::Query<ExportedUser(std::uint64_t behind_id, std::uint64_t count)> list_users_for_export{
    "list_for_export",
    "SELECT",
    {{"id", &ExportedUser::id},
     {"phone", &ExportedUser::phone},
     {"password", &ExportedUser::password},
     {"DATE_FORMAT(createTime, '%Y-%m-%d %H:%i:%s')", &ExportedUser::created},
     {"DATE_FORMAT(disableTime, '%Y-%m-%d %H:%i:%s')", &ExportedUser::disabled}},
    "FROM users WHERE id > ? ORDER BY id LIMIT ?"};

std::optional<std::string_view> null_if_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace

std::map<std::string, RegisteredUser> find_registered(db::Connection& connection,
                                                      const std::vector<std::string>& phones) {
  const std::string list = json::text(json::Array(phones.begin(), phones.end()));
  std::map<std::string, RegisteredUser> found;
  for (const RegisteredUser& user : find_by_phones.all(connection, list)) {
    found.emplace(user.phone, user);
  }
  return found;
}

void insert_imported(const db::Transaction& transaction, const std::vector<ImportedUser>& users,
                     std::string_view operator_name) {
  std::vector<db::BulkRow> rows;
  std::vector<std::string_view> phones;
  for (const ImportedUser& user : users) {
    rows.push_back(
        {user.phone, user.password, null_if_empty(user.created), null_if_empty(user.disabled)});
    phones.emplace_back(user.phone);
  }
  const std::string list = json::text(json::Array(phones.begin(), phones.end()));
  transaction.connection().execute_bulk(insert_users, rows);
  audit_users(transaction.connection(), operator_name, crypto::bytes_of(transaction.operation()),
              list);
}

std::vector<ExportedUser> list_for_export(db::Connection& connection, std::uint64_t behind_id,
                                          std::uint64_t count) {
  return list_users_for_export.all(connection, behind_id, count);
}

}  // namespace users
