// users-ctl import during registrations, restarts, interrupts and changes to the file: no row is
// lost, written twice, or different from the one that was checked.
#include <algorithm>
#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>

#include "ctl/import_fixture.hpp"
#include "import/import.hpp"
#include "support/cutting_proxy.hpp"

using namespace users;
using namespace users::test;

namespace {

struct Fixture : ImportFixture {
  std::string file = directory.path() / "import.tsv";

  /// Starts an import of 3000 rows, which takes seconds, and waits until some are written.
  pid_t start_long_import(std::uint64_t written = 1) {
    memory = 1024;
    static_cast<void>(directory.write("import.tsv", rows(3000)));
    const pid_t import = start("import '" + file + "'");
    BOOST_TEST(wait_until(60, [&] { return count() >= written; }));
    return import;
  }
  [[nodiscard]] ImportPlan plan_of(ImportFile& table) const {
    const Config config = database.config();
    Metrics metrics;
    db::Database direct(config, no_password, metrics);
    return plan_import(table, config, direct, [] {});
  }
  void check_all_written(std::uint64_t all) {
    BOOST_TEST(count() == all);
    BOOST_TEST(count("audit") == all);
  }
};

/// Changes the file's bytes but not its size and mtime.
void swap_unseen(const std::filesystem::path& file, const std::string& content) {
  struct stat before {};
  BOOST_TEST_REQUIRE(::stat(file.c_str(), &before) == 0);
  BOOST_TEST_REQUIRE(static_cast<std::size_t>(before.st_size) == content.size());
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary) << content;
  const timespec times[] = {before.st_atim, before.st_mtim};
  BOOST_TEST_REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
}

/// A valid bcrypt hash without a password; `letter` tells one table from another.
std::string hash_of(int row, char letter) {
  std::string hash = "$2b$04$" + std::string(52, letter) + "e";
  hash.replace(28, 1, "e");  // the salt's last character has only two bits
  const std::string number = std::to_string(row);
  return hash.replace(30, number.size(), number);
}

/// `count` rows of phone and hash, those from `first_other` on with another letter, followed by
/// more invalid rows than a pipe holds lines of the report.
std::string table_of_hashes(int count, int first_other) {
  constexpr int kBad = 10'000;
  std::string table = "phone\thash\n";
  for (int i = 0; i < count; ++i) {
    table += "188" + std::to_string(10'000'000 + i) + "\t" +
             hash_of(i, i < first_other ? 'i' : 'q') + "\n";
  }
  for (int i = 0; i < kBad; ++i) table += "nobody\t" + hash_of(i, 'e') + "\n";
  return table;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(import_run, Fixture)

BOOST_AUTO_TEST_CASE(who_registers_meanwhile_keeps_the_account) {
  static_cast<void>(directory.write("import.tsv", rows(200)));
  const auto other = database.connect();
  {
    // The phone of row 100 is not committed yet: only its batch waits for the outcome.
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
  BOOST_TEST(contains(errors(), "imported 199 accounts\nregistered meanwhile: 1 phone;"), errors());
  BOOST_TEST(count() == 200U);
  BOOST_TEST(count("audit WHERE event = 'imported'") == 199U);
  BOOST_TEST(count("users WHERE phone = '+8618810000100' AND password = 'theirs'") == 1U);
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
  check_all_written(100);
}

BOOST_AUTO_TEST_CASE(a_lost_answer_to_commit_writes_nothing_twice) {
  ImportFile table(directory.write("import.tsv", rows(100)));
  // The statement with its command byte, because the session's setup names READ-COMMITTED.
  for (const char* trigger : {"\x03"
                              "COMMIT",
                              "START TRANSACTION", "+8618810000003"}) {
    database.query("DELETE FROM users; DELETE FROM audit");
    Config config = database.config();
    const ImportPlan plan = plan_of(table);
    const CuttingProxy proxy(config.database_hosts[0], trigger);
    config.database_hosts = {proxy.socket()};
    ImportRun run{config, no_password, plan, "operator", table};
    run.run(1, [] {});
    BOOST_TEST(proxy.has_cut());
    BOOST_TEST(run.written == 100U);
    BOOST_TEST(run.taken == 0U);
    check_all_written(100);
  }
}

BOOST_AUTO_TEST_CASE(killed_connections_are_made_anew) {
  const pid_t import = start_long_import();
  for (const std::uint64_t reached : {100U, 700U, 1300U}) {
    BOOST_TEST(wait_until(60, [&] { return count() >= reached; }));
    database.query(
        "BEGIN NOT ATOMIC FOR c IN (SELECT id FROM information_schema.processlist WHERE db = "
        "DATABASE() AND id <> CONNECTION_ID()) DO BEGIN DECLARE CONTINUE HANDLER FOR 1094 BEGIN "
        "END; KILL c.id; END; END FOR; END");
  }
  BOOST_TEST(wait_for(import) == 0);
  BOOST_TEST(contains(errors(), "imported 3000 accounts"), errors());
  check_all_written(3000);
}

BOOST_AUTO_TEST_CASE(a_restart_of_the_database_is_waited_for) {
  const pid_t import = start_long_import();
  run_script("scripts/stop database");
  run_script("scripts/start database");
  BOOST_TEST(wait_for(import) == 0);
  const auto again = database.connect();
  for (const char* sql : {"SELECT COUNT(*) FROM users", "SELECT COUNT(*) FROM audit"}) {
    BOOST_TEST(again->run_script(sql, "count").value_or("") == "3000");
  }
}

BOOST_AUTO_TEST_CASE(whoever_does_not_want_to_wait_for_the_database_interrupts) {
  const pid_t import = start_long_import();
  run_script("scripts/stop database");
  BOOST_TEST(::kill(import, SIGINT) == 0);
  const int status = wait_for(import);
  run_script("scripts/start database");
  BOOST_TEST(status == 69);
  BOOST_TEST(contains(errors(), "run the same command again to go on"));
}

BOOST_AUTO_TEST_CASE(a_file_that_changes_while_it_is_imported_stops_it) {
  const pid_t import = start_long_import();
  std::ofstream(file, std::ios::app) << "x";
  BOOST_TEST(wait_for(import) == 1);
  BOOST_TEST(contains(errors(), "was changed while it was read"), errors());
  BOOST_TEST(
      contains(errors(), "written: " + std::to_string(count()) + " of 3000 rows; run the same"),
      errors());
}

BOOST_AUTO_TEST_CASE(rows_that_are_swapped_unseen_behind_the_report_are_not_written) {
  constexpr int kRows = 1000;
  constexpr int kFirstSwapped = 300;
  static_cast<void>(directory.write("import.tsv", table_of_hashes(kRows, kRows)));
  // The report does not fit into the pipe, so the import stops between its two passes until someone
  // reads the rest.
  BOOST_TEST_REQUIRE(::mkfifo(path("output").c_str(), 0600) == 0);
  const pid_t import = start("import '" + file + "'");
  std::ifstream report(path("output"));
  BOOST_TEST_REQUIRE(report.get() != std::ifstream::traits_type::eof());
  swap_unseen(file, table_of_hashes(kRows, kFirstSwapped));
  BOOST_TEST(std::count(std::istreambuf_iterator<char>(report), {}, '\n') == 10'000);
  BOOST_TEST(wait_for(import) == 1);
  BOOST_TEST(contains(errors(), "was changed while it was read: run the same command again"));
  BOOST_TEST(contains(errors(), "written: " + std::to_string(count()) + " of 1000 rows;"));
  BOOST_TEST(count("users WHERE password LIKE '%qqq%'") == 0U);
  BOOST_TEST(count() <= std::uint64_t{kFirstSwapped});
  BOOST_TEST(count("audit") == count());

  // The same command reads the new content and continues.
  const Result rest = run("import '" + file + "'");
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
    std::uint64_t written = 0;
  };
  for (const Swap& swap :
       std::vector<Swap>{{"a password", plain + "18866660001\tsecret\tNULL\tNULL\tx\n",
                          plain + "18866660001\tsecreT\tNULL\tNULL\tx\n"},
                         {"a hash", hashes + first,
                          hashes + "18866660001\t" + hash_of(1, 'q') + "\tNULL\tNULL\tx\n"},
                         {"when it was disabled", hashes + second,
                          hashes + "18866660002\t" + hash_of(2, 'i') + "\tNULL\t2019-01-02\tx\n"},
                         {"when it was made", plain + "18866660001\tsecret\t2018-04-22\tNULL\tx\n",
                          plain + "18866660001\tsecret\t2018-04-23\tNULL\tx\n"},
                         {"a column that is not taken", hashes + first,
                          hashes + first.substr(0, first.size() - 2) + "y\n"},
                         {"the rows' order", hashes + first + second, hashes + second + first},
                         {"the last line's end", hashes + "nobody\tx\tx\tx\tx\n" + first,
                          hashes + "nobody\tx\tx\tx\txx\n" + first.substr(0, first.size() - 1)},
                         {"nothing", hashes + first + second, hashes + first + second, 2}}) {
    BOOST_TEST_CONTEXT(swap.what) {
      database.query("DELETE FROM users; DELETE FROM audit");
      const Config config = database.config();
      ImportFile table(directory.write("import.tsv", swap.judged));
      const ImportPlan plan = plan_of(table);
      BOOST_TEST_REQUIRE(!plan.todo.empty());
      swap_unseen(file, swap.swapped);
      ImportRun run{config, no_password, plan, "operator", table};
      if (swap.written == 0) {
        BOOST_CHECK_THROW(run.run(1, [] {}), ImportRefused);
      } else {
        run.run(1, [] {});
      }
      check_all_written(swap.written);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_between_two_batches_and_the_same_command_goes_on) {
  const pid_t import = start_long_import();
  BOOST_TEST(::kill(import, SIGINT) == 0);
  BOOST_TEST(wait_for(import) == 1);
  const std::uint64_t written = count();
  BOOST_TEST_REQUIRE(written < 3000U);
  BOOST_TEST(count("audit") == written);
  BOOST_TEST(contains(errors(), std::to_string(written) +
                                    " of 3000 rows; run the same command again to go on"),
             errors());
  BOOST_TEST(!contains(errors(), "shred"), errors());
  const Result rest = run("import '" + file + "'");
  BOOST_TEST(rest.status == 0, rest.errors);
  BOOST_TEST(contains(rest.errors, "imported " + std::to_string(3000 - written) + " accounts"),
             rest.errors);
  check_all_written(3000);
}

BOOST_AUTO_TEST_CASE(two_imports_of_one_file_at_once_make_each_account_once) {
  static_cast<void>(directory.write("import.tsv", rows(2000)));
  const pid_t first = start("import '" + file + "'");
  const Result second = run("import '" + file + "'");
  BOOST_TEST(second.status == 0, second.errors);
  BOOST_TEST(wait_for(first) == 0);
  check_all_written(2000);
}

BOOST_AUTO_TEST_SUITE_END()
