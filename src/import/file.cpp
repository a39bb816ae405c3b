#include "import/file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace users {
ImportFile::ImportFile(const std::string& name)
    : name_(name == "-" ? "standard input" : name),
      fd_(name == "-" ? ::dup(STDIN_FILENO)
                      : ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {
  if (fd_.get() < 0 || ::fstat(fd_.get(), &before_) != 0) {
    throw ImportRefused(name_ + " cannot be opened: " + std::generic_category().message(errno));
  }
  if (!S_ISREG(before_.st_mode)) {
    throw ImportRefused(name_ +
                        " is not a regular file. An import is read twice, so that every row is "
                        "judged before one is written: save it to a file (umask 077) first");
  }
}

ImportFile::~ImportFile() {
  ::explicit_bzero(buffer_.data(), buffer_.size());
  ::explicit_bzero(line_.data(), line_.size());
}

void ImportFile::require_unchanged() const {
  struct stat now {};
  if (::fstat(fd_.get(), &now) != 0 || now.st_size != before_.st_size ||
      now.st_mtim.tv_sec != before_.st_mtim.tv_sec ||
      now.st_mtim.tv_nsec != before_.st_mtim.tv_nsec) {
    throw changed();
  }
}

ImportRefused ImportFile::changed() const {
  return ImportRefused(name_ + " was changed while it was read: run the same command again");
}

void ImportFile::rewind() {
  at_ = filled_ = 0;
  offset_ = 0;
  number_ = 0;
}

int ImportFile::next_byte() {
  if (at_ == filled_) {
    const ssize_t got = ::pread(fd_.get(), buffer_.data(), buffer_.size(), offset_);
    if (got < 0) throw std::system_error(errno, std::generic_category(), name_);
    if (got == 0) return -1;
    offset_ += got;
    filled_ = static_cast<std::size_t>(got);
    at_ = 0;
  }
  return static_cast<unsigned char>(buffer_[at_++]);
}

std::optional<Line> ImportFile::next() {
  for (int byte = next_byte(); byte >= 0; byte = next_byte()) {
    ++number_;
    std::size_t size = 0;
    for (; byte >= 0 && byte != '\n'; byte = next_byte(), ++size) {
      if (size < kLongestLine) line_[size] = static_cast<char>(byte);
    }
    if (size > kLongestLine) return Line{number_, {}, "the line is longer than 16384 bytes"};
    std::string_view text(line_.data(), size);
    if (number_ == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    const bool has_carriage_return = text.ends_with('\r');
    if (number_ == 1) has_carriage_returns_ = has_carriage_return;
    if (has_carriage_return && has_carriage_returns_) text.remove_suffix(1);
    if (text.empty()) continue;
    if (byte < 0) return Line{number_, text, "the last line has no end: is the file whole?"};
    const bool ends_alike = has_carriage_return == has_carriage_returns_;
    return Line{
        number_, text,
        ends_alike ? nullptr : "the line end differs from that of the first line (LF, CRLF)"};
  }
  return std::nullopt;
}

}  // namespace users
