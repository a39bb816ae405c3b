// Pass two of an import: hashes what was planned on all cores and writes it in small transactions.
#include <chrono>
#include <future>
#include <thread>

#include "accounts/password.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "import/import.hpp"

namespace users {
namespace {

/// How long a database that is away is waited for: a restart does not end the work of hours.
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kBetweenTries{250};

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

/// No createTime means now.
const db::Statement insert_users{
    "insert_imported",
    "INSERT INTO users (phone, password, createTime, disableTime, groupNames) VALUES (?, ?, "
    "IFNULL(NULLIF(?, ''), UTC_TIMESTAMP()), NULLIF(?, ''), ?)",
    5};

/// The first row has the operation.
const db::Write<void(std::string_view operator_name, std::string_view operation,
                     std::string_view phones)>
    audit_users{"audit_imported",
                "INSERT INTO audit (user_id, event, address, request_id, operator_name, operation, "
                "createTime) SELECT u.id, 'imported', '', '', ?, IF(l.number = 1, ?, NULL), "
                "UTC_TIMESTAMP() FROM " +
                    kPhones};

/// A JSON array of phone and group.
const std::string kMembers =
    "JSON_TABLE(?, '$[*]' COLUMNS (phone VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin "
    "PATH '$[0]' ERROR ON ERROR, name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin PATH "
    "'$[1]' ERROR ON ERROR)) l STRAIGHT_JOIN users u ON u.phone = l.phone";
const db::Write<void(std::string_view members)> insert_members{
    "insert_imported_members",
    "INSERT INTO group_members (user_id, name) SELECT u.id, l.name FROM " + kMembers};
const db::Write<void(std::string_view operator_name, std::string_view members)> audit_members{
    "audit_imported_members",
    "INSERT INTO audit (user_id, event, address, request_id, operator_name, createTime) SELECT "
    "u.id, CONCAT('added to group ', l.name), '', '', ?, UTC_TIMESTAMP() FROM " +
        kMembers};

/// Writes rows that have a hash, with an audit row each, in two round trips, four with groups.
/// Throws db::DuplicateKey if one of the phones is taken.
void insert(const db::Transaction& transaction, const std::vector<ImportRow>& rows,
            std::string_view operator_name) {
  std::vector<db::BulkRow> bulk;
  json::Array phones;
  json::Array members;
  for (const ImportRow& row : rows) {
    bulk.push_back({row.phone, row.hash, row.created, row.disabled, row.groups});
    phones.emplace_back(row.phone);
    if (row.groups.empty()) continue;
    for (std::string& group : split(row.groups, ',')) {
      members.push_back(json::Array{row.phone, std::move(group)});
    }
  }
  transaction.connection().execute_bulk(insert_users, bulk);
  audit_users(transaction.connection(), operator_name, crypto::bytes_of(transaction.operation()),
              json::text(phones));
  if (members.empty()) return;
  const std::string list = json::text(members);
  insert_members(transaction.connection(), list);
  audit_members(transaction.connection(), operator_name, list);
}

void drop_registered(db::Database& database, std::vector<ImportRow>& rows) {
  std::vector<std::string> phones;
  for (const ImportRow& row : rows) phones.push_back(row.phone);
  const auto found = find_registered(database, phones);
  std::erase_if(rows, [&](const ImportRow& row) { return found.contains(row.phone); });
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

void ImportRun::work() {
  try {
    Metrics metrics;
    const PasswordCheck passwords(config, metrics);
    db::Database database(config, database_password, metrics);
    while (!stopped) {
      auto rows = take_batch();
      if (rows.empty()) return;
      for (ImportRow& row : rows) {
        if (row.hash.empty()) row.hash = passwords.hash(row.password);
      }
      write(database, std::move(rows));
    }
  } catch (...) {
    stopped = true;
    throw;
  }
}

std::vector<ImportRow> ImportRun::take_batch() {
  const std::lock_guard lock(mutex);
  file.require_unchanged();
  std::vector<ImportRow> rows;
  for (; rows.size() < kBatch && next != plan.todo.end(); ++next) {
    auto line = file.next();
    while (line && line->number < next->line) line = file.next();
    // The text may be the same, but without its line end.
    if (!line || line->number != next->line || line->fault != nullptr ||
        plan.fingerprints.of(line->text) != next->fingerprint) {
      throw file.changed();
    }
    rows.push_back(judge_row(plan.layout, *line, config.phone_default_region));
  }
  return rows;
}

void ImportRun::write(db::Database& database, std::vector<ImportRow> rows) {
  const std::size_t all = rows.size();
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  const auto wait_or_rethrow = [&] {
    if (stopped || std::chrono::steady_clock::now() > patience) throw;
    std::this_thread::sleep_for(kBetweenTries);
  };
  const auto operation = db::new_operation();
  bool was_tried = false;
  while (!rows.empty()) {
    try {
      if (std::exchange(was_tried, true) && database.is_done(operation)) break;
      database.once(operation, [&](db::Transaction& transaction) {
        insert(transaction, rows, operator_name);
        return true;
      });
      break;
    } catch (const db::DuplicateKey&) {
      if (database.is_done(operation)) break;
      drop_registered(database, rows);
    } catch (const db::Unavailable&) {
      wait_or_rethrow();
    } catch (const db::ConnectionLost&) {  // of a server that took its time
      wait_or_rethrow();
    }
  }
  written += rows.size();
  taken += all - rows.size();
}

void ImportRun::run(unsigned threads, const std::function<void()>& tick) {
  file.rewind();
  std::vector<std::future<void>> workers;
  for (unsigned i = 0; i < threads; ++i) {
    workers.push_back(std::async(std::launch::async, [this] { work(); }));
  }
  const auto is_running = [](const std::future<void>& worker) {
    return worker.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
  };
  while (std::ranges::any_of(workers, is_running)) tick();
  for (auto& worker : workers) worker.get();
}

}  // namespace users
