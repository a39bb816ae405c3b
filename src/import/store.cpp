#include "import/store.hpp"

#include "base/json.hpp"

namespace users::store {
namespace {

std::optional<std::string_view> null_if_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace

std::map<std::string, RegisteredUser> find_registered(db::Connection& connection,
                                                      const std::vector<std::string>& phones) {
  const std::string list = json::text(json::Array(phones.begin(), phones.end()));
  std::map<std::string, RegisteredUser> found;
  for (db::Row& row : connection.query(db::StatementId::find_registered, {list})) {
    found.emplace(std::move(row[0].text),
                  RegisteredUser{std::move(row[1].text), row[2].number != 0});
  }
  return found;
}

void insert_imported(db::Connection& connection, const std::vector<ImportedUser>& users,
                     std::string_view operator_name) {
  std::vector<db::BulkRow> rows;
  std::vector<std::string_view> phones;
  for (const ImportedUser& user : users) {
    rows.push_back(
        {user.phone, user.password, null_if_empty(user.created), null_if_empty(user.disabled)});
    phones.emplace_back(user.phone);
  }
  const std::string list = json::text(json::Array(phones.begin(), phones.end()));
  db::Transaction transaction(connection);
  connection.execute_bulk(db::StatementId::insert_imported, rows);
  connection.execute(db::StatementId::audit_imported, {operator_name, list});
  transaction.commit();
}

std::vector<ExportedUser> list_for_export(db::Connection& connection, std::uint64_t behind_id,
                                          std::uint64_t count) {
  std::vector<ExportedUser> users;
  for (db::Row& row : connection.query(db::StatementId::list_for_export, {behind_id, count})) {
    users.push_back({row[0].number, std::move(row[1].text), std::move(row[2].text),
                     std::move(row[3].text), std::move(row[4].text)});
  }
  return users;
}

}  // namespace users::store
