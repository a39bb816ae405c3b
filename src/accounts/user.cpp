#include "accounts/user.hpp"

namespace users::store {

using db::StatementId;

std::optional<User> find_user(db::Connection& connection, std::string_view phone) {
  auto row = connection.query_one(StatementId::find_user_by_phone, {phone});
  if (!row) return std::nullopt;
  return User{(*row)[0].number, std::move((*row)[1].text), std::move((*row)[2].text),
              (*row)[3].number != 0, (*row)[4].number};
}

std::optional<Profile> find_profile(db::Connection& connection, std::uint64_t user_id) {
  auto row = connection.query_one(StatementId::find_user_by_id, {user_id});
  if (!row) return std::nullopt;
  return Profile{std::move((*row)[0].text), std::move((*row)[1].text), std::move((*row)[2].text)};
}

std::uint64_t insert_user(db::Connection& connection, const NewUser& user) {
  connection.execute(StatementId::insert_user,
                     {user.phone, user.password, crypto::bytes_of(user.regist_key)});
  const std::uint64_t id = connection.last_insert_id();
  void_codes(connection, user.phone);
  return id;
}

bool update_password(db::Connection& connection, std::uint64_t user_id, std::string_view password,
                     std::string_view verified) {
  return connection.execute(StatementId::update_password, {password, user_id, verified}) == 1;
}

bool reset_password(db::Connection& connection, std::string_view phone, std::string_view password,
                    std::string_view former) {
  return connection.execute(StatementId::reset_password, {password, phone, former}) == 1;
}

void update_phone(db::Connection& connection, std::uint64_t user_id, std::string_view phone) {
  connection.execute(StatementId::update_phone, {phone, user_id});
  void_codes(connection, phone);
}

void void_codes(db::Connection& connection, std::string_view phone) {
  connection.execute(StatementId::void_codes, {phone});
}

bool delete_user(db::Connection& connection, std::uint64_t user_id, std::string_view phone) {
  connection.execute(StatementId::delete_codes, {phone});
  connection.execute(StatementId::delete_sessions, {user_id});
  return connection.execute(StatementId::delete_user, {user_id}) == 1;
}

std::optional<std::uint64_t> count_imported_hashes(db::Connection& connection,
                                                   const Config& config) {
  const std::string pattern = "$argon2id$v=19$m=" + std::to_string(config.password_argon2_memory) +
                              ",t=" + std::to_string(config.password_argon2_passes) + ",p=1$%";
  try {
    const auto row = connection.query_one(StatementId::count_imported_hashes, {pattern});
    return row ? std::optional(row->front().number) : std::nullopt;
  } catch (const db::Unavailable&) {
    return std::nullopt;
  }
}

void insert_audit(db::Connection& connection, const Event& event) {
  db::Parameter operator_name = nullptr;
  if (!event.operator_name.empty()) operator_name = event.operator_name;
  connection.execute(StatementId::insert_audit,
                     {event.user_id, event.name, event.address, event.request_id, operator_name});
}

}  // namespace users::store
