// Memory and disk that run out during traffic.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <boost/test/unit_test.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include "fault/ledger.hpp"
#include "support/daemon.hpp"
#include "support/person.hpp"
#include "support/whole_stack.hpp"

using namespace users::test;

namespace {

constexpr rlim_t kLessThanAHash = 12UL << 20U;

/// Bytes of address space of a process.
rlim_t size_of(int pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  rlim_t pages = 0;
  statm >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

void limit_memory(int pid, rlim_t bytes) {
  rlimit limit{};
  BOOST_TEST(::prlimit(pid, RLIMIT_AS, nullptr, &limit) == 0);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  BOOST_TEST(::prlimit(pid, RLIMIT_AS, &limit, nullptr) == 0);
}

/// The hash pool with production's parameters: 19 MiB per hash.
struct CostlyHashes : WholeStack {
  CostlyHashes() { restart("19456"); }
  ~CostlyHashes() { restart("64"); }

  static void restart(const char* memory) {
    ::setenv("USERS_FCGI_PASSWORD_ARGON2_MEMORY", memory, 1);
    run_command("scripts/stop hash >/dev/null; scripts/start hash >/dev/null");
  }
};

/// Puts the database's folder on a small disk that only mariadbd sees, and that fill() fills to the
/// last byte. The old database below stays untouched. There are 64 MiB of room: a start takes 12
/// for temporary tables, and each table grows by a megabyte or more at once.
class SmallDisk {
 public:
  SmallDisk() {
    BOOST_TEST_REQUIRE(wait_until(30, [&] { return std::filesystem::exists(seen("ready")); }));
    start_server();
  }
  ~SmallDisk() { run_command("scripts/stop database >/dev/null"); }

  void fill() const {
    BOOST_TEST(run_command("cat /dev/zero 2>/dev/null >'" + seen("filler") + "'").status != 0);
    BOOST_TEST(std::filesystem::file_size(seen("filler")) > 0U);
  }
  void free() const { std::filesystem::remove(seen("filler")); }

  void start_server() const {
    run_script("nsenter -m -t " + std::to_string(keeper_.pid()) +
               R"( -- bash -c 'cd -- "$0" && exec scripts/start database' "$PWD")");
  }

 private:
  /// The path of a file on the disk.
  [[nodiscard]] std::string seen(const std::string& name) const {
    return "/proc/" + std::to_string(keeper_.pid()) + "/root" + state_folder() + "/mariadb/" + name;
  }

  /// Keeps the disk mounted until the end. Holes in the copied files are filled, so that existing
  /// data can be overwritten.
  static std::vector<std::string> command() {
    run_script("scripts/stop database");
    return {"unshare", "-m", "bash", "-euc", R"(
        small=$(mktemp -d)
        size=$(($(du -sk --apparent-size -- "$STATE/mariadb" | cut -f1) + 65536))
        mount -t tmpfs -o size="$size"k,mode=0700 none "$small"
        cp -a --sparse=never -- "$STATE/mariadb/." "$small/"
        mount --bind -- "$small" "$STATE/mariadb"
        touch "$STATE/mariadb/ready"
        exec sleep 600)"};
  }

  Daemon keeper_{command(), {}, state_folder() + "/small.log"};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(resources)

BOOST_FIXTURE_TEST_CASE(memory_refused_to_every_hash, CostlyHashes) {
  const std::vector<int> fresh = worker_pids("hash");
  const int multiwatch = std::stoi(run_script("ps -o ppid= -p " + std::to_string(fresh.front())));
  const rlim_t most = size_of(fresh.front()) + kLessThanAHash;
  std::vector<int> workers;
  const Tally met = survive("no memory for a hash", [&](const Traffic& traffic) {
    // These keep the memory of their last hash; those that follow have none.
    limit_memory(multiwatch, most);
    for (const int pid : fresh) ::kill(pid, SIGTERM);
    BOOST_TEST_REQUIRE(wait_until(30, [&] {
      workers = worker_pids("hash");
      return workers.size() == fresh.size() && std::ranges::none_of(workers, [&](int pid) {
               return std::ranges::count(fresh, pid) > 0;
             });
    }));
    traffic.flow(100);
    limit_memory(multiwatch, RLIM_INFINITY);
    for (const int pid : workers) limit_memory(pid, RLIM_INFINITY);
  });
  // A refused allocation does not end them.
  BOOST_TEST(worker_pids("hash") == workers, boost::test_tools::per_element());
  BOOST_TEST(met.unknown > 0);
}

BOOST_FIXTURE_TEST_CASE(a_full_disk_under_the_database, WholeStack,
                        *boost::unit_test::precondition([](auto) {
                          return run_command(
                                     "unshare -m mount -t tmpfs -o size=1m none /mnt "
                                     "2>/dev/null")
                                     .status == 0;
                        })) {
  const SmallDisk disk;
  BOOST_TEST(wait_until(5, [] { return regist("x").code() == 1001; }));
  Person person = registered();
  const std::string token = person.token();
  const Tally met = survive("a full disk under the database", [&](Traffic& traffic) {
    disk.fill();
    // A table grows by several pages at a time, so the first inserts still succeed.
    constexpr int kRefused = 50;
    BOOST_TEST(wait_until(60, [&] { return traffic.unanswered() >= kRefused; }));
    // InnoDB sometimes exits; then it is started again, as systemd would.
    const long known = call("GET", "auth", token).status;
    const bool is_up = run_command("echo 'DO 0' | scripts/mysql 2>&1").status == 0;
    BOOST_TEST((known == 204 || (!is_up && known == 503)));
    (void)std::printf("on a full disk the database %s\n", is_up ? "went on" : "ended itself");
    disk.free();
    disk.start_server();
  });
  BOOST_TEST(met.unknown > 0);
  BOOST_TEST(call("GET", "auth", token).status == 204);
}

BOOST_AUTO_TEST_SUITE_END()
