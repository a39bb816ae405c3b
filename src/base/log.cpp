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
namespace fs = std::filesystem;
using FileId = std::pair<dev_t, ino_t>;

constexpr std::size_t kLongestLine = 1000;  // the stream splits lines longer than 1023 bytes
constexpr const char* kFileName = "users.log.%Y%m%d";

struct State {
  LogLevel least = LogLevel::info;
  fs::path directory{};  ///< empty: lines go to standard error
  unsigned keep_days = 0;
  boost::shared_ptr<sinks::text_file_backend> file{};
  std::time_t second = -1;  ///< of the last line
  fs::path file_name{};     ///< of its day
  std::optional<FileId> open_file{};
  bool file_fails = false;
  std::string request_id = "-";
  std::function<void()> notice{};  ///< called for a line that is not in the file
};

// A process has one log; passing it through every call would not help the reader.
State& state() {
  static State instance;
  return instance;
}

std::string local_time(const char* format, std::time_t seconds) {
  std::tm fields{};
  ::localtime_r(&seconds, &fields);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &fields)};
}

/// Formats a time once a second. Only lines for standard error come from several threads.
const std::string& text_of(std::time_t second) {
  thread_local std::time_t last = -1;
  thread_local std::string text;
  if (std::exchange(last, second) != second) text = local_time("%Y-%m-%d %H:%M:%S,", second);
  return text;
}

std::string line_of(LogLevel level, std::initializer_list<std::string_view> parts,
                    std::string_view file, int number) {
  constexpr std::string_view kLevels[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
  using std::chrono::system_clock;
  const auto now = system_clock::now();
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  constexpr std::size_t kUsualLine = 200;
  std::string line;
  line.reserve(kUsualLine);
  line.append(text_of(system_clock::to_time_t(now)))
      .append(std::to_string(1000 + milliseconds).substr(1))
      .append(" ");
  line.append(file.substr(file.rfind('/') + 1)).append("[line:").append(std::to_string(number));
  line.append("] ").append(kLevels[static_cast<std::size_t>(level)]);
  line.append(" [").append(state().request_id).append("] ");
  for (const std::string_view part : parts) line += part;
  return printable(std::move(line), kLongestLine);
}

void write_to_stderr(const std::string& line) {
  const std::string whole = line + '\n';
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, whole.data(), whole.size());
}

/// Points users.log at the file just opened. Other workers do this at the same time, so each makes
/// its own link and renames it.
void link_today() {
  const auto mine = state().directory / (".users.log." + std::to_string(::getpid()));
  std::error_code ignored;
  fs::remove(mine, ignored);
  fs::create_symlink(state().file_name.filename(), mine, ignored);
  fs::rename(mine, state().directory / "users.log", ignored);
}

/// Identifies the file with this name; nullopt if there is none.
std::optional<FileId> find_file(const fs::path& name) {
  struct stat found {};
  if (::stat(name.c_str(), &found) != 0) return std::nullopt;
  return FileId(found.st_dev, found.st_ino);
}

boost::shared_ptr<sinks::text_file_backend> make_file() {
  const State& s = state();
  auto backend = boost::make_shared<sinks::text_file_backend>(
      keywords::file_name = (s.directory / kFileName).string(),
      keywords::open_mode = std::ios_base::out | std::ios_base::app,
      keywords::enable_final_rotation = false, keywords::auto_flush = true);
  backend->set_file_collector(sinks::file::make_collector(keywords::target = s.directory.string(),
                                                          keywords::max_files = s.keep_days));
  backend->scan_for_files();
  backend->set_open_handler([](std::ostream& file) {
    // Report a full disk: without this the stream would silently lose the line.
    file.exceptions(std::ios_base::badbit | std::ios_base::failbit);
    link_today();
    state().open_file = find_file(state().file_name);
  });
  return backend;
}

/// A full disk may have stored only half a line.
bool ends_within_a_line(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(-1, std::ios::end);
  const int last = stream.get();
  return stream && last != '\n';
}

/// Changes to the file of the day: Boost's own rule would keep writing into a later day's file if
/// the clock was set back. Reopens the file if it was removed or renamed, as logrotate does;
/// otherwise lines would go to a file that nobody finds. Creates its folder too. Throws if it
/// cannot.
void prepare_file() {
  State& s = state();
  const std::time_t second = std::time(nullptr);
  bool is_new_day = false;
  if (std::exchange(s.second, second) != second) {
    const fs::path today = s.directory / local_time(kFileName, second);
    is_new_day = std::exchange(s.file_name, today) != today;
  }
  if (s.file && is_new_day) {
    s.file->rotate_file();  // also removes the oldest files
  } else if (!s.file || find_file(s.file_name) != s.open_file) {
    fs::create_directories(s.directory);
    s.file = make_file();
  }
}

/// Returns false if it cannot: a full or missing folder must not fail the request.
bool write_to_file(const std::string& line) {
  State& s = state();
  try {
    prepare_file();
    const boost::log::record_view no_record;
    if (s.file_fails && ends_within_a_line(s.file_name)) s.file->consume(no_record, "\n");
    // Bypass the core of Boost.Log, which would copy the line only to find a single sink.
    s.file->consume(no_record, line);
    s.file_fails = false;
    return true;
  } catch (const std::exception&) {
    const std::string why = std::generic_category().message(errno);
    // The stream keeps what it could not write and would write it later, after the half that was
    // written.
    s.file.reset();
    if (!std::exchange(s.file_fails, true)) {
      write_to_stderr(line_of(LogLevel::error,
                              {"log: cannot write to ", s.directory.native(), ": ", why,
                               "; using stderr until it can be written"},
                              __FILE__, __LINE__));
    }
    return false;
  }
}

}  // namespace

void start(const std::string& directory, LogLevel least, unsigned keep_days) {
  state() = {.least = least, .directory = directory, .keep_days = keep_days};
}

void start_on_stderr(LogLevel least) {
  state() = {.least = least};
}

bool Writer::is_on() const {
  return level >= state().least;
}

void Writer::operator()(std::initializer_list<std::string_view> parts, const char* file,
                        int line) const {
  if (!is_on()) return;
  const State& s = state();
  const std::string text = line_of(level, parts, file, line);
  if (!s.directory.empty()) {
    if (write_to_file(text)) return;
    if (s.notice) s.notice();
  }
  write_to_stderr(text);
}

FailureScope::FailureScope(std::function<void()> notice) {
  state().notice = std::move(notice);
}

FailureScope::~FailureScope() {
  state().notice = nullptr;
}

RequestScope::RequestScope(std::string_view request_id) {
  constexpr std::size_t kLongestId = 64;
  state().request_id = request_id.substr(0, kLongestId);
}

RequestScope::~RequestScope() {
  state().request_id = "-";
}

}  // namespace users::log
