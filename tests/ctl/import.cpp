// users-ctl import and export: what a table of the tutorial's server, and a table of hashes,
// become.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <crypt.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/run.hpp"
#include "service/account_service.hpp"
#include "support/argon2_hashes.hpp"
#include "support/cutting_proxy.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "unit/child_process.hpp"

using namespace users;
using namespace users::test;

namespace {

const Secret kKey(std::string(32, 'k'));
const Secret kNoPassword;

std::string user_name() {
  return ::getpwuid(::geteuid())->pw_name;
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

struct Fixture {
  ScratchDatabase database;
  TemporaryDirectory directory;
  unsigned memory = 64;  ///< of a hash, in KiB

  /// users-ctl on the scratch database; with `exec` in front the shell becomes it.
  [[nodiscard]] std::string ctl(const std::string& arguments) const {
    return "env USERS_FCGI_DATABASE_NAME=" + database.name() +
           " USERS_FCGI_DATABASE_USER=" + user_name() + " USERS_FCGI_DATABASE_PASSWORD_FILE='" +
           state_folder() + "/secrets/migration_password' USERS_FCGI_PASSWORD_ARGON2_PASSES=1 " +
           "USERS_FCGI_PASSWORD_ARGON2_MEMORY=" + std::to_string(memory) +
           " \"$BIN\"/users-ctl --config '" + state_folder() + "/users.conf' " + arguments;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return directory.path() / name; }

  struct Result {
    int status;
    std::string output;
    std::string errors;
  };
  [[nodiscard]] Result run(const std::string& arguments) const {
    const Command command = run_command(ctl(arguments) + " 2>'" + path("errors") + "'");
    return {command.status, command.output, read_file(path("errors"))};
  }
  /// Imports a file of this content.
  [[nodiscard]] Result import(const std::string& content, const std::string& options = "") const {
    return run("import " + options + " '" + directory.write("import.tsv", content).string() + "'");
  }
  /// Exports into a file of mode 0600.
  [[nodiscard]] Result export_into(const std::string& name) const {
    return run("export >'" + directory.write(name, "").string() + "'");
  }
  /// Runs users-ctl beside the test; its output goes to the files `output` and `errors`.
  [[nodiscard]] pid_t start(const std::string& arguments) const {
    const std::string command =
        "exec " + ctl(arguments) + " >'" + path("output") + "' 2>'" + path("errors") + "'";
    return start_child([&] {
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      return 127;
    });
  }

  [[nodiscard]] std::uint64_t count(const std::string& table = "users") {
    return std::stoull(database.query("SELECT COUNT(*) FROM " + table));
  }
  /// By the service's own rules.
  [[nodiscard]] ResultCode login(const std::string& phone, const std::string& password) const {
    const Config config = database.config();
    Metrics metrics;
    db::Database connection(config, kNoPassword, metrics);
    AccountService service(config, kKey, connection, metrics);
    return service.login(phone, password, {"192.0.2.1", "0123456789abcdef"}).code;
  }
  [[nodiscard]] bool lets_in(const std::string& phone, const std::string& password) const {
    return login(phone, password) == ResultCode::ok;
  }
};

/// A table of the tutorial's server with `count` good rows, `188` and eight digits each.
std::string rows(int count) {
  std::string table = "id\tphone\tpassword\tcreateTime\n";
  for (int i = 0; i < count; ++i) {
    const std::string id = std::to_string(10'000'000 + i);
    table += id + "\t188" + id + "\tsecret " + id + "\t2018-04-22 10:00:00\n";
  }
  return table;
}

/// Gives the file other bytes, as many as it has, and stat(2) shows the same size and mtime.
void swap_unseen(const std::filesystem::path& file, const std::string& content) {
  struct stat before {};
  BOOST_TEST_REQUIRE(::stat(file.c_str(), &before) == 0);
  BOOST_TEST_REQUIRE(static_cast<std::size_t>(before.st_size) == content.size());
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary) << content;
  const timespec times[] = {before.st_atim, before.st_mtim};
  BOOST_TEST_REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
}

/// Hashes of bcrypt that nobody's password has: `letter` tells one table of them from another.
std::string hash_of(int row, char letter) {
  std::string hash = "$2b$04$" + std::string(52, letter) + "e";
  hash.replace(28, 1, "e");  // the salt's last character has only two bits
  const std::string number = std::to_string(row);
  return hash.replace(30, number.size(), number);
}

/// `count` rows of phone and hash, and behind them more rows that are no phones than a pipe holds
/// lines of the report.
std::string table_of_hashes(int count, const std::function<char(int row)>& letter) {
  constexpr int kBad = 10'000;
  std::string table = "phone\thash\n";
  for (int i = 0; i < count; ++i) {
    table += "188" + std::to_string(10'000'000 + i) + "\t" + hash_of(i, letter(i)) + "\n";
  }
  for (int i = 0; i < kBad; ++i) table += "nobody\t" + hash_of(i, 'e') + "\n";
  return table;
}

std::string crypt_hash(const char* prefix, unsigned long cost, const std::string& password) {
  const std::string salt = ::crypt_gensalt(prefix, cost, nullptr, 0);
  return ::crypt(password.c_str(), salt.c_str());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(import, Fixture)

BOOST_AUTO_TEST_CASE(the_tutorials_table_comes_over_as_its_client_prints_it) {
  const std::map<std::string, std::string> passwords = {
      {"18866660001", "123456"},
      {"18866660002", "x"},
      {"18866660003", " blanks around "},
      {"18866660004", "tab\there"},
      {"18866660005", "line\nline"},
      {"18866660006", R"(back\slash\n\)"},
      {"18866660007", "quote's \"double\" `tick` $HOME %s ;--"},
      {"18866660008", "密码很长的😀"},
      {"18866660009", "carriage\r"},
      {"18866660010", "$2b$04$looks.like.a.hash"},
      {"18866660011", std::string(128, 'x')},
      {"18866660012", "e\xCC\x81"}};
  ScratchDatabase tutorial(false);
  tutorial.query(
      "CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, phone VARCHAR(64), password "
      "VARCHAR(255), createTime DATETIME) CHARSET utf8mb4");
  for (const auto& [phone, password] : passwords) {
    std::ostringstream hex;
    for (const unsigned char byte : password) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      hex << kDigits[byte >> 4U] << kDigits[byte & 0xFU];
    }
    tutorial.query("INSERT INTO users (phone, password, createTime) VALUES ('" + phone + "', X'" +
                   hex.str() + "', '2018-04-22 10:00:00')");
  }
  run_script("mariadb --no-defaults --socket='" + run_folder() + "/mariadb.sock' --user=" +
             user_name() + " --default-character-set=utf8mb4 --batch -e " +
             "'SELECT id, phone, password, createTime FROM users' " + tutorial.name() + " >'" +
             path("users.tsv") + "'");

  const Result result = run("import '" + path("users.tsv") + "'");
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(result.output.empty(), result.output);
  BOOST_TEST(contains(result.errors, "imported 12 accounts"), result.errors);
  BOOST_TEST(contains(result.errors, "shred"), result.errors);
  BOOST_TEST(count() == passwords.size());
  for (const auto& [phone, password] : passwords) BOOST_TEST(lets_in(phone, password), phone);
  BOOST_TEST((login("18866660001", "1234567") == ResultCode::wrong_credentials));
  BOOST_TEST(database.query("SELECT COUNT(*) FROM users WHERE createTime = '2018-04-22 10:00:00' "
                            "AND password LIKE '$argon2id$v=19$m=64,t=1,p=1$%' AND disableTime IS "
                            "NULL") == "12");
  BOOST_TEST(database.query("SELECT COUNT(DISTINCT user_id) FROM audit WHERE event = 'imported' "
                            "AND operator_name = '" +
                            user_name() + "'") == "12");
  BOOST_TEST(count("audit WHERE event = 'imported'") == 12U);
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
                      "account already\nwarning: the createTime of 1 row (the first is line 7) "
                      "cannot be read; write it as 2016-05-03 08:34:12, from 1970 on. These "
                      "accounts get the time of the import\nnothing was "
                      "written\n"),
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
  BOOST_TEST(database.query("SELECT password FROM users WHERE phone = '+8618866660009'") == "x");
  BOOST_TEST(import("phone\tpassword\n18866660001\tplanted-1\n", "--dry-run").status == 0);
}

BOOST_AUTO_TEST_CASE(a_table_of_another_system_changes_its_meaning_nowhere) {
  // As Django's and PostgreSQL's \\copy write it.
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
  BOOST_TEST(contains(result.output, "6\tbad\t-\tthe phone went through a spreadsheet"));
  BOOST_TEST(contains(result.output, "7\tbad\t-\tthe line ends otherwise"));
  BOOST_TEST(contains(result.errors, "columns that are not taken over: email\n"), result.errors);
  BOOST_TEST(contains(result.errors, "disabled accounts, which stay so: 2\n"));
  BOOST_TEST(
      contains(result.errors, "warning: 1 account (the first is in line 5) taken for disabled"));
  BOOST_TEST(result.errors.find("not taken over") < result.errors.find("imported 4"));
  BOOST_TEST(count() == 4U);
  for (const char* open : {"1", "3"}) {
    BOOST_TEST(lets_in("1886666000" + std::string(open), "planted-" + std::string(open)));
  }
  for (const char* shut : {"2", "4"}) {
    BOOST_TEST((login("1886666000" + std::string(shut), "planted-" + std::string(shut)) ==
                ResultCode::account_disabled));
  }
  BOOST_TEST(
      database.query("SELECT COUNT(*) FROM users WHERE createTime = '2016-05-03 08:34:12'") == "2");

  // Of rows that stay out nothing is said but what somebody may have to do.
  const Result again = import(table);
  for (const char* word : {"which stay so", "taken for disabled", "enabled here"}) {
    BOOST_TEST(!contains(again.errors, word), again.errors);
  }
  database.query("UPDATE users SET disableTime = NULL WHERE phone = '+8618866660002'");
  BOOST_TEST(contains(import(table).errors,
                      "warning: disabled in the file, enabled here, and left so: 1 account (the "
                      "first is in line 3); if need be: users-ctl user disable PHONE"));
}

BOOST_AUTO_TEST_CASE(a_row_of_a_deleted_account_gives_way_to_the_one_registered_since) {
  const Result result = import(
      "id\tphone\tpassword\tcreated_at\tdeleted_at\n"
      "1\t18866660001\tplanted-1\t2019-01-01 00:00:00\t2020-01-01 00:00:00\n"
      "9\t18866660001\tplanted-9\t2020-02-01 00:00:00\tNULL\n"
      "2\t18866660002\tplanted-2\t2019-01-01 00:00:00\t2020-01-01 00:00:00\n");
  BOOST_TEST(contains(result.output,
                      "2\tduplicate\t+86188****0001\tanother row of this phone counts: line 3"));
  BOOST_TEST(lets_in("18866660001", "planted-9"));
  BOOST_TEST((login("18866660002", "planted-2") == ResultCode::account_disabled));
}

BOOST_AUTO_TEST_CASE(a_column_that_is_used_can_be_left_out) {
  const std::string table =
      "id\tphone\tpassword\tcreateTime\n1\t18866660001\tplanted-1\t2011-01-01 00:00:00\n";
  BOOST_TEST(contains(import(table, "--ignore-column phone").errors, "no account can be made"));
  BOOST_TEST(import(table, "--ignore-column createTime,id").status == 0);
  BOOST_TEST(count("users WHERE createTime > '2020-01-01'") == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_in_another_form_is_refused_with_what_to_do) {
  const std::pair<std::string, const char*> files[] = {
      {"phone,password\n18866660001,planted-1\n", "there is no tab in it"},
      {"\"phone\"\t\"password\"\n", "save the file without quotes"},
      {std::string("\xFF\xFEp\0h\0o\0n\0e\0\t\0", 14), "save the file as UTF-8"}};
  for (const auto& [text, what] : files) {
    const Result result = import(text);
    BOOST_TEST(result.status == 1);
    BOOST_TEST(contains(result.errors, what), result.errors);
  }
}

BOOST_AUTO_TEST_CASE(a_column_that_may_say_who_is_disabled_stops_it_until_it_is_ignored) {
  const std::string table = "phone\tpassword\tstatus\tlocked\n18866660001\tplanted-1\t3\t0\n";
  const Result stopped = import(table);
  BOOST_TEST(stopped.status == 1);
  BOOST_TEST(contains(stopped.errors, "the column status may say which accounts are disabled"));
  BOOST_TEST(contains(import(table, "--ignore-column status").errors, "the column locked may say"));
  BOOST_TEST(count() == 0U);
  BOOST_TEST(import(table, "--ignore-column status,locked").status == 0);
  BOOST_TEST(count() == 1U);
  BOOST_TEST(contains(import(table, "--ignore-column nothing").errors, "no such column"));
  const Result twice = import(
      "phone\tpassword\n18866660002\tplanted-2\npassword\tphone\n"
      "planted-3\t18866660003\n");
  BOOST_TEST(twice.status == 1);
  BOOST_TEST(contains(twice.errors, "line 3 is a second heading"), twice.errors);
  BOOST_TEST(count() == 1U);
}

BOOST_AUTO_TEST_CASE(of_duplicates_the_oldest_is_kept) {
  const Result result = import(
      "createTime\tmore\tpassword\tphone\tid\n"
      // By date, whatever id and line.
      "2018-04-22 10:00:01\t\tlater\t18866660001\t1\n"
      "2018-04-22 10:00:00\t\toldest\t0086 18866660001\t9\n"
      "NULL\t\tundated\t18866660001\t2\n"
      // By id where the dates are equal.
      "2018-04-22 10:00:00\t\tlater\t18866660002\t10\n"
      "2018-04-22 10:00:00\t\toldest\t18866660002\t9\n"
      // By line where there is nothing else.
      "NULL\t\toldest\t18866660003\tNULL\n"
      "NULL\t\tlater\t１８８６６６６０００３\tNULL\n");
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(result.output ==
             "2\tduplicate\t+86188****0001\tanother row of this phone counts: line 3\n"
             "4\tduplicate\t+86188****0001\tanother row of this phone counts: line 3\n"
             "5\tduplicate\t+86188****0002\tanother row of this phone counts: line 6\n"
             "8\tduplicate\t+86188****0003\tanother row of this phone counts: line 7\n");
  for (const char* phone : {"18866660001", "18866660002", "18866660003"}) {
    BOOST_TEST(lets_in(phone, "oldest"), phone);
  }
  BOOST_TEST(database.query("SELECT ABS(TIMESTAMPDIFF(SECOND, createTime, UTC_TIMESTAMP())) < 60 "
                            "FROM users WHERE phone = '+8618866660003'") == "1");
}

BOOST_AUTO_TEST_CASE(hashes_come_over_as_they_are) {
  const std::string password = "correct horse 42";
  const std::vector<std::string> hashes = {
      crypt_hash("$2b$", 4, password),
      crypt_hash("$2y$", 4, password),
      crypt_hash("$5$", 1000, password),
      crypt_hash("$6$", 1000, password),
      crypt_hash("$y$", 1, password),
      crypto::hash_password(Secret(std::string_view(password)), {128, 1})};
  std::string file = "\xEF\xBB\xBFphone\thash\tcreated_at\r\n";
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    file += "1886666000" + std::to_string(i) + "\t" + hashes[i] + "\t2018-04-22 10:00:00\r\n";
  }
  file += "18866660008\t" + crypt_hash("$1$", 0, password) + "\tNULL\r\n";
  file += "18866660009\tcorrect horse 42\tNULL\r\n";
  const Result result = import(file);
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(std::ranges::count(result.output, '\n') == 2);
  BOOST_TEST(result.output.starts_with("8\tbad\t-\tnot a hash that login verifies"));
  BOOST_TEST(!contains(result.output + result.errors, "correct"));
  BOOST_TEST(!contains(result.errors, "plain text"), result.errors);
  BOOST_TEST(count() == hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const std::string phone = "1886666000" + std::to_string(i);
    BOOST_TEST(database.query("SELECT password FROM users WHERE createTime = '2018-04-22 10:00:00' "
                              "AND phone = '+86" +
                              phone + "'") == hashes[i]);
    BOOST_TEST(lets_in(phone, password), hashes[i]);
  }
}

BOOST_AUTO_TEST_CASE(hashes_of_the_defaults_of_other_systems_log_in) {
  const std::vector<std::string>& hashes = kHashesOfOtherSystems;
  std::string file = "phone\thash\n";
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    file += "1886666000" + std::to_string(i) + "\t" + hashes[i] + "\n";
  }
  const Result result = import(file);
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(result.output == "");
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const std::string phone = "1886666000" + std::to_string(i);
    BOOST_TEST(lets_in(phone, "correct horse 42"), hashes[i]);
    BOOST_TEST((login(phone, "correct horse 43") == ResultCode::wrong_credentials));
  }
}

BOOST_AUTO_TEST_CASE(a_hash_that_a_worker_could_not_verify_is_a_bad_row) {
  const std::string argon2 = "$MDEyMzQ1Njc4OWFiY2RlZg$fcxg8bazWR3zjJWElsCwxxNkptqmdaZ6HjseXL0devE";
  const std::string too_big = "a hash that takes more than 128 MiB (m of argon2, cost of yescrypt)";
  const std::string work =
      "a hash that takes longer than two seconds (t of argon2, cost of bcrypt, rounds of "
      "SHA-crypt)";
  const std::string lanes = "a hash of more than 64 lanes (p of argon2)";
  const std::string form = "not a hash that login verifies (argon2, bcrypt, SHA-crypt, yescrypt)";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"$argon2id$v=19$m=1048576,t=100,p=1" + argon2, too_big},
      {"$argon2i$v=19$m=131073,t=1,p=1" + argon2, too_big},
      {"$y$jDT$saltsalt$" + std::string(43, '.'), too_big},
      {"$argon2id$v=19$m=65536,t=49,p=1" + argon2, work},
      {"$2b$15$" + std::string(53, 'e'), work},
      {"$2y$31$" + std::string(53, 'e'), work},
      {"$5$rounds=1000000$salt$" + std::string(43, '.'), work},
      {"$6$rounds=999999999$salt$" + std::string(86, '.'), work},
      {"$argon2id$v=19$m=65536,t=1,p=255" + argon2, lanes},
      {"$argon2id$v=19$m=0,t=1,p=1" + argon2, form},
      {"$argon2id$v=19$m=64,t=0,p=1" + argon2, form},
      {"$argon2id$v=19$m=64,t=1,p=0" + argon2, form},
      {"$argon2id$v=19$m=64,t=1" + argon2, form},
      {"$argon2id$v=19$m=64,m=64,t=1,p=1" + argon2, form},
      {"$argon2id$v=19$m=99999999999999999999,t=1,p=1" + argon2, form},
      {"$argon2id$v=19$m=64,t=1,p=1$c2FsdA$fcxg8bazWR3zjJWElsCwxxNkptqmdaZ6HjseXL0devE", form},
      {"$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$fcxg8baz", form},
      {"$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$fcxg8bazWR3zjJWElsCwx_", form},
      {"$2b$04$" + std::string(53, 'z'), form}};
  std::string file = "phone\thash\n18866660000\t" + hash_of(0, 'i') + "\n";
  std::string report;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    file += std::to_string(18866661000 + i) + "\t" + rows[i].first + "\n";
    report += std::to_string(i + 3) + "\tbad\t-\t" + rows[i].second + "\n";
  }
  const Result dry = import(file, "--dry-run");
  BOOST_TEST(dry.status == 1);
  BOOST_TEST(dry.output == report);
  const Result result = import(file);
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(result.output == report);
  BOOST_TEST(count() == 1U);
  BOOST_TEST(database.query("SELECT password FROM users") == hash_of(0, 'i'));
}

BOOST_AUTO_TEST_CASE(a_password_like_a_hash_too_costly_to_verify_is_warned_of) {
  const Result result =
      import("phone\tpassword\n18866660001\t$2b$31$" + std::string(53, 'e') + "\n");
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(contains(result.errors, "passwords that look like hashes: 1."), result.errors);
  BOOST_TEST(lets_in("18866660001", "$2b$31$" + std::string(53, 'e')));
}

BOOST_AUTO_TEST_CASE(an_export_imported_elsewhere_is_the_same) {
  // Three pages of the export.
  BOOST_TEST_REQUIRE(import(rows(2500)).status == 0);
  database.query("UPDATE users SET disableTime = '2020-02-29 23:59:59' WHERE id % 7 = 0");
  database.query("DELETE FROM users WHERE id % 11 = 0");
  BOOST_TEST_REQUIRE(export_into("export.tsv").status == 0);
  BOOST_TEST(read_file(path("export.tsv")).starts_with("phone\thash\tcreateTime\tdisableTime\n"));

  const std::string sum =
      "SELECT CONCAT_WS(' ', COUNT(*), COUNT(disableTime), SUM(CRC32(CONCAT_WS(' ', phone, "
      "password, createTime, IFNULL(disableTime, '-'))))) FROM users";
  Fixture other;
  const Result imported = other.run("import '" + path("export.tsv") + "'");
  BOOST_TEST(imported.status == 0, imported.errors);
  BOOST_TEST(imported.output.empty());
  BOOST_TEST(other.database.query(sum) == database.query(sum));
  BOOST_TEST(other.count() > 2000U);
}

BOOST_AUTO_TEST_CASE(an_empty_table_exports_a_heading_that_imports) {
  BOOST_TEST_REQUIRE(export_into("export.tsv").status == 0);
  const Result result = run("import '" + path("export.tsv") + "'");
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(contains(result.errors, "imported 0 accounts"), result.errors);
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
}

BOOST_AUTO_TEST_CASE(an_export_writes_nothing_into_a_file_that_others_may_read) {
  namespace fs = std::filesystem;
  BOOST_TEST_REQUIRE(import(rows(3)).status == 0);
  const auto file = directory.write("export.tsv", "");
  for (const int bit : {0040, 0020, 0010, 0004, 0002, 0001}) {
    fs::permissions(file, static_cast<fs::perms>(0600 | bit));
    for (const std::string into : {"export >'", "export --yes >'", "export >>'", "export 1<>'"}) {
      const Result result = run(into + file.string() + "'");
      BOOST_TEST(result.status == 1, into << bit);
      BOOST_TEST(contains(result.errors, "chmod 600"), result.errors);
      BOOST_TEST(contains(result.errors, "umask 077"), result.errors);
      BOOST_TEST(fs::file_size(file) == 0U);
    }
  }
  // By a shell's usual umask a new file is such a one.
  const Command usual =
      run_command("umask 022; " + ctl("export >'" + path("new.tsv") + "' 2>/dev/null"));
  BOOST_TEST(usual.status == 1);
  BOOST_TEST(read_file(path("new.tsv")) == "");
}

BOOST_AUTO_TEST_CASE(an_export_goes_into_a_file_of_ones_own_or_a_pipe) {
  BOOST_TEST_REQUIRE(import(rows(3)).status == 0);
  const Command careful = run_command("umask 077; " + ctl("export >'" + path("new.tsv") + "'"));
  BOOST_TEST(careful.status == 0);
  const std::string exported = read_file(path("new.tsv"));
  BOOST_TEST(std::ranges::count(exported, '\n') == 4);
  BOOST_TEST(run("export --yes >>'" + directory.write("again.tsv", "").string() + "'").status == 0);
  BOOST_TEST(read_file(path("again.tsv")) == exported);
  // What a pipe leads to is the business of who reads it.
  BOOST_TEST(run("export").output == exported);
}

BOOST_AUTO_TEST_CASE(on_a_terminal_a_bar_is_drawn) {
  const auto file = directory.write("import.tsv", rows(200));
  const auto line = directory.write("command", "exec " + ctl("import '" + file.string() + "'"));
  const Command command = run_command("script -qec 'sh " + line.string() + "' /dev/null");
  BOOST_TEST(command.status == 0, command.output);
  BOOST_TEST(contains(command.output, "[##############################] 200 of 200 rows, 100 %"),
             command.output);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_no_success) {
  BOOST_TEST_REQUIRE(import(rows(100)).status == 0);
  const Result full = run("export >/dev/full");
  BOOST_TEST(full.status == 1);
  BOOST_TEST(contains(full.errors, "disk full"), full.errors);
  // The report is what the operator decides by: without it nothing is written.
  const auto file = directory.write("more.tsv", "phone\tpassword\n1\tx\n18866669999\tsecret\n");
  BOOST_TEST(run("import '" + file.string() + "' >/dev/full").status == 1);
  BOOST_TEST(count() == 100U);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_twice_or_says_nothing_is_refused) {
  const auto refused = [&](const std::string& arguments, const std::string& why) {
    const Result result = run("import " + arguments);
    BOOST_TEST(result.status == 1, arguments);
    BOOST_TEST(contains(result.errors, why), result.errors);
    BOOST_TEST(!contains(result.errors, "planted"), result.errors);
  };
  refused("'" + path("missing") + "'", "cannot be opened");
  refused("'" + directory.path().string() + "'", "not a regular file");
  refused("'" + directory.write("empty", "").string() + "'", "empty");
  refused("'" + directory.write("text", "planted secret\n").string() + "'", "line 1 is neither");
  const Command pipe =
      run_command(R"(printf 'phone\tpassword\n18866660001\tx\n' | )" + ctl("import -") + " 2>&1");
  BOOST_TEST(pipe.status == 1);
  BOOST_TEST(contains(pipe.output, "read twice"), pipe.output);
  BOOST_TEST(run("import").status == 64);
  BOOST_TEST(run("import a b").status == 64);
  BOOST_TEST(count() == 0U);
}

BOOST_AUTO_TEST_CASE(standard_input_will_do_where_it_is_a_file) {
  const Result result = run("import - <'" + directory.write("import.tsv", rows(3)).string() + "'");
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(count() == 3U);
}

BOOST_AUTO_TEST_CASE(a_file_that_others_may_read_is_warned_of) {
  const auto file = directory.write("import.tsv", rows(1));
  BOOST_TEST(!contains(run("import --dry-run '" + file.string() + "'").errors, "chmod"));
  std::filesystem::permissions(file, std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  BOOST_TEST(contains(run("import --dry-run '" + file.string() + "'").errors, "chmod 600"));
}

BOOST_AUTO_TEST_CASE(the_database_away_is_exit_code_69_and_another_schema_78) {
  const auto file = directory.write("import.tsv", rows(1)).string();
  for (const std::string& arguments : {"import '" + file + "'", std::string("export")}) {
    const Command nobody =
        run_command("USERS_FCGI_DATABASE_HOSTS=/nonexistent/socket " + ctl(arguments) + " 2>&1");
    BOOST_TEST(nobody.status == 69, nobody.output);
  }
  database.query(
      "INSERT INTO schema_migrations (version, name, applyTime) "
      "VALUES (99, '0099_later.sql', UTC_TIMESTAMP())");
  BOOST_TEST(run("import '" + file + "'").status == 78);
  BOOST_TEST(run("export").status == 78);
}

BOOST_AUTO_TEST_CASE(who_registers_meanwhile_keeps_the_account) {
  const auto file = directory.write("import.tsv", rows(200)).string();
  const auto other = database.connect();
  {
    // The phone of row 100, not committed yet: its batch waits for the outcome, the others do not.
    db::Transaction registration(*other, db::new_operation());
    other->run_script(
        "INSERT INTO users (phone, password, createTime) VALUES ('+8618810000100', 'theirs', "
        "UTC_TIMESTAMP())",
        "register");
    const pid_t import = start("import '" + file + "'");
    BOOST_TEST(wait_until(30, [&] { return count() >= 200U - ImportRun::kBatch; }));
    registration.commit();
    BOOST_TEST(wait_for(import) == 0);
  }
  BOOST_TEST(
      contains(read_file(path("errors")), "imported 199 accounts\nregistered meanwhile: 1 phone;"),
      read_file(path("errors")));
  BOOST_TEST(count() == 200U);
  BOOST_TEST(count("audit WHERE event = 'imported'") == 199U);
  BOOST_TEST(database.query("SELECT password FROM users WHERE phone = '+8618810000100'") ==
             "theirs");
}

BOOST_AUTO_TEST_CASE(a_deadlock_and_a_lock_wait_are_replayed) {
  database.query("CREATE TABLE failures (n INT) ENGINE = Aria; INSERT INTO failures VALUES (4)");
  database.query(
      "CREATE TRIGGER fail_first BEFORE INSERT ON users FOR EACH ROW BEGIN UPDATE failures SET n = "
      "n - 1; IF (SELECT n FROM failures) >= 0 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = "
      "1213; END IF; END");
  const Result result = import(rows(100));
  BOOST_TEST(result.status == 0, result.errors);
  BOOST_TEST(contains(result.errors, "replaying"), result.errors);
  BOOST_TEST(count() == 100U);
  BOOST_TEST(count("audit") == 100U);
}

BOOST_AUTO_TEST_CASE(a_lost_answer_to_commit_writes_nothing_twice) {
  const auto name = directory.write("import.tsv", rows(100)).string();
  // The statement with its command byte, since the session's setup names READ-COMMITTED.
  for (const char* trigger : {"\x03"
                              "COMMIT",
                              "START TRANSACTION", "+8618810000003"}) {
    database.query("DELETE FROM users; DELETE FROM audit");
    Config config = database.config();
    const ImportFile file(name);
    std::optional<ImportPlan> plan;
    {
      Metrics metrics;
      db::Database direct(config, kNoPassword, metrics);
      plan = plan_import(file, config, direct, [] { return false; });
    }
    BOOST_REQUIRE(plan);
    const CuttingProxy proxy(config.database_hosts[0], trigger);
    config.database_hosts = {proxy.socket()};
    ImportRun run(config, kNoPassword, file, *plan, "operator", 1);
    run.wait();
    BOOST_TEST(proxy.has_cut());
    BOOST_TEST(run.counts().written == 100U);
    BOOST_TEST(run.counts().taken == 0U);
    BOOST_TEST(count() == 100U);
    BOOST_TEST(count("audit") == 100U);
  }
}

BOOST_AUTO_TEST_CASE(killed_connections_are_made_anew) {
  memory = 1024;
  const auto file = directory.write("import.tsv", rows(3000)).string();
  const pid_t import = start("import '" + file + "'");
  for (const std::uint64_t reached : {100U, 700U, 1300U}) {
    BOOST_TEST(wait_until(60, [&] { return count() >= reached; }));
    database.query(
        "BEGIN NOT ATOMIC FOR c IN (SELECT id FROM information_schema.processlist WHERE db = "
        "DATABASE() AND id <> CONNECTION_ID()) DO BEGIN DECLARE CONTINUE HANDLER FOR 1094 BEGIN "
        "END; KILL c.id; END; END FOR; END");
  }
  BOOST_TEST(wait_for(import) == 0);
  BOOST_TEST(contains(read_file(path("errors")), "imported 3000 accounts"),
             read_file(path("errors")));
  BOOST_TEST(count() == 3000U);
  BOOST_TEST(count("audit") == 3000U);
}

BOOST_AUTO_TEST_CASE(a_restart_of_the_database_is_waited_for) {
  memory = 1024;
  const auto file = directory.write("import.tsv", rows(3000)).string();
  const pid_t import = start("import '" + file + "'");
  BOOST_TEST(wait_until(60, [&] { return count() > 0; }));
  run_script("scripts/stop database");
  run_script("scripts/start database");
  BOOST_TEST(wait_for(import) == 0);
  const auto again = database.connect();
  for (const char* table : {"users", "audit"}) {
    const std::string sql = std::string("SELECT COUNT(*) FROM ") + table;
    BOOST_TEST(again->run_script(sql, "count").value_or("") == "3000");
  }
}

BOOST_AUTO_TEST_CASE(whoever_does_not_want_to_wait_for_the_database_interrupts) {
  memory = 1024;
  const auto file = directory.write("import.tsv", rows(3000)).string();
  const pid_t import = start("import '" + file + "'");
  BOOST_TEST(wait_until(60, [&] { return count() > 0; }));
  run_script("scripts/stop database");
  BOOST_TEST(::kill(import, SIGINT) == 0);
  const int status = wait_for(import);
  run_script("scripts/start database");
  BOOST_TEST(status == 69);
  BOOST_TEST(contains(read_file(path("errors")), "run the same command again to go on"));
}

BOOST_AUTO_TEST_CASE(a_file_that_changes_while_it_is_imported_stops_it) {
  memory = 1024;
  const auto file = directory.write("import.tsv", rows(3000)).string();
  const pid_t import = start("import '" + file + "'");
  BOOST_TEST(wait_until(60, [&] { return count() > 0; }));
  std::ofstream(file, std::ios::app) << "x";
  BOOST_TEST(wait_for(import) == 1);
  const std::string errors = read_file(path("errors"));
  BOOST_TEST(contains(errors, "was changed while it was read"), errors);
  BOOST_TEST(
      contains(errors, "written: " + std::to_string(count()) + " of 3000 rows; run the same"),
      errors);
}

BOOST_AUTO_TEST_CASE(rows_that_are_swapped_unseen_behind_the_report_are_not_written) {
  constexpr int kRows = 1000;
  constexpr int kFirstSwapped = 300;
  const auto judged = table_of_hashes(kRows, [](int) { return 'i'; });
  const auto swapped =
      table_of_hashes(kRows, [](int row) { return row < kFirstSwapped ? 'i' : 'q'; });
  const auto file = directory.write("import.tsv", judged);
  // The report is longer than the pipe that it goes into, so the import stands between its two
  // passes from the report's first byte until somebody reads the rest.
  BOOST_TEST_REQUIRE(::mkfifo(path("output").c_str(), 0600) == 0);
  const pid_t import = start("import '" + file.string() + "'");
  std::ifstream report(path("output"));
  BOOST_TEST_REQUIRE(report.get() != std::ifstream::traits_type::eof());
  swap_unseen(file, swapped);
  BOOST_TEST(std::count(std::istreambuf_iterator<char>(report), {}, '\n') == 10'000);
  BOOST_TEST(wait_for(import) == 1);
  const std::string errors = read_file(path("errors"));
  BOOST_TEST(contains(errors, "was changed while it was read: run the same command again"), errors);
  BOOST_TEST(contains(errors, "written: " + std::to_string(count()) + " of 1000 rows;"), errors);
  BOOST_TEST(database.query("SELECT COUNT(*) FROM users WHERE password LIKE '%qqq%'") == "0");
  BOOST_TEST(count() <= std::uint64_t{kFirstSwapped});
  BOOST_TEST(count("audit") == count());

  // The same command judges what the file has now, and goes on.
  const Result rest = run("import '" + file.string() + "'");
  BOOST_TEST(rest.status == 0, rest.errors);
  BOOST_TEST(count() == std::uint64_t{kRows});
}

BOOST_AUTO_TEST_CASE(every_byte_of_a_row_is_what_was_judged) {
  const std::string plain = "phone\tpassword\tcreateTime\tdisableTime\tmore\n";
  const std::string hashes = "phone\thash\tcreateTime\tdisableTime\tmore\n";
  const std::string first = "18866660001\t" + hash_of(1, 'i') + "\tNULL\tNULL\tx\n";
  const std::string second = "18866660002\t" + hash_of(2, 'i') + "\tNULL\t2019-01-01\tx\n";
  struct Swap {
    std::string what, judged, swapped;
    std::uint64_t written;
  };
  for (const Swap& swap : std::vector<Swap>{
           {"a password", plain + "18866660001\tsecret\tNULL\tNULL\tx\n",
            plain + "18866660001\tsecreT\tNULL\tNULL\tx\n", 0},
           {"a hash", hashes + first,
            hashes + "18866660001\t" + hash_of(1, 'q') + "\tNULL\tNULL\tx\n", 0},
           {"when it was disabled", hashes + second,
            hashes + "18866660002\t" + hash_of(2, 'i') + "\tNULL\t2019-01-02\tx\n", 0},
           {"when it was made", plain + "18866660001\tsecret\t2018-04-22\tNULL\tx\n",
            plain + "18866660001\tsecret\t2018-04-23\tNULL\tx\n", 0},
           {"a column that is not taken", hashes + first,
            hashes + first.substr(0, first.size() - 2) + "y\n", 0},
           {"the rows' order", hashes + first + second, hashes + second + first, 0},
           {"the last line's end", hashes + "nobody\tx\tx\tx\tx\n" + first,
            hashes + "nobody\tx\tx\tx\txx\n" + first.substr(0, first.size() - 1), 0},
           {"nothing", hashes + first + second, hashes + first + second, 2}}) {
    BOOST_TEST_CONTEXT(swap.what) {
      database.query("DELETE FROM users; DELETE FROM audit");
      const Config config = database.config();
      const auto name = directory.write("import.tsv", swap.judged);
      const ImportFile file(name);
      Metrics metrics;
      db::Database direct(config, kNoPassword, metrics);
      const auto plan = plan_import(file, config, direct, [] { return false; });
      BOOST_TEST_REQUIRE(!plan->todo.empty());
      swap_unseen(name, swap.swapped);
      ImportRun run(config, kNoPassword, file, *plan, "operator", 1);
      if (swap.written == 0) {
        BOOST_CHECK_THROW(run.wait(), ImportRefused);
      } else {
        run.wait();
      }
      BOOST_TEST(count() == swap.written);
      BOOST_TEST(count("audit") == swap.written);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_between_two_batches_and_the_same_command_goes_on) {
  memory = 1024;
  const auto file = directory.write("import.tsv", rows(3000)).string();
  const pid_t import = start("import '" + file + "'");
  BOOST_TEST(wait_until(60, [&] { return count() > 0; }));
  BOOST_TEST(::kill(import, SIGINT) == 0);
  BOOST_TEST(wait_for(import) == 1);
  const std::uint64_t written = count();
  BOOST_TEST_REQUIRE(written < 3000U);
  BOOST_TEST(count("audit") == written);
  const std::string errors = read_file(path("errors"));
  BOOST_TEST(contains(errors, std::to_string(written) +
                                  " of 3000 rows; run the same command again to go on"),
             errors);
  BOOST_TEST(!contains(errors, "shred"), errors);
  const Result rest = run("import '" + file + "'");
  BOOST_TEST(rest.status == 0, rest.errors);
  BOOST_TEST(contains(rest.errors, "imported " + std::to_string(3000 - written) + " accounts"),
             rest.errors);
  BOOST_TEST(count() == 3000U);
  BOOST_TEST(count("audit") == 3000U);
}

BOOST_AUTO_TEST_CASE(two_imports_of_one_file_at_once_make_each_account_once) {
  const auto file = directory.write("import.tsv", rows(2000)).string();
  const pid_t first = start("import '" + file + "'");
  const Result second = run("import '" + file + "'");
  BOOST_TEST(second.status == 0, second.errors);
  BOOST_TEST(wait_for(first) == 0);
  BOOST_TEST(count() == 2000U);
  BOOST_TEST(count("audit") == 2000U);
}

BOOST_AUTO_TEST_SUITE_END()
