// Eight processes log across midnight and lose no line. Nothing waits: this program replaces
// time(), gettimeofday() and clock_gettime().
#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.hpp"
#include "child_process.hpp"
#include "handed_in_clock.hpp"
#include "support/temporary_directory.hpp"

namespace {

/// Microseconds since 1970, shared with children; null: the real time.
std::atomic<long>* handed_in = nullptr;

constexpr long kMicroseconds = 1'000'000;

long wall_clock() {
  if (handed_in != nullptr) return handed_in->load();
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return now.tv_sec * kMicroseconds + now.tv_nsec / 1000;
}

}  // namespace

// The C library's names for the parameters are reserved.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (handed_in == nullptr || clock != CLOCK_REALTIME) {
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
  }
  const long time = wall_clock();
  *now = {time / kMicroseconds, time % kMicroseconds * 1000};
  return 0;
}

int gettimeofday(timeval* now, void* /*zone*/) noexcept {
  const long time = wall_clock();
  *now = {time / kMicroseconds, time % kMicroseconds};
  return 0;
}

time_t time(time_t* now) noexcept {
  const time_t seconds = wall_clock() / kMicroseconds;
  if (now != nullptr) *now = seconds;
  return seconds;
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

namespace users::test {

namespace fs = std::filesystem;

HandedInClock::HandedInClock(time_t seconds) {
  void* memory =
      ::mmap(nullptr, sizeof *handed_in, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  BOOST_TEST_REQUIRE((memory != MAP_FAILED));
  handed_in = std::construct_at(static_cast<std::atomic<long>*>(memory), seconds * kMicroseconds);
}

HandedInClock::~HandedInClock() {
  ::munmap(std::exchange(handed_in, nullptr), sizeof *handed_in);
}

void HandedInClock::advance(time_t seconds) {
  *handed_in += seconds * kMicroseconds;
}

namespace {

/// Counts each logged text of `file`, without time, place and request id.
std::map<std::string, int> texts_of(const fs::path& file) {
  std::map<std::string, int> texts;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const auto text = line.find("INFO [-] ");
    ++texts[text == std::string::npos ? line : line.substr(text)];
  }
  return texts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(midnight)

BOOST_AUTO_TEST_CASE(eight_processes_lose_no_line_over_midnight) {
  constexpr int kProcesses = 8;
  constexpr int kLines = 2000;
  constexpr long kStep = 500;                  // microseconds per line: eight seconds in all
  constexpr time_t kMidnight = 1'932'768'000;  // 2031-04-01
  const TemporaryDirectory folder;
  const HandedInClock clock(kMidnight - 4);
  int gate[2];
  BOOST_TEST_REQUIRE(::pipe(gate) == 0);
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    children.push_back(start_child([&] {
      char none = 0;
      ::close(gate[1]);
      const ssize_t opened = ::read(gate[0], &none, 1);  // until all have started
      log::start(folder.path().string(), LogLevel::info, 30);
      for (int line = 0; line < kLines; ++line) {
        log::info({std::to_string(process), " ", std::to_string(line)});
        *handed_in += kStep;
      }
      return static_cast<int>(opened);
    }));
  }
  ::close(gate[0]);
  ::close(gate[1]);
  for (const pid_t child : children) BOOST_TEST(wait_for(child) == 0);

  const auto before = texts_of(folder.path() / "users.log.20310331");
  const auto after = texts_of(folder.path() / "users.log.20310401");
  BOOST_TEST(before.size() > 0U);
  BOOST_TEST(after.size() > 0U);
  BOOST_TEST(before.size() + after.size() == static_cast<std::size_t>(kProcesses * kLines));
  int lost = 0;
  for (int process = 0; process < kProcesses; ++process) {
    for (int line = 0; line < kLines; ++line) {
      const std::string text = "INFO [-] " + std::to_string(process) + " " + std::to_string(line);
      lost += before.contains(text) != after.contains(text) ? 0 : 1;
    }
  }
  BOOST_TEST(lost == 0);
  BOOST_TEST(fs::read_symlink(folder.path() / "users.log").string() == "users.log.20310401");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
