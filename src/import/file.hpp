// The file of an import: the same bytes read twice, line by line, and wiped behind the reader.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace users {

/// The file as a whole cannot be imported; the text says why and what to do, and holds nothing of
/// what stands in it.
class ImportRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A regular file that must stay the same while this lives.
class ImportFile {
 public:
  /// `-` is standard input, which must be a regular file, too: a pipe cannot be read twice. Throws
  /// ImportRefused.
  explicit ImportFile(const std::string& name);
  ~ImportFile();
  ImportFile(const ImportFile&) = delete;
  ImportFile& operator=(const ImportFile&) = delete;

  [[nodiscard]] int descriptor() const { return fd_; }
  /// Anybody else may read it.
  [[nodiscard]] bool open_to_others() const { return (before_.st_mode & 077U) != 0; }
  /// Throws changed() if its size or its time of modification is not what it was when it was
  /// opened.
  void require_unchanged() const;
  /// For a reader that finds other bytes than before: anybody who writes to a file can set its
  /// time, too.
  [[nodiscard]] ImportRefused changed() const;

 private:
  std::string name_;
  int fd_;
  struct stat before_ {};
};

enum class LineState {
  whole,
  too_long,   ///< over kLongestLine bytes; the text is empty
  cut_off,    ///< the last one, and no line end behind it
  other_end,  ///< LF where the first line ends by CRLF, or the other way round
};

struct Line {
  std::uint64_t number;   ///< from 1
  std::string_view text;  ///< without its end; valid until the next call
  LineState state;
};

/// Reads lines from the start of a file; one at a time. Its buffer is wiped when it goes.
class LineReader {
 public:
  static constexpr std::size_t kLongestLine = 16 * 1024;

  explicit LineReader(const ImportFile& file) : file_(file) {}
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line that is not empty. A byte order mark is dropped, and the CR of a line's end
  /// where the first line has one. Throws std::system_error where the file cannot be read.
  std::optional<Line> next();

 private:
  /// Including empty ones.
  std::optional<Line> next_raw();
  /// False at the end of the file.
  bool fill();
  Line skip_to_end_of_line();
  void strip(Line& line);

  const ImportFile& file_;
  std::vector<char> buffer_ = std::vector<char>(4 * kLongestLine);
  std::size_t begin_ = 0;  ///< of what was not handed out yet
  std::size_t end_ = 0;    ///< of what was read
  std::int64_t offset_ = 0;
  std::uint64_t number_ = 0;
  bool carriage_returns_ = false;
};

}  // namespace users
