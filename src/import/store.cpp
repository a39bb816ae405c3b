// The rows of users as an import finds and writes them.
#include "base/json.hpp"
#include "import/import.hpp"

namespace users {
namespace {

// A list of phones is one parameter, a JSON array: any number of them in one round trip, each found
// by the unique key.
const std::string kPhones =
    "JSON_TABLE(?, '$[*]' COLUMNS (number FOR ORDINALITY, phone VARCHAR(16) CHARACTER SET ascii "
    "COLLATE ascii_nopad_bin PATH '$' ERROR ON ERROR)) l STRAIGHT_JOIN users u ON u.phone = "
    "l.phone";

const db::Query<User(std::string_view phones)> find_by_phones{
    "find_registered",
    "SELECT",
    {{"u.phone", &User::phone}, {db::iso8601("u.disableTime"), &User::disabled}},
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

std::optional<std::string_view> null_if_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

}  // namespace

std::map<std::string, User> find_registered(db::Database& database,
                                            const std::vector<std::string>& phones) {
  const std::string list = json::text(json::Array(phones.begin(), phones.end()));
  std::map<std::string, User> found;
  database.replay([&](db::Connection& connection) {
    for (const User& user : find_by_phones.all(connection, list)) found[user.phone] = user;
  });
  return found;
}

void insert_imported(const db::Transaction& transaction, const std::vector<ImportRow>& rows,
                     std::string_view operator_name) {
  std::vector<db::BulkRow> bulk;
  json::Array phones;
  for (const ImportRow& row : rows) {
    bulk.push_back({row.phone, row.hash, null_if_empty(row.created), null_if_empty(row.disabled)});
    phones.emplace_back(row.phone);
  }
  transaction.connection().execute_bulk(insert_users, bulk);
  audit_users(transaction.connection(), operator_name, crypto::bytes_of(transaction.operation()),
              json::text(phones));
}

}  // namespace users
