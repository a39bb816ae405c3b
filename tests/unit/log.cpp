// The log writes each event as one line, whatever it contains and however many processes write.
#include "base/log.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <sys/resource.h>

#include "base/text.hpp"
#include "child_process.hpp"
#include "handed_in_clock.hpp"
#include "support/temporary_directory.hpp"

namespace users::test {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::chrono::hours kDay(24);

/// As run_program() sets it.
struct Utc {
  Utc() {
    ::setenv("TZ", "UTC0", 1);  // NOLINT(concurrency-mt-unsafe): one thread
    ::tzset();
  }
};

std::vector<std::string> lines_of_log(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string dated_name(std::chrono::seconds from_now = {}) {
  const std::time_t time =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + from_now);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char name[32];
  return {name, std::strftime(name, sizeof name, "users.log.%Y%m%d", &utc)};
}

/// The text after `[request id] `.
std::string text_of(const std::string& line) {
  const auto end = line.find("] ", line.find("[line:") + 6);
  const auto id_end = line.find("] ", end + 2);
  return line.substr(id_end + 2);
}

using Texts = std::vector<std::string>;

Texts texts_of(std::vector<std::string> lines) {
  std::ranges::transform(lines, lines.begin(), text_of);
  return lines;
}

struct LogFolder : Utc {
  TemporaryDirectory directory;

  void start(LogLevel least = LogLevel::debug, unsigned keep_days = 30) const {
    users::log::start(directory.path().string(), least, keep_days);
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    return lines_of_log(directory.path() / "users.log");
  }
  [[nodiscard]] Texts texts() const { return texts_of(lines()); }
  [[nodiscard]] std::string only_line() const {
    const auto all = lines();
    BOOST_TEST_REQUIRE(all.size() == 1U);
    return all.front();
  }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory.path())) {
      found.insert(entry.path().filename().string());
    }
    return found;
  }
};

/// What the log writes to standard error during `work`, without time, place and request id.
Texts said_by(const std::function<void()>& work) {
  const TemporaryDirectory folder;
  {
    const StandardErrorTo redirected(folder.path() / "stderr");
    work();
  }
  return texts_of(lines_of_log(folder.path() / "stderr"));
}

BOOST_FIXTURE_TEST_SUITE(log, LogFolder)

BOOST_AUTO_TEST_CASE(a_line_has_the_format_of_the_tutorial_and_the_request_id) {
  start();
  const int here = __LINE__ + 1;
  users::log::debug({"RegistHandle: ", "insert db, user: ", "+86188****8888"});
  std::string line = only_line();
  BOOST_TEST(text_of(line) == "RegistHandle: insert db, user: +86188****8888");
  line.resize(line.size() - text_of(line).size());
  BOOST_TEST(line.find(" log.cpp[line:" + std::to_string(here) + "] DEBUG [-] ") == 23U);
  std::replace_if(
      line.begin(), line.begin() + 23, [](char c) { return c >= '0' && c <= '9'; }, '0');
  BOOST_TEST(line.starts_with("0000-00-00 00:00:00,000 "));
}

BOOST_AUTO_TEST_CASE(a_line_has_the_time_in_utc) {
  start();
  const auto before = std::time(nullptr);
  users::log::info({"now"});
  const auto after = std::time(nullptr);
  std::tm utc{};
  BOOST_TEST_REQUIRE((::strptime(only_line().c_str(), "%Y-%m-%d %H:%M:%S,", &utc) != nullptr));
  const auto written = ::timegm(&utc);
  BOOST_TEST(written >= before);
  BOOST_TEST(written <= after);
}

BOOST_AUTO_TEST_CASE(lines_of_a_request_carry_its_id) {
  start();
  users::log::info({"before"});
  {
    const users::log::RequestScope scope("4f2a-1");
    users::log::info({"during"});
  }
  users::log::info({"after"});
  const auto all = lines();
  BOOST_TEST_REQUIRE(all.size() == 3U);
  BOOST_TEST(all[0].ends_with(" INFO [-] before"));
  BOOST_TEST(all[1].ends_with(" INFO [4f2a-1] during"));
  BOOST_TEST(all[2].ends_with(" INFO [-] after"));
}

BOOST_AUTO_TEST_CASE(only_lines_of_the_level_and_above_are_written) {
  const Texts all{"DEBUG [-] d", "INFO [-] i", "WARNING [-] w", "ERROR [-] e"};
  for (const int least : {0, 1, 2, 3}) {
    const TemporaryDirectory own;
    users::log::start(own.path().string(), static_cast<LogLevel>(least), 30);
    users::log::debug({"d"});
    users::log::info({"i"});
    users::log::warning({"w"});
    users::log::error({"e"});
    Texts written;
    for (const std::string& line : lines_of_log(own.path() / "users.log")) {
      written.push_back(line.substr(line.find("] ") + 2));
    }
    BOOST_TEST(written == Texts(all.begin() + least, all.end()), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(control_characters_are_escaped) {
  start();
  for (const std::string_view text :
       {"plain 密码 😀 é non-breaking\u00A0blank"sv, "one\ntwo"sv, "one\r\ntwo"sv, "\x1B[31mred"sv,
        "\x7F"sv, "\t"sv, "a\0b"sv}) {
    users::log::info({"<", text, ">"});
  }
  BOOST_TEST(
      texts() == (Texts{"<plain 密码 😀 é non-breaking\u00A0blank>", "<one\\x0atwo>",
                        "<one\\x0d\\x0atwo>", "<\\x1b[31mred>", "<\\x7f>", "<\\x09>", "<a\\x00b>"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_request_id_can_neither_break_nor_lengthen_the_line) {
  start();
  for (const std::string& id : {std::string("one\n2026-01-01 forged"), std::string(5000, 'i')}) {
    const users::log::RequestScope scope(id);
    users::log::info({"text"});
  }
  const auto all = lines();
  BOOST_TEST_REQUIRE(all.size() == 2U);
  BOOST_TEST(all[0].ends_with(" INFO [one\\x0a2026-01-01 forged] text"));
  BOOST_TEST(all[1].size() <= 1000U);
}

BOOST_AUTO_TEST_CASE(a_long_event_is_cut_at_1000_bytes) {
  start();
  users::log::info({std::string(5000, 'a')});
  users::log::info({std::string(5000, '\n')});
  users::log::info({"short"});
  const auto all = lines();
  BOOST_TEST_REQUIRE(all.size() == 3U);
  BOOST_TEST(all[0].size() == 1000U);
  BOOST_TEST(all[0].ends_with("aaaa"));
  BOOST_TEST(all[1].size() <= 1000U);
  BOOST_TEST(all[1].size() > 1000U - 4);  // no room for another \x0a
  BOOST_TEST(text_of(all[2]) == "short");
}

// A single byte that is not UTF-8 would make grep treat the whole file as binary.
BOOST_AUTO_TEST_CASE(the_log_is_utf8_and_steers_no_terminal_whatever_an_event_holds) {
  start();
  for (std::string text : {"", "a", "aa"}) {
    while (text.size() < 2000) text += "密";
    users::log::info({text});
  }
  users::log::info({"/users/\xFF\xE5 \u009B31mred \u0080 \u009F \xED\xA0\x80"});
  users::log::info({"a control character in two parts: ", "\xC2", "\x9B"});
  const auto all = lines();
  BOOST_TEST_REQUIRE(all.size() == 5U);
  for (const std::string& line : all) {
    BOOST_TEST(is_text(line));
    for (const auto* control : {"\u009B", "\u0080", "\u009F"}) {
      BOOST_TEST(line.find(control) == std::string::npos);
    }
  }
  BOOST_TEST(all[3].find("31mred") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(users_log_is_a_link_to_the_file_of_today) {
  const std::string before = dated_name();
  start();
  users::log::info({"text"});
  const std::string target = fs::read_symlink(directory.path() / "users.log").string();
  BOOST_TEST((target == before || target == dated_name()));
  BOOST_TEST((names() == std::set<std::string>{"users.log", target}));
}

BOOST_AUTO_TEST_CASE(a_restart_goes_on_with_the_file_of_today) {
  start();
  users::log::info({"first"});
  start();
  users::log::info({"second"});
  BOOST_TEST(texts() == (Texts{"first", "second"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_folder_is_made_with_its_parents) {
  const auto folder = directory.path() / "log" / "users";
  users::log::start(folder.string(), LogLevel::info, 30);
  users::log::info({"text"});
  BOOST_TEST(lines_of_log(folder / "users.log").size() == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_folder_lines_go_to_standard_error) {
  const auto folder = directory.write("file", "") / "log";
  const Texts said = said_by([&] {
    users::log::start(folder.string(), LogLevel::info, 30);
    users::log::debug({"too low"});
    users::log::info({"one\ntwo"});
  });
  BOOST_TEST_REQUIRE(said.size() == 2U);
  BOOST_TEST(said[0].starts_with("log: cannot write to " + folder.string()));
  BOOST_TEST(said[1] == "one\\x0atwo");
}

BOOST_AUTO_TEST_CASE(threads_log_to_standard_error_at_once) {
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  HandedInClock clock(std::time(nullptr));
  const Texts said = said_by([&] {
    users::log::start_on_stderr(LogLevel::info);
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int line = 0; line < kLines; ++line) {
          clock.advance(1);
          users::log::info({"text"});
        }
      });
    }
  });
  BOOST_TEST(said == Texts(kThreads * kLines, "text"), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_opened_sends_its_lines_to_standard_error) {
  fs::create_directory(directory.path() / dated_name());
  fs::create_directory(directory.path() / dated_name(kDay));
  const Texts said = said_by([&] {
    start();
    users::log::info({"first"});
    users::log::info({"second"});
  });
  BOOST_TEST_REQUIRE(said.size() == 3U);
  BOOST_TEST(said[0].starts_with("log: cannot write to " + directory.path().string()));
  BOOST_TEST(said[1] == "first");
  BOOST_TEST(said[2] == "second");
}

BOOST_AUTO_TEST_CASE(a_link_that_cannot_be_made_loses_no_line) {
  fs::create_directories(directory.path() / "users.log" / "in the way");
  const std::string before = dated_name();
  start();
  users::log::info({"text"});
  const auto early = lines_of_log(directory.path() / before);
  const auto late = lines_of_log(directory.path() / dated_name());
  BOOST_TEST(std::max(early.size(), late.size()) == 1U);
}

// See also midnight.cpp.
BOOST_AUTO_TEST_CASE(a_single_line_of_yesterday_does_not_hold_back_the_new_day) {
  HandedInClock clock(std::time(nullptr));
  start();
  users::log::info({"one"});
  clock.advance(kDay.count() * 3600);
  users::log::info({"two"});
  BOOST_TEST(lines_of_log(directory.path() / dated_name()).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_new_day_removes_the_oldest_files) {
  HandedInClock clock(std::time(nullptr));
  const std::string today = dated_name();
  const auto now = fs::file_time_type::clock::now();
  for (int day = 1; day <= 5; ++day) {
    const auto file = directory.write("users.log.2001010" + std::to_string(day), "old\n");
    fs::last_write_time(file, now - kDay * (10 - day));
  }
  static_cast<void>(directory.write("notes", "not a log\n"));
  start(LogLevel::info, 3);
  users::log::info({"one"});
  users::log::info({"two"});
  clock.advance(kDay.count() * 3600);
  users::log::info({"three"});
  const std::set<std::string> kept = {
      "notes", "users.log", "users.log.20010104", "users.log.20010105", today, dated_name()};
  BOOST_TEST(names() == kept, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_that_was_taken_away_is_made_anew_by_the_next_line) {
  const fs::path today = directory.path() / dated_name();
  start();
  users::log::info({"one"});
  fs::remove(today);
  users::log::info({"two"});
  BOOST_TEST(text_of(only_line()) == "two");

  // logrotate without and with "create".
  fs::rename(today, directory.path() / "old");
  users::log::info({"three"});
  BOOST_TEST(text_of(only_line()) == "three");
  fs::rename(today, directory.path() / "older");
  std::ofstream(today) << "";
  users::log::info({"four"});
  BOOST_TEST(text_of(only_line()) == "four");
  BOOST_TEST(text_of(lines_of_log(directory.path() / "old").at(0)) == "two");
  BOOST_TEST(text_of(lines_of_log(directory.path() / "older").at(0)) == "three");

  // logrotate with "copytruncate".
  fs::resize_file(today, 0);
  users::log::info({"five"});
  BOOST_TEST(text_of(only_line()) == "five");

  fs::remove_all(directory.path());
  users::log::info({"six"});
  BOOST_TEST(text_of(only_line()) == "six");
}

BOOST_AUTO_TEST_CASE(a_line_that_cannot_go_into_a_new_file_goes_to_standard_error) {
  start();
  users::log::info({"one"});
  fs::remove_all(directory.path());
  std::ofstream(directory.path()) << "in the way";
  const Texts said = said_by([] { users::log::info({"two"}); });
  BOOST_TEST_REQUIRE(said.size() == 2U);
  BOOST_TEST(said[0].starts_with("log: cannot write to "));
  BOOST_TEST(said[1] == "two");
  fs::remove(directory.path());
  users::log::info({"three"});
  BOOST_TEST(text_of(only_line()) == "three");
}

BOOST_AUTO_TEST_CASE(a_line_that_the_disk_took_half_of_spoils_no_other) {
  start();
  users::log::info({"one"});
  rlimit before{};
  BOOST_TEST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit full = before;
  full.rlim_cur = fs::file_size(directory.path() / dated_name()) + 20;
  ::setrlimit(RLIMIT_FSIZE, &full);
  said_by([] { users::log::info({"two"}); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old);
  users::log::info({"three"});
  users::log::info({"four"});
  const auto all = lines();
  BOOST_TEST_REQUIRE(all.size() == 4U);
  BOOST_TEST(text_of(all[0]) == "one");
  BOOST_TEST(all[1].size() == 20U);
  BOOST_TEST(text_of(all[2]) == "three");
  BOOST_TEST(text_of(all[3]) == "four");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
