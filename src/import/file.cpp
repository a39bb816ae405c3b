#include "import/file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace users {
namespace {

int open_file(const std::string& name) {
  const int fd = name == "-" ? ::dup(STDIN_FILENO)
                             : ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) {
    throw ImportRefused(name + " cannot be opened: " + std::generic_category().message(errno));
  }
  return fd;
}

std::string in_words(const std::string& name) {
  return name == "-" ? "standard input" : name;
}

bool same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

ImportFile::ImportFile(const std::string& name) : name_(name), fd_(open_file(name)) {
  if (::fstat(fd_, &before_) == 0 && S_ISREG(before_.st_mode)) return;
  ::close(fd_);
  throw ImportRefused(in_words(name) +
                      " is not a regular file, and it is read twice, so that nothing is written "
                      "before every row is judged: save it into a file (umask 077) first");
}

ImportFile::~ImportFile() {
  ::close(fd_);
}

void ImportFile::require_unchanged() const {
  struct stat now {};
  if (::fstat(fd_, &now) == 0 && now.st_size == before_.st_size &&
      same(now.st_mtim, before_.st_mtim)) {
    return;
  }
  throw changed();
}

ImportRefused ImportFile::changed() const {
  return ImportRefused(in_words(name_) +
                       " was changed while it was read: run the same command again");
}

LineReader::~LineReader() {
  ::explicit_bzero(buffer_.data(), buffer_.size());
}

bool LineReader::fill() {
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
  end_ -= begin_;
  begin_ = 0;
  for (;;) {
    const ssize_t got =
        ::pread(file_.descriptor(), buffer_.data() + end_, buffer_.size() - end_, offset_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error(errno, std::generic_category(), "the file");
    end_ += static_cast<std::size_t>(got);
    offset_ += got;
    return got > 0;
  }
}

Line LineReader::skip_to_end_of_line() {
  for (;;) {
    const auto* found =
        static_cast<const char*>(std::memchr(buffer_.data() + begin_, '\n', end_ - begin_));
    if (found != nullptr) {
      begin_ = static_cast<std::size_t>(found - buffer_.data()) + 1;
      return {number_, {}, LineState::too_long};
    }
    begin_ = end_;
    if (!fill()) return {number_, {}, LineState::too_long};
  }
}

std::optional<Line> LineReader::next_raw() {
  ++number_;
  for (;;) {
    const char* start = buffer_.data() + begin_;
    const auto* found = static_cast<const char*>(std::memchr(start, '\n', end_ - begin_));
    if (found != nullptr) {
      const auto length = static_cast<std::size_t>(found - start);
      begin_ += length + 1;
      if (length > kLongestLine) return Line{number_, {}, LineState::too_long};
      return Line{number_, {start, length}, LineState::whole};
    }
    if (end_ - begin_ > kLongestLine) return skip_to_end_of_line();
    if (fill()) continue;
    if (begin_ == end_) return std::nullopt;
    const Line last{number_, {buffer_.data() + begin_, end_ - begin_}, LineState::cut_off};
    begin_ = end_;
    return last;
  }
}

void LineReader::strip(Line& line) {
  if (line.number == 1 && line.text.starts_with("\xEF\xBB\xBF")) line.text.remove_prefix(3);
  const bool has_one = line.text.ends_with('\r');
  if (line.number == 1) carriage_returns_ = has_one;
  if (has_one && carriage_returns_) line.text.remove_suffix(1);
  if (has_one != carriage_returns_ && line.state == LineState::whole && !line.text.empty()) {
    line.state = LineState::other_end;
  }
}

std::optional<Line> LineReader::next() {
  while (auto line = next_raw()) {
    strip(*line);
    if (!line->text.empty() || line->state == LineState::too_long) return line;
  }
  return std::nullopt;
}

}  // namespace users
