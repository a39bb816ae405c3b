// Migrations on scratch databases: an empty one, repeated and concurrent runs, and refusals.
#include "db/migrations.hpp"

#include <atomic>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "db/database.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/text.hpp"

using namespace users;
using namespace users::test;

namespace {

/// All tables of a database with their columns and indexes.
std::string tables_of(ScratchDatabase& database) {
  const std::pair<const char*, const char*> kParts[] = {
      {"tables", "table_name, engine, table_collation"},
      {"columns",
       "table_name, ordinal_position, column_name, column_type, is_nullable, "
       "IFNULL(column_default, '-'), extra, IFNULL(collation_name, '-'), column_comment"},
      {"statistics", "table_name, index_name, non_unique, seq_in_index, column_name"}};
  std::string all;
  for (const auto& [part, row] : kParts) {
    const std::string line = std::string("CONCAT_WS(' ', ") + row + ")";
    all += database.query("SELECT GROUP_CONCAT(" + line + " ORDER BY " + line +
                          " SEPARATOR '\n') FROM information_schema." + part +
                          " WHERE table_schema = DATABASE()") +
           "\n";
  }
  return all;
}

std::string server_socket() {
  return run_folder() + "/mariadb.sock";
}

Command ctl(const ScratchDatabase& database, const std::string& arguments) {
  return run_command("USERS_FCGI_DATABASE_HOSTS='" + server_socket() +
                     "' USERS_FCGI_DATABASE_NAME=" + database.name() +
                     " USERS_FCGI_DATABASE_MIGRATION_USER=\"$(id -un)\"" +
                     " USERS_FCGI_DATABASE_MIGRATION_PASSWORD_FILE='" + state_folder() +
                     "/secrets/migration_password' USERS_FCGI_DATABASE_MIGRATIONS=sql/migrations "
                     "\"$BIN\"/users-ctl --config conf/development.conf " +
                     arguments + " 2>&1");
}

void apply_all(const ScratchDatabase& database) {
  const auto connection = database.connect();
  for (const auto& migration : db::list_migrations("sql/migrations")) {
    db::apply_migration(*connection, migration);
  }
}

/// A line for each migration.
std::string each_migration(const std::string& what) {
  std::string lines;
  for (const auto& migration : db::list_migrations("sql/migrations")) {
    lines.append(what).append(": ").append(migration.name).append("\n");
  }
  return lines;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(migrations)

BOOST_AUTO_TEST_CASE(the_whole_schema_and_the_programs_are_what_the_migrations_make) {
  ScratchDatabase migrated(false);
  apply_all(migrated);
  ScratchDatabase whole;
  const std::string tables = tables_of(migrated);
  BOOST_TEST(tables.find("schema_migrations") != std::string::npos);
  BOOST_TEST(tables == tables_of(whole));
  BOOST_TEST(db::list_migrations("sql/migrations").size() == db::kSchemaVersion);
}

BOOST_AUTO_TEST_CASE(every_table_is_innodb_with_a_primary_key_and_a_binary_collation) {
  ScratchDatabase database;
  BOOST_TEST(database.query(
                 "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = "
                 "DATABASE() AND (engine <> 'InnoDB' OR table_collation <> 'utf8mb4_bin')") == "0");
  BOOST_TEST(
      database.query("SELECT COUNT(*) FROM information_schema.tables t WHERE table_schema = "
                     "DATABASE() AND NOT EXISTS (SELECT 1 FROM information_schema.statistics s "
                     "WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND "
                     "s.index_name = 'PRIMARY')") == "0");
  BOOST_TEST(database.query("SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = "
                            "DATABASE() AND collation_name NOT LIKE '%\\_bin'") == "0");
}

BOOST_AUTO_TEST_CASE(the_command_tells_what_it_did_and_does_it_once) {
  const ScratchDatabase database(false);
  const Command before = ctl(database, "migrate --check");
  BOOST_TEST(before.status == 1);
  BOOST_TEST(before.output == each_migration("pending"));
  const Command first = ctl(database, "migrate");
  BOOST_TEST(first.status == 0);
  BOOST_TEST(first.output == each_migration("applied"));
  const Command again = ctl(database, "migrate");
  BOOST_TEST(again.status == 0);
  BOOST_TEST(again.output == "the schema is up to date\n");
  BOOST_TEST(ctl(database, "migrate --check").status == 0);
}

BOOST_AUTO_TEST_CASE(a_database_of_the_first_version_is_brought_up_to_date) {
  ScratchDatabase database(false);
  database.query(
      "CREATE TABLE schema_migrations (version INT UNSIGNED NOT NULL, name VARCHAR(128) CHARACTER "
      "SET ascii COLLATE ascii_nopad_bin NOT NULL, applyTime DATETIME NOT NULL COMMENT 'UTC', "
      "PRIMARY KEY (version)) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;" +
      read_file("sql/migrations/0001_users.sql") +
      "INSERT INTO schema_migrations VALUES (1, '0001_users.sql', UTC_TIMESTAMP());"
      "INSERT INTO users (phone, password, createTime) VALUES ('+8613900000001', 'x', "
      "'2026-01-02 03:04:05')");
  BOOST_TEST(ctl(database, "migrate --check").status == 1);
  BOOST_TEST(ctl(database, "migrate").status == 0);
  BOOST_TEST(database.query("SELECT CONCAT_WS(' ', id, phone, createTime) FROM users") ==
             "1 +8613900000001 2026-01-02 03:04:05");
  ScratchDatabase fresh;
  BOOST_TEST(tables_of(database) == tables_of(fresh));
}

BOOST_AUTO_TEST_CASE(the_rows_of_accounts_in_groups_get_their_names) {
  ScratchDatabase database;
  database.query(
      "ALTER TABLE users DROP COLUMN groupNames; DELETE FROM schema_migrations WHERE version >= "
      "14; "
      "INSERT INTO users (id, phone, password, createTime) SELECT seq, CONCAT('+861390000000', "
      "seq), 'x', UTC_TIMESTAMP() FROM seq_1_to_3; INSERT INTO group_members SELECT 1, "
      "CONCAT(REPEAT('g', 30), LPAD(65 - seq, 2, '0')) FROM seq_1_to_64; INSERT INTO group_members "
      "VALUES (3, 'staff'), (3, 'authors')");
  BOOST_TEST(ctl(database, "migrate").status == 0);
  BOOST_TEST(database.query("SELECT LENGTH(groupNames) FROM users WHERE id = 1") == "2111");
  BOOST_TEST(database.query("SELECT GROUP_CONCAT(CONCAT('<', groupNames, '>') ORDER BY id "
                            "SEPARATOR ' ') FROM users WHERE id > 1") == "<> <authors,staff>");
}

BOOST_AUTO_TEST_CASE(a_migration_that_was_changed_after_it_was_applied_is_refused) {
  ScratchDatabase database(false);
  apply_all(database);
  BOOST_TEST(run_script("sha256sum sql/migrations/0001_users.sql | cut -c1-64") ==
             database.query("SELECT checksum FROM schema_migrations WHERE version = 1") + "\n");
  database.query("UPDATE schema_migrations SET checksum = REPEAT('0', 64) WHERE version = 1");
  for (const std::string command : {"migrate", "migrate --check"}) {
    const Command refused = ctl(database, command);
    BOOST_TEST(refused.status == 78);
    BOOST_TEST(refused.output.find("0001_users.sql is not the file that was applied") !=
               std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_table_of_the_tutorial_is_refused_and_stays_as_it_is) {
  ScratchDatabase database(false);
  database.query(
      "CREATE TABLE users (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT, phone VARCHAR(16) NOT NULL, "
      "password VARCHAR(32) NOT NULL, createTime DATETIME NULL) DEFAULT CHARSET = utf8;"
      "INSERT INTO users (phone, password, createTime) VALUES "
      "('18866668888', '123456', '2018-04-22 10:00:00'), "
      "('18866668888', 'qwerty', '2018-04-22 10:00:01')");
  const auto everything = [&] {
    return database.query("SHOW CREATE TABLE users") +
           database.query("SELECT GROUP_CONCAT(id, phone, password, createTime) FROM users") +
           database.query(
               "SELECT GROUP_CONCAT(table_name) FROM information_schema.tables WHERE "
               "table_schema = DATABASE()");
  };
  const std::string before = everything();
  for (const std::string command : {"migrate --check", "migrate"}) {
    const Command refused = ctl(database, command);
    BOOST_TEST(refused.status == 78);
    BOOST_TEST(refused.output.find("nothing was changed") != std::string::npos);
    BOOST_TEST(refused.output.find("users-ctl import") != std::string::npos);
  }
  BOOST_TEST(everything() == before);
}

BOOST_AUTO_TEST_CASE(eight_at_once_make_one_schema) {
  ScratchDatabase database(false);
  std::atomic<int> failed{0};
  std::atomic<int> applied{0};
  in_parallel(8, 8, [&](int) {
    const Command command = ctl(database, "migrate");
    if (command.status != 0) ++failed;
    std::istringstream lines(command.output);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("applied: ")) ++applied;
    }
  });
  BOOST_TEST(failed == 0);
  BOOST_TEST(applied == static_cast<int>(db::kSchemaVersion));
  BOOST_TEST(database.query("SELECT COUNT(*) FROM schema_migrations") ==
             std::to_string(db::kSchemaVersion));
}

BOOST_AUTO_TEST_CASE(a_database_that_is_ahead_is_refused_with_both_versions) {
  ScratchDatabase database;
  database.query(
      "INSERT INTO schema_migrations (version, name, applyTime) "
      "VALUES (99, '0099_later.sql', UTC_TIMESTAMP())");
  const Command command = ctl(database, "migrate");
  BOOST_TEST(command.status == 78);
  BOOST_TEST(command.output.find("99") != std::string::npos);
  BOOST_TEST(command.output.find("end at " + std::to_string(db::kSchemaVersion)) !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_gap_in_the_numbers_is_refused) {
  const TemporaryDirectory folder;
  for (const char* name : {"0001_a.sql", "0003_c.sql", "notes.txt"}) (void)folder.write(name, "");
  BOOST_CHECK_EXCEPTION(
      db::list_migrations(folder.path().string()), std::runtime_error, [](const auto& error) {
        return std::string(error.what()).find("migration 2 is missing") != std::string::npos;
      });
}

BOOST_AUTO_TEST_CASE(a_worker_waits_for_a_schema_and_refuses_another) {
  ScratchDatabase database(false);
  const auto connection = database.connect();
  BOOST_CHECK_THROW(db::require_schema(*connection), db::Unavailable);
  apply_all(database);
  BOOST_CHECK_NO_THROW(db::require_schema(*connection));
  database.query(
      "INSERT INTO schema_migrations (version, name, applyTime) "
      "VALUES (99, '0099_later.sql', UTC_TIMESTAMP())");
  BOOST_CHECK_EXCEPTION(db::require_schema(*connection), db::SchemaMismatch, [](const auto& error) {
    const std::string_view text = error.what();
    return text.find("version 99") != std::string_view::npos &&
           text.find("version " + std::to_string(db::kSchemaVersion)) != std::string_view::npos;
  });
}

// This lets the hosts of a cluster be upgraded one after another.
BOOST_AUTO_TEST_CASE(a_program_works_with_a_later_schema_that_says_so) {
  ScratchDatabase database;
  const auto connection = database.connect();
  const TemporaryDirectory folder;
  unsigned version = db::kSchemaVersion;
  const auto apply = [&](const std::string& script) {
    const std::string name = "000" + std::to_string(version + 1) + "_later.sql";
    const auto file = folder.write(name, script + "DO 0;");
    db::apply_migration(*connection, {version + 1, name, file});
    ++version;
  };
  const std::string line = "-- oldest program: ";
  for (const std::string& bad : {std::string("0"), std::string("x"), std::string(),
                                 std::to_string(version + 2), std::to_string(version) + ".5"}) {
    BOOST_CHECK_THROW(apply("-- Adds a column.\n" + line + bad + "\n"), std::runtime_error);
  }
  BOOST_TEST(db::schema_version(*connection) == db::kSchemaVersion);
  apply("-- Adds a column.\n" + line + std::to_string(db::kSchemaVersion) + "\n");
  apply(line + std::to_string(db::kSchemaVersion) + "\n");
  BOOST_CHECK_NO_THROW(db::require_schema(*connection));
  BOOST_TEST(ctl(database, "migrate").output == "the schema is up to date\n");
  // One has no such line, and one names a later program.
  for (const std::string& script : {std::string(), line + std::to_string(version) + "\n"}) {
    apply(script);
    BOOST_CHECK_THROW(db::require_schema(*connection), db::SchemaMismatch);
    BOOST_TEST(ctl(database, "migrate").status == 78);
    database.query("DELETE FROM schema_migrations WHERE version = " + std::to_string(version--));
  }
}

BOOST_AUTO_TEST_CASE(the_service_account_may_only_read_and_write_rows) {
  const std::string password = read_file(state_folder() + "/secrets/service_password");
  db::Connection service({server_socket(), "users", "users_service"},
                         Secret(password.substr(0, password.find('\n'))));
  BOOST_CHECK_NO_THROW(service.run_script("SELECT 1 FROM users LIMIT 1", "read"));
  for (const char* sql :
       {"CREATE TABLE more (id INT)", "DROP TABLE audit", "ALTER TABLE users ADD more INT",
        "CREATE DATABASE more", "SELECT * FROM mysql.user", "GRANT SELECT ON users.* TO PUBLIC",
        "SELECT LOAD_FILE('/etc/passwd') INTO OUTFILE '/tmp/never'"}) {
    BOOST_CHECK_THROW(service.run_script(sql, sql), db::DatabaseError);
  }
}

BOOST_AUTO_TEST_SUITE_END()
