// The file of an import: read line by line, twice, and wiped behind the reader.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "base/descriptor.hpp"

namespace users {

/// The file as a whole cannot be imported; the text says why and what to do, and quotes no row.
class ImportRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Line {
  std::uint64_t number;         ///< from 1
  std::string_view text;        ///< without its end; valid until the next call
  const char* fault = nullptr;  ///< why it is no row; the text may be empty then
};

/// A regular file that must stay the same while this lives.
class ImportFile {
 public:
  static constexpr std::size_t kLongestLine = 16 * 1024;

  /// `-` is standard input. Throws ImportRefused if it is not a regular file: a pipe cannot be read
  /// twice.
  explicit ImportFile(const std::string& name);
  ~ImportFile();
  ImportFile(const ImportFile&) = delete;
  ImportFile& operator=(const ImportFile&) = delete;

  /// In words, if it is standard input.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Whether another user may open it.
  [[nodiscard]] bool open_to_others() const { return (before_.st_mode & 077U) != 0; }
  /// Throws changed() if its size or its time of modification is not what it was when it was
  /// opened.
  void require_unchanged() const;
  /// For a reader that finds other bytes than before: a program that writes to a file can also set
  /// its time.
  [[nodiscard]] ImportRefused changed() const;

  /// Goes back to the start.
  void rewind();
  /// Returns the next line that is not empty, without a byte order mark at the file's start, and
  /// without the CR of the line's end if the first line has one. Throws std::system_error if the
  /// file cannot be read.
  std::optional<Line> next();

 private:
  /// Returns -1 at the end of the file.
  int next_byte();

  std::string name_;
  Descriptor fd_;
  struct stat before_ {};
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);
  std::vector<char> line_ = std::vector<char>(kLongestLine);
  std::size_t at_ = 0;      ///< in the buffer, what comes next
  std::size_t filled_ = 0;  ///< of the buffer
  off_t offset_ = 0;        ///< in the file, behind the buffer
  std::uint64_t number_ = 0;
  bool has_carriage_returns_ = false;
};

}  // namespace users
