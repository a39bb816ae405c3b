#include "base/log.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include <boost/log/core/record_view.hpp>
#include <boost/log/sinks/text_file_backend.hpp>
#include <boost/make_shared.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"

namespace users::log {
namespace {

namespace sinks = boost::log::sinks;
namespace keywords = boost::log::keywords;

constexpr std::size_t kLongestLine = 1000;  // the stream splits lines longer than 1023 bytes

std::string utc(std::time_t seconds, const char* format) {
  std::tm fields{};
  ::gmtime_r(&seconds, &fields);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &fields)};
}

/// Caches the text of the current second.
class Timestamp {
 public:
  std::string now() {
    const auto now = std::chrono::system_clock::now();
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() %
        1000;
    const std::time_t second = std::chrono::system_clock::to_time_t(now);
    if (std::exchange(second_, second) != second) text_ = utc(second, "%Y-%m-%d %H:%M:%S,");
    return text_ + std::to_string(1000 + milliseconds).substr(1);
  }

 private:
  std::time_t second_ = -1;
  std::string text_;
};

struct State {
  LogLevel least = LogLevel::info;
  std::string request_id = "-";
  std::string directory;
  boost::shared_ptr<sinks::text_file_backend> file;
  std::filesystem::path open_name;  ///< of the open file; open_file identifies it
  std::pair<dev_t, ino_t> open_file{};
  unsigned keep_days = 0;
  bool file_is_wanted = false;
  bool file_fails = false;
  std::function<void()> notice;  ///< called for a line that is not in the file
};

// A process has one log; passing it through every call would not help the reader.
State& state() {
  static State instance;
  return instance;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "DEBUG";
    case LogLevel::info:
      return "INFO";
    case LogLevel::warning:
      return "WARNING";
    case LogLevel::error:
      return "ERROR";
  }
  return "?";
}

/// Stops before the line exceeds kLongestLine.
void append(std::string& line, std::string_view text) {
  append_printable(line, text, kLongestLine);
}

void write_to_stderr(std::string line) {
  line += '\n';
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string line_of(LogLevel level, std::initializer_list<std::string_view> parts, Where where) {
  thread_local Timestamp timestamp;
  std::string line = timestamp.now();
  std::string_view file = where.file;
  file.remove_prefix(file.rfind('/') + 1);
  line.append(" ").append(file).append("[line:").append(std::to_string(where.line)).append("] ");
  line.append(name_of(level)).append(" [").append(state().request_id).append("] ");
  for (const std::string_view part : parts) append(line, part);
  return line;
}

/// Once, until the file can be written again.
void say_that_the_file_fails(int error) {
  if (std::exchange(state().file_fails, true)) return;
  write_to_stderr(
      line_of(LogLevel::error,
              {"log: cannot write to ", state().directory, ": ",
               std::generic_category().message(error), "; using stderr until it can be written"},
              {__FILE__, __LINE__}));
}

/// Points users.log at the file just opened. Other workers do this at the same time, so each makes
/// its own link and renames it.
void link_today(const std::filesystem::path& directory) {
  const auto mine = directory / (".users.log." + std::to_string(::getpid()));
  std::error_code ignored;
  std::filesystem::remove(mine, ignored);
  std::filesystem::create_symlink(utc(std::time(nullptr), "users.log.%Y%m%d"), mine, ignored);
  std::filesystem::rename(mine, directory / "users.log", ignored);
}

/// Identifies the file with this name; nullopt if there is none.
std::optional<std::pair<dev_t, ino_t>> find_file(const std::filesystem::path& name) {
  struct stat found {};
  if (::stat(name.c_str(), &found) != 0) return std::nullopt;
  return std::pair(found.st_dev, found.st_ino);
}

/// Returns true at the first line of another day, even if the clock was set back. Boost's own rule
/// would keep writing into the later day's file.
class DayChange {
 public:
  bool operator()() {
    const auto day = today();
    return std::exchange(day_, day) != day;
  }

 private:
  static std::pair<int, int> today() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};  // because Boost names the files by local time
    ::localtime_r(&now, &local);
    return {local.tm_year, local.tm_yday};
  }

  std::pair<int, int> day_ = today();
};

boost::shared_ptr<sinks::text_file_backend> make_file(const std::filesystem::path& directory,
                                                      unsigned keep_days) {
  auto backend = boost::make_shared<sinks::text_file_backend>(
      keywords::file_name = (directory / "users.log.%Y%m%d").string(),
      keywords::open_mode = std::ios_base::out | std::ios_base::app,
      keywords::time_based_rotation = DayChange(), keywords::enable_final_rotation = false,
      keywords::auto_flush = true);
  backend->set_file_collector(sinks::file::make_collector(keywords::target = directory.string(),
                                                          keywords::max_files = keep_days));
  backend->scan_for_files();
  backend->set_open_handler([directory](std::ostream& file) {
    // Report a full disk: without this the stream would silently lose the line.
    file.exceptions(std::ios_base::badbit | std::ios_base::failbit);
    link_today(directory);
    state().open_name = directory / utc(std::time(nullptr), "users.log.%Y%m%d");
    state().open_file = find_file(state().open_name).value_or(std::pair<dev_t, ino_t>());
  });
  return backend;
}

/// A full disk may have stored only half a line.
bool ends_within_a_line(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(-1, std::ios::end);
  const int last = stream.get();
  return stream && last != '\n';
}

/// Reopens the file if it was removed or renamed, as logrotate does; otherwise lines would go to a
/// file that nobody finds. Creates its folder too. Throws if it cannot.
void require_file_in_place() {
  State& s = state();
  if (s.open_name.empty() || find_file(s.open_name) == s.open_file) return;
  std::filesystem::create_directories(s.directory);
  s.open_name.clear();
  s.file = make_file(s.directory, s.keep_days);
}

/// The stream keeps what it could not write and would write it later, after the half that was
/// written.
void drop_unwritten() noexcept {
  try {
    state().file = make_file(state().directory, state().keep_days);
  } catch (const std::exception&) {
    // The next line tries again.
  }
}

}  // namespace

void start(const std::string& directory, LogLevel least, unsigned keep_days) {
  state().least = least;
  state().directory = directory;
  state().keep_days = keep_days;
  state().open_name.clear();
  state().file_is_wanted = true;
  state().file_fails = false;
  try {
    std::filesystem::create_directories(directory);
    state().file = make_file(directory, keep_days);
  } catch (const std::exception& failure) {
    state().file.reset();
    log::error({"log: cannot write to ", directory, ": ", failure.what(), "; using stderr"});
  }
}

void start_on_stderr(LogLevel least) {
  state().least = least;
  state().file_is_wanted = false;
  state().file.reset();
}

void write(LogLevel level, std::initializer_list<std::string_view> parts, Where where) {
  if (level < state().least) return;
  std::string line = line_of(level, parts, where);
  if (state().file) {
    try {
      require_file_in_place();
      if (state().file_fails && ends_within_a_line(state().open_name)) line.insert(0, 1, '\n');
      // Bypass the core of Boost.Log, which would copy the line only to find a single sink.
      state().file->consume(boost::log::record_view(), line);
      state().file_fails = false;
      return;
    } catch (const std::exception&) {
      // A full or missing folder must not fail the request: log the line to standard error.
      say_that_the_file_fails(errno);
      drop_unwritten();
    }
  }
  if (state().file_is_wanted && state().notice) state().notice();
  write_to_stderr(std::move(line));
}

FailureScope::FailureScope(std::function<void()> notice) {
  state().notice = std::move(notice);
}

FailureScope::~FailureScope() {
  state().notice = nullptr;
}

RequestScope::RequestScope(std::string_view request_id) {
  state().request_id.clear();
  constexpr std::size_t kLongestId = 64;
  append(state().request_id, request_id.substr(0, kLongestId));
}

RequestScope::~RequestScope() {
  state().request_id = "-";
}

}  // namespace users::log
