// Imports 100,000 rows of the tutorial's server as fast as they can be hashed; exact even if killed
// half way.
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/log.hpp"
#include "ctl/import_fixture.hpp"

using namespace users;
using namespace users::test;
using Clock = std::chrono::steady_clock;

namespace {

// Sanitizers slow down the import, but not libsodium, which is built without them.
#ifdef __SANITIZE_ADDRESS__
constexpr int kRows = 20'000;
constexpr double kLeastShareOfBareRate = 0;
#else
constexpr int kRows = 100'000;
constexpr double kLeastShareOfBareRate = 0.6;
#endif
/// Every hundredth row has no valid phone, another hundredth repeats the phone 50 rows earlier.
constexpr int kEvery = 100;
constexpr std::uint64_t kBad = kRows / kEvery;
constexpr std::uint64_t kDuplicates = kRows / kEvery;
constexpr std::uint64_t kGood = kRows - kBad - kDuplicates;
constexpr unsigned kMemory = 1024;
/// Part of every password.
constexpr const char* kMark = "planted-7fa3c0de";

constexpr auto is_bad = [](int row) { return row % kEvery == 10; };
constexpr auto is_duplicate = [](int row) { return row % kEvery == 70; };
/// Of two rows with one phone, the later line is the older account every other time.
constexpr auto is_older = [](int duplicate) { return duplicate / kEvery % 2 == 0; };

std::string digits_of(int row) {
  return std::to_string(10'000'000 + (is_duplicate(row) ? row - 50 : row));
}

std::string password_of(int row) {
  return kMark + std::to_string(row);
}

/// Valid in several spellings; otherwise too long, too short, or words.
std::string phone_of_row(int row) {
  const std::string digits = digits_of(row);
  if (is_bad(row)) return row % 3 == 0 ? "188" + digits + "000" : row % 3 == 1 ? "188" : "no phone";
  if (is_duplicate(row)) return "+86 188-" + digits.substr(0, 4) + "-" + digits.substr(4);
  return row % 2 == 0 ? "188" + digits : "0086188" + digits;
}

void write_table(const std::filesystem::path& file) {
  std::ofstream table(file);
  table << "id\tphone\tpassword\tcreateTime\n";
  for (int row = 0; row < kRows; ++row) {
    const char* year = !is_duplicate(row) ? "2018" : is_older(row) ? "2017" : "2019";
    table << row + 1 << '\t' << phone_of_row(row) << '\t' << password_of(row) << '\t' << year
          << "-04-22 10:00:00\n";
  }
}

/// Only hashes, with as many threads and as nice as the import.
class BareHashing {
 public:
  BareHashing()
      : child_(start_child([this] {
          if (::nice(10) == -1) return 1;
          const auto start = Clock::now();
          std::atomic<int> hashes{0};
          {
            std::vector<std::jthread> threads;
            for (unsigned i = 0; i < std::thread::hardware_concurrency() + 1; ++i) {
              threads.emplace_back([&] {
                const Secret password(std::string_view("planted-7fa3c0de12345"));
                for (; !std::filesystem::exists(stop_); ++hashes) {
                  crypto::hash_password(password, {kMemory, 1});
                }
              });
            }
          }
          std::ofstream(rate_) << hashes /
                                      std::chrono::duration<double>(Clock::now() - start).count();
          return 0;
        })) {}

  /// Ends it; returns the hashes per second.
  double stop() {
    std::ofstream(stop_) << "";
    BOOST_TEST_REQUIRE(wait_for(child_) == 0);
    double rate = 0;
    std::ifstream(rate_) >> rate;
    return rate;
  }

 private:
  TemporaryDirectory directory_;
  std::filesystem::path stop_ = directory_.path() / "stop";
  std::filesystem::path rate_ = directory_.path() / "rate";
  pid_t child_;
};

struct Fixture : ImportFixture {
  std::string table = path("users.tsv");
  Fixture() { memory = kMemory; }

  /// Checks that no password is in a table (except as a hash), in a file but the table, or in a
  /// log.
  void check_nothing_is_left() {
    BOOST_TEST(count("users WHERE password NOT LIKE '$argon2id$%'") == 0U);
    BOOST_TEST(
        count("audit WHERE CONCAT_WS(' ', event, address, request_id, operator_name) LIKE '%" +
              std::string(kMark) + "%'") == 0U);
    for (const std::string& folder : {directory.path().string(), state_folder() + "/log"}) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file() || entry.path() == table) continue;
        BOOST_TEST(read_file(entry.path()).find(kMark) == std::string::npos, entry.path().string());
      }
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(import_many, Fixture)

BOOST_AUTO_TEST_CASE(a_table_killed_half_way_ends_exact_and_at_the_rate_of_the_hash) {
  crypto::start();
  write_table(table);

  const pid_t first = start("import '" + table + "'");
  BOOST_TEST_REQUIRE(wait_until(60, [&] { return count() >= 1000; }));
  // Both run side by side, so other load slows both. An import that waited for the database or left
  // a core idle would fall behind.
  const std::uint64_t before = count();
  const auto began = Clock::now();
  BareHashing beside;
  BOOST_TEST_REQUIRE(wait_until(300, [&] { return count() >= before + kGood / 4; }));
  const double rate = static_cast<double>(count() - before) /
                      std::chrono::duration<double>(Clock::now() - began).count();
  const double bare = beside.stop();
  BOOST_TEST_MESSAGE("bare " << bare << "/s, import " << rate << "/s");
  BOOST_TEST(rate >= kLeastShareOfBareRate * bare,
             "import " << rate << "/s, bare hashes " << bare << "/s");
  {
    // This lock stops it, however fast it is.
    const auto holder = database.connect();
    holder->run_script("LOCK TABLES users READ, audit READ", "lock");
    BOOST_TEST(::kill(first, SIGKILL) == 0);
    BOOST_TEST(wait_for(first) == -1);
  }
  // The server ends the transactions of a client that has gone.
  BOOST_TEST_REQUIRE(wait_until(30, [&] { return database.open_transactions() == "0"; }));
  const std::uint64_t half = count();
  BOOST_TEST(half < kGood);
  BOOST_TEST(count("audit") == half);
  const pid_t second = start("import '" + table + "'");
  BOOST_TEST(wait_for(second) == 0);
  const std::string messages = errors();
  BOOST_TEST(contains(messages, std::to_string(kGood - half) + " to be imported, " +
                                    std::to_string(kBad) + " bad, " + std::to_string(kDuplicates) +
                                    " duplicates of older rows, " + std::to_string(half) +
                                    " with an account"),
             messages);
  BOOST_TEST(count() == kGood);
  BOOST_TEST(count("audit WHERE event = 'imported'") == kGood);
  BOOST_TEST(database.query("SELECT COUNT(DISTINCT a.user_id) FROM audit a JOIN users u ON u.id = "
                            "a.user_id") == std::to_string(kGood));
  BOOST_TEST(count("users WHERE createTime = '2017-04-22 10:00:00'") == kDuplicates / 2);
  BOOST_TEST(count("users WHERE createTime = '2018-04-22 10:00:00'") == kGood - kDuplicates / 2);

  // Every 97th row, and all duplicates with their originals.
  const Config config = database.config();
  Metrics metrics;
  db::Database connection(config, no_password, metrics);
  AccountService service(config, key, connection, metrics);
  log::start_on_stderr(LogLevel::warning);  // omits the line for each login
  int wrong = 0;
  std::uint64_t checked = 0;
  for (int row = 0; row < kRows; ++row) {
    const bool has_duplicate = is_duplicate(row + 50);
    if (is_bad(row) || is_duplicate(row) || (row % 97 != 0 && !has_duplicate)) continue;
    const int kept = has_duplicate && is_older(row + 50) ? row + 50 : row;
    const auto outcome =
        service.login("188" + digits_of(row), password_of(kept), {"192.0.2.1", "0123456789abcdef"});
    ++checked;
    if (outcome.code != ResultCode::ok) ++wrong;
  }
  BOOST_TEST(wrong == 0);
  BOOST_TEST(checked > kDuplicates);
  check_nothing_is_left();
}

BOOST_AUTO_TEST_SUITE_END()
