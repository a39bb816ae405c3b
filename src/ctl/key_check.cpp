#include "ctl/key_check.hpp"

#include "base/crypto.hpp"
#include "db/statement.hpp"

namespace users::ctl {
namespace {

struct Row {
  std::string fingerprint;
};
const db::Query<Row()> find_fingerprint{"find_fingerprint",
                                        "SELECT",
                                        {{"fingerprint", &Row::fingerprint}},
                                        "FROM key_check WHERE id = 1"};
const db::Write<void(std::string_view fingerprint)> insert_key{
    "insert_key", "INSERT IGNORE INTO key_check (id, fingerprint) VALUES (1, ?)"};
const db::Write<void(std::string_view fingerprint)> put_key{
    "put_key", "REPLACE INTO key_check (id, fingerprint) VALUES (1, ?)"};

crypto::Digest fingerprint_of(const Secret& key) {
  return crypto::keyed_hash(key, "key check", "");
}

}  // namespace

void remember_key(db::Connection& connection, const Secret& key) {
  insert_key(connection, crypto::bytes_of(fingerprint_of(key)));
}

void replace_key(db::Connection& connection, const Secret& key) {
  put_key(connection, crypto::bytes_of(fingerprint_of(key)));
}

KeyCheck check_key(db::Connection& connection, const Secret* key) {
  try {
    const auto row = find_fingerprint.one(connection);
    if (!row) return KeyCheck::unknown;
    const bool is_same = key != nullptr && crypto::equal(fingerprint_of(*key), row->fingerprint);
    return is_same ? KeyCheck::same : KeyCheck::other;
  } catch (const db::NoSuchTable&) {  // before its migration
    return KeyCheck::unknown;
  }
}

}  // namespace users::ctl
