// users-ctl import and export of a table from the tutorial's server and of a table of hashes.
#include <algorithm>
#include <iomanip>
#include <map>
#include <sstream>

#include <crypt.h>

#include "ctl/import_fixture.hpp"
#include "support/argon2_hashes.hpp"

using namespace users;
using namespace users::test;

namespace {

std::string crypt_hash(const char* prefix, unsigned long cost, const std::string& password) {
  const std::string salt = ::crypt_gensalt(prefix, cost, nullptr, 0);
  return ::crypt(password.c_str(), salt.c_str());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(import, ImportFixture)

BOOST_AUTO_TEST_CASE(the_tutorials_table_comes_over_as_its_client_prints_it) {
  std::vector<std::string> passwords = {"123456",      "x",          " blanks around ",
                                        "tab\there",   "line\nline", R"(back\slash\n\)",
                                        "密码很长的😀", "carriage\r", "$2b$04$looks.like.a.hash",
                                        "e\xCC\x81"};
  passwords.emplace_back("quote's \"double\" `tick` $HOME %s ;--");
  passwords.emplace_back(128, 'x');
  passwords.push_back("$2b$31$" + std::string(53, 'e'));
  const auto phone_of = [](std::size_t row) { return std::to_string(18866660001 + row); };
  ScratchDatabase tutorial(false);
  tutorial.query(
      "CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, phone VARCHAR(64), password "
      "VARCHAR(255), createTime DATETIME) CHARSET utf8mb4");
  for (std::size_t i = 0; i < passwords.size(); ++i) {
    std::ostringstream hex;
    for (const unsigned char byte : passwords[i]) {
      hex << std::hex << std::setw(2) << std::setfill('0') << unsigned{byte};
    }
    tutorial.query("INSERT INTO users (phone, password, createTime) VALUES ('" + phone_of(i) +
                   "', X'" + hex.str() + "', '2018-04-22 10:00:00')");
  }
  run_script("mariadb --no-defaults --socket='" + run_folder() +
             "/mariadb.sock' --user=" + user_name + " --default-character-set=utf8mb4 --batch -e " +
             "'SELECT id, phone, password, createTime FROM users' " + tutorial.name() + " >'" +
             path("users.tsv") + "'");

  const Result result = run("import '" + path("users.tsv") + "'");
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(result.output.empty(), result.output);
  BOOST_TEST(contains(result.errors, "imported 13 accounts"), result.errors);
  BOOST_TEST(
      contains(result.errors, "1 row (the first is line 14): the password looks like a hash"));
  BOOST_TEST(contains(result.errors, "shred"), result.errors);
  BOOST_TEST(count() == passwords.size());
  for (std::size_t i = 0; i < passwords.size(); ++i) {
    BOOST_TEST(lets_in(phone_of(i), passwords[i]), passwords[i]);
  }
  BOOST_TEST((login("18866660001", "1234567") == ResultCode::wrong_credentials));
  BOOST_TEST(count("users WHERE createTime = '2018-04-22 10:00:00' AND password LIKE "
                   "'$argon2id$v=19$m=64,t=1,p=1$%' AND disableTime IS NULL") == 13U);
  BOOST_TEST(count("audit WHERE event = 'imported'") == 13U);
  BOOST_TEST(database.query("SELECT COUNT(DISTINCT user_id) FROM audit WHERE event = 'imported' "
                            "AND operator_name = '" +
                            user_name + "'") == "13");
}

BOOST_AUTO_TEST_CASE(a_dry_run_tells_each_row_that_stays_out_and_writes_nothing) {
  database.query(
      "INSERT INTO users (phone, password, createTime) VALUES ('+8618866660009', 'x', "
      "UTC_TIMESTAMP())");
  const std::string table =
      "id\tphone\tpassword\tcreateTime\n"
      "1\t18866660001\tplanted-1\t2018-04-22 10:00:00\n"
      "2\t1886666\tplanted-2\t2018-04-22 10:00:00\n"
      "3\t+86 188-6666-0001\tplanted-3\t2018-04-21 10:00:00\n"
      "4\t18866660004\t\t2018-04-22 10:00:00\n"
      "5\tplanted-5\tplanted-5\tNULL\n"
      "6\t18866660006\tplanted-6\tplanted-6\n"
      "7\t18866660009\tplanted-7\t2018-04-22 10:00:00\n"
      "8\t18866660008\tplanted-8\n"
      "9\t18866660010\tplanted-9\xFF\tNULL\n"
      "10\t18866660011\t" +
      std::string(129, 'p') + "\tNULL\n" + std::string(20000, 'p') +
      "\n"
      "12\t18866660012\tplanted-12\tNULL";
  const Result dry = import(table, "--dry-run");
  BOOST_TEST(dry.status == 1);
  BOOST_TEST(dry.output ==
             "2\tduplicate\t+86188****0001\tanother row of this phone counts: line 4\n"
             "3\tbad\t-\tnot a mobile number\n"
             "5\tbad\t-\tno password\n"
             "6\tbad\t-\tnot a mobile number\n"
             "8\tregistered\t+86188****0009\tthe phone has an account already\n"
             "9\tbad\t-\tnot as many columns as the first line\n"
             "10\tbad\t-\tthe password is not UTF-8 text\n"
             "11\tbad\t-\tthe password is longer than 128 characters\n"
             "12\tbad\t-\tthe line is longer than 16384 bytes\n"
             "13\tbad\t-\tthe last line has no end: is the file whole?\n");
  BOOST_TEST(contains(dry.errors,
                      "12 rows: 2 to be imported, 8 bad, 1 duplicate of older rows, 1 with an "
                      "account already\nwarning: 1 row (the first is line 7): the createTime "
                      "cannot be read, so the account gets the time of the import; write it as "
                      "2016-05-03 08:34:12, from 1970 on\nnothing was written\n"),
             dry.errors);
  BOOST_TEST(!contains(dry.errors, "planted"));
  BOOST_TEST(count() == 1U);
  BOOST_TEST(count("audit") == 0U);

  const Result real = import(table);
  BOOST_TEST(real.status == 0, real.errors);
  BOOST_TEST(real.output == dry.output);
  BOOST_TEST(count() == 3U);
  BOOST_TEST(lets_in("18866660001", "planted-3"));
  BOOST_TEST(lets_in("18866660006", "planted-6"));
  BOOST_TEST(count("users WHERE phone = '+8618866660009' AND password = 'x'") == 1U);
  BOOST_TEST(import("phone\tpassword\n18866660001\tplanted-1\n", "--dry-run").status == 0);
}

BOOST_AUTO_TEST_CASE(a_table_of_another_system_changes_its_meaning_nowhere) {
  // As written by Django and by PostgreSQL's \\copy.
  const std::string table =
      "\xEF\xBB\xBFid\tphone\temail\tpassword\tis_active\tcreateTime\r\n"
      "1\t18866660001\ta@x\tplanted-1\tt\t2016-05-03 08:34:12.1+00\r\n"
      "2\t18866660002\t\\N\tplanted-2\tf\t2016-05-03T08:34:12Z\r\n"
      "3\t18866660003\t\tplanted-3\tt\t\\N\r\n"
      "4\t18866660004\t\tplanted-4\tmaybe\t0000-00-00\r\n"
      "5\t18866660005.0\t\tplanted-5\tt\t\r\n"
      "6\t18866660006\t\tplanted-6\tt\tNULL\n";
  const Result result = import(table);
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(contains(result.output, "6\tbad\t-\ta spreadsheet has written .0 behind the phone"));
  BOOST_TEST(contains(result.output, "7\tbad\t-\tthe line end differs"));
  BOOST_TEST(contains(result.errors, "columns that are not taken over: email\n"), result.errors);
  BOOST_TEST(contains(result.errors, "disabled accounts, which stay so: 2\n"));
  BOOST_TEST(contains(result.errors, "warning: 1 row (the first is line 5): imported as disabled"));
  BOOST_TEST(result.errors.find("not taken over") < result.errors.find("imported 4"));
  BOOST_TEST(count() == 4U);
  for (const auto& [digit, code] :
       std::map<std::string, ResultCode>{{"1", ResultCode::ok},
                                         {"2", ResultCode::account_disabled},
                                         {"3", ResultCode::ok},
                                         {"4", ResultCode::account_disabled}}) {
    BOOST_TEST((login("1886666000" + digit, "planted-" + digit) == code), digit);
  }
  BOOST_TEST(count("users WHERE createTime = '2016-05-03 08:34:12'") == 2U);

  // Skipped rows are only reported if someone may have to act.
  const Result again = import(table);
  for (const char* words : {"which stay so", "imported as disabled", "enabled here"}) {
    BOOST_TEST(!contains(again.errors, words), again.errors);
  }
  database.query("UPDATE users SET disableTime = NULL WHERE phone = '+8618866660002'");
  BOOST_TEST(contains(import(table).errors,
                      "warning: 1 row (the first is line 3): disabled in the file but enabled "
                      "here, and left so; to disable one: users-ctl user disable PHONE"));
}

BOOST_AUTO_TEST_CASE(columns_can_be_left_out_and_some_must_be) {
  const std::string table =
      "id\tphone\tpassword\tcreateTime\tstatus\tlocked\n"
      "1\t18866660001\tplanted-1\t2011-01-01 00:00:00\t3\t0\n";
  for (const auto& [names, error] : std::map<std::string, const char*>{
           {"id", "the column status may say which accounts are disabled"},
           {"status", "the column locked may say which accounts are disabled"},
           {"nothing", "no such column"},
           {"phone,status,locked", "an account needs the column phone"}}) {
    const Result result = import(table, "--ignore-column " + names);
    BOOST_TEST(result.status == 1);
    BOOST_TEST(contains(result.errors, error), result.errors);
  }
  BOOST_TEST(count() == 0U);
  BOOST_TEST(import(table, "--ignore-column status,locked,createTime,id").status == 0);
  BOOST_TEST(count("users WHERE createTime > '2020-01-01'") == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_refused_with_what_to_do) {
  const std::pair<std::string, const char*> files[] = {
      {"phone,password\n18866660001,planted-1\n", "there is no tab in it"},
      {"\"phone\"\t\"password\"\n", "save the file without quotes"},
      {std::string("\xFF\xFEp\0h\0o\0n\0e\0\t\0", 14), "save the file as UTF-8"},
      {"", "empty"},
      {"planted secret\n", "line 1 is neither"},
      {"phone\tpassword\n18866660002\tplanted-2\npassword\tphone\nplanted-3\t18866660003\n",
       "line 3 is a second heading"}};
  for (const auto& [text, what] : files) {
    const Result result = import(text);
    BOOST_TEST(result.status == 1);
    BOOST_TEST(contains(result.errors, what), result.errors);
    BOOST_TEST(!contains(result.errors, "planted"), result.errors);
  }
  for (const auto& [command, what] : std::map<std::string, const char*>{
           {ctl("import '" + path("missing") + "'"), "cannot be opened: No such file"},
           {ctl("import '" + directory.path().string() + "'"), "not a regular file"},
           {"printf 'planted\n' | " + ctl("import -"), "is read twice"}}) {
    const Command result = run_command(command + " 2>&1");
    BOOST_TEST(result.status == 1);
    BOOST_TEST(contains(result.output, what), result.output);
  }
  BOOST_TEST(run("import").status == 64);
  BOOST_TEST(run("import a b").status == 64);
  BOOST_TEST(count() == 0U);
}

BOOST_AUTO_TEST_CASE(of_duplicates_the_oldest_that_is_not_disabled_is_kept) {
  const Result result = import(
      "createTime\tmore\tpassword\tphone\tid\tdeleted_at\n"
      // By date, regardless of id and line.
      "2018-04-22 10:00:01\t\tlater\t18866660001\t1\t\n"
      "2018-04-22 10:00:00\t\tkept\t0086 18866660001\t9\t\n"
      "NULL\t\tundated\t18866660001\t2\t\n"
      // By id if the dates are equal.
      "2018-04-22 10:00:00\t\tlater\t18866660002\t10\t\n"
      "2018-04-22 10:00:00\t\tkept\t18866660002\t9\t\n"
      // By line if nothing else differs.
      "NULL\t\tkept\t18866660003\tNULL\t\n"
      "NULL\t\tlater\t１８８６６６６０００３\tNULL\t\n"
      // A deleted account yields to a newer one.
      "2019-01-01 00:00:00\t\tdeleted\t18866660004\t1\t2020-01-01 00:00:00\n"
      "2020-02-01 00:00:00\t\tkept\t18866660004\t9\tNULL\n"
      "2019-01-01 00:00:00\t\tdeleted\t18866660005\t2\t2020-01-01 00:00:00\n");
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(result.output ==
             "2\tduplicate\t+86188****0001\tanother row of this phone counts: line 3\n"
             "4\tduplicate\t+86188****0001\tanother row of this phone counts: line 3\n"
             "5\tduplicate\t+86188****0002\tanother row of this phone counts: line 6\n"
             "8\tduplicate\t+86188****0003\tanother row of this phone counts: line 7\n"
             "9\tduplicate\t+86188****0004\tanother row of this phone counts: line 10\n");
  for (const char* phone : {"18866660001", "18866660002", "18866660003", "18866660004"}) {
    BOOST_TEST(lets_in(phone, "kept"), phone);
  }
  BOOST_TEST((login("18866660005", "deleted") == ResultCode::account_disabled));
  BOOST_TEST(database.query("SELECT ABS(TIMESTAMPDIFF(SECOND, createTime, UTC_TIMESTAMP())) < 60 "
                            "FROM users WHERE phone = '+8618866660003'") == "1");
}

BOOST_AUTO_TEST_CASE(hashes_come_over_as_they_are_and_log_in) {
  const std::string password = "correct horse 42";
  std::vector<std::string> hashes = {
      crypt_hash("$2b$", 4, password),
      crypt_hash("$2y$", 4, password),
      crypt_hash("$5$", 1000, password),
      crypt_hash("$6$", 1000, password),
      crypt_hash("$y$", 1, password),
      crypto::hash_password(Secret(std::string_view(password)), {128, 1})};
  hashes.insert(hashes.end(), kHashesOfOtherSystems.begin(), kHashesOfOtherSystems.end());
  std::string file = "\xEF\xBB\xBFphone\thash\tcreated_at\r\n";
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    file += std::to_string(18866660000 + i) + "\t" + hashes[i] + "\t2018-04-22 10:00:00\r\n";
  }
  const std::size_t bad = hashes.size() + 2;
  file += "18866660090\t$2b$15$" + std::string(53, 'e') + "\tNULL\r\n";
  file += "18866660091\tcorrect horse 42\tNULL\r\n";
  const std::string report =
      std::to_string(bad) +
      "\tbad\t-\ta hash that takes longer than two seconds (t of argon2, cost "
      "of bcrypt, rounds of SHA-crypt)\n" +
      std::to_string(bad + 1) +
      "\tbad\t-\tnot a hash that login verifies (argon2, bcrypt, SHA-crypt, yescrypt)\n";
  const Result dry = import(file, "--dry-run");
  BOOST_TEST(dry.status == 1);
  BOOST_TEST(dry.output == report);
  const Result result = import(file);
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(result.output == report);
  BOOST_TEST(!contains(dry.errors + result.errors, "correct"));
  BOOST_TEST(!contains(result.errors, "plain text"), result.errors);
  BOOST_TEST(count() == hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const std::string phone = std::to_string(18866660000 + i);
    BOOST_TEST(count("users WHERE createTime = '2018-04-22 10:00:00' AND phone = '+86" + phone +
                     "' AND password = '" + hashes[i] + "'") == 1U);
    BOOST_TEST(lets_in(phone, password), hashes[i]);
    BOOST_TEST((login(phone, "correct horse 43") == ResultCode::wrong_credentials));
  }
}

BOOST_AUTO_TEST_CASE(an_export_imported_elsewhere_is_the_same) {
  // The export reads three pages.
  BOOST_TEST_REQUIRE(import(rows(2500)).status == 0);
  database.query("UPDATE users SET disableTime = '2020-02-29 23:59:59' WHERE id % 7 = 0");
  database.query("DELETE FROM users WHERE id % 11 = 0");
  for (const char* group : {"CONCAT('group-', id % 3)", "'staff'"}) {
    database.query(std::string("INSERT INTO group_members SELECT id, ") + group +
                   " FROM users WHERE id % 5 = 0");
  }
  database.query(
      "UPDATE users SET groupNames = CONCAT('group-', id % 3, ',staff') WHERE id % 5 = 0");
  BOOST_TEST_REQUIRE(export_to("export.tsv").status == 0);
  const std::string exported = read_file(path("export.tsv"));
  BOOST_TEST(exported.starts_with("phone\thash\tcreateTime\tdisableTime\tgroups\n"));
  BOOST_TEST(contains(exported, "\t2018-04-22 10:00:00\t2020-02-29 23:59:59\tNULL\n"));
  BOOST_TEST(contains(exported, "\tNULL\tgroup-0,staff\n"));

  std::string columns;
  std::istringstream heading(exported.substr(0, exported.find('\n')));
  for (std::string column; std::getline(heading, column, '\t');) {
    const std::string groups =
        "(SELECT CONCAT(groupNames, ' ', GROUP_CONCAT(name ORDER BY name)) FROM group_members m "
        "WHERE m.user_id = users.id)";
    columns += ", IFNULL(" +
               (column == "hash"     ? "password"
                : column == "groups" ? groups
                                     : column) +
               ", '-')";
  }
  const std::string sum =
      "SELECT CONCAT_WS(' ', COUNT(*), COUNT(disableTime), "
      "SUM(CRC32(CONCAT_WS(' '" +
      columns + ")))) FROM users";
  ImportFixture other;
  const Result imported = other.run("import '" + path("export.tsv") + "'");
  BOOST_TEST(imported.status == 0, imported.errors);
  BOOST_TEST(imported.output.empty());
  BOOST_TEST(other.database.query(sum) == database.query(sum));
  BOOST_TEST(other.count() > 2000U);
  BOOST_TEST(
      other.database.query("SELECT COUNT(*) FROM audit WHERE event LIKE 'added to group %'") ==
      database.query("SELECT COUNT(*) FROM group_members"));

  database.query("DELETE FROM users");
  BOOST_TEST_REQUIRE(export_to("empty.tsv").status == 0);
  const Result empty = run("import '" + path("empty.tsv") + "'");
  BOOST_TEST(empty.status == 0, empty.errors);
  BOOST_TEST(contains(empty.errors, "imported 0 accounts"), empty.errors);
}

BOOST_AUTO_TEST_CASE(an_export_asks_before_it_shows_hashes_on_a_terminal) {
  BOOST_TEST_REQUIRE(import(rows(1)).status == 0);
  const auto on_terminal = [&](const std::string& arguments, const std::string& answer) {
    const auto command = directory.write("command", "exec " + ctl(arguments)).string();
    return run_command("printf '" + answer + "\\n' | script -qec 'sh " + command + "' /dev/null");
  };
  const Command no = on_terminal("export", "n");
  BOOST_TEST(no.status == 1, no.output);
  BOOST_TEST(contains(no.output, "Go on?"), no.output);
  BOOST_TEST(!contains(no.output, "$argon2id$"), no.output);
  BOOST_TEST(contains(on_terminal("export", "y").output, "$argon2id$"));
  const Command yes = on_terminal("export --yes", "");
  BOOST_TEST(yes.status == 0);
  BOOST_TEST(!contains(yes.output, "Go on?"));
  BOOST_TEST(contains(yes.output, "$argon2id$"));
  // An import shows its progress.
  const auto file = directory.write("import.tsv", rows(200)).string();
  const Command shown = on_terminal("import " + file, "");
  BOOST_TEST(shown.status == 0);
  BOOST_TEST(contains(shown.output, " of 199 rows"), shown.output);
}

BOOST_AUTO_TEST_CASE(an_export_goes_to_a_file_only_if_nobody_else_can_open_it) {
  namespace fs = std::filesystem;
  BOOST_TEST_REQUIRE(import(rows(3)).status == 0);
  const auto file = directory.write("export.tsv", "");
  for (const int bit : {0040, 0020, 0010, 0004, 0002, 0001}) {
    fs::permissions(file, static_cast<fs::perms>(0600 | bit));
    for (const std::string to : {"export >'", "export --yes >'", "export >>'", "export 1<>'"}) {
      const Result result = run(to + file.string() + "'");
      BOOST_TEST(result.status == 1, to << bit);
      BOOST_TEST(contains(result.errors, "chmod 600"), result.errors);
      BOOST_TEST(contains(result.errors, "umask 077"), result.errors);
      BOOST_TEST(fs::file_size(file) == 0U);
    }
  }
  // With the usual umask a new file has these permissions.
  const auto export_new = [&](const std::string& umask) {
    return run_command("umask " + umask + "; " + ctl("export >'" + path(umask) + "' 2>/dev/null"));
  };
  BOOST_TEST(export_new("022").status == 1);
  BOOST_TEST(read_file(path("022")) == "");
  BOOST_TEST(export_new("077").status == 0);
  const std::string exported = read_file(path("077"));
  BOOST_TEST(std::ranges::count(exported, '\n') == 4);
  BOOST_TEST(run("export --yes >>'" + directory.write("again.tsv", "").string() + "'").status == 0);
  BOOST_TEST(read_file(path("again.tsv")) == exported);
  // Users of a pipe are responsible for where it leads.
  BOOST_TEST(run("export").output == exported);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_no_success) {
  BOOST_TEST_REQUIRE(import(rows(100)).status == 0);
  const Result full = run("export >/dev/full");
  BOOST_TEST(full.status == 1);
  BOOST_TEST(contains(full.errors, "disk full"), full.errors);
  // The operator decides by the report: without it nothing is written.
  const auto file = directory.write("more.tsv", "phone\tpassword\n1\tx\n18866669999\tsecret\n");
  BOOST_TEST(run("import '" + file.string() + "' >/dev/full").status == 1);
  BOOST_TEST(count() == 100U);
}

BOOST_AUTO_TEST_CASE(standard_input_can_be_a_file_and_one_that_others_may_read_is_warned_of) {
  const auto file = directory.write("import.tsv", rows(3));
  const Result result = run("import - <'" + file.string() + "'");
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(!contains(result.errors, "chmod"));
  BOOST_TEST(count() == 3U);
  std::filesystem::permissions(file, std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  BOOST_TEST(contains(run("import --dry-run '" + file.string() + "'").errors, "chmod 600"));
}

BOOST_AUTO_TEST_CASE(the_database_away_is_exit_code_69_and_another_schema_78) {
  const auto file = directory.write("import.tsv", rows(1)).string();
  const std::string commands[] = {"import '" + file + "'", "export"};
  for (const std::string& command : commands) {
    const Command nobody =
        run_command("USERS_FCGI_DATABASE_HOSTS=/nonexistent/socket " + ctl(command) + " 2>&1");
    BOOST_TEST(nobody.status == 69, nobody.output);
  }
  database.query(
      "INSERT INTO schema_migrations (version, name, applyTime) "
      "VALUES (99, '0099_later.sql', UTC_TIMESTAMP())");
  for (const std::string& command : commands) BOOST_TEST(run(command).status == 78);
}

BOOST_AUTO_TEST_SUITE_END()
