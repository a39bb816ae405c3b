// Standard error elsewhere while this lives: thrown away, for tests that provoke warnings of the
// log, or in a file.
#pragma once

#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace users::test {

class StandardErrorTo {
 public:
  explicit StandardErrorTo(const std::filesystem::path& file = "/dev/null")
      : before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(fd, STDERR_FILENO);
    ::close(fd);
  }
  ~StandardErrorTo() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }
  StandardErrorTo(const StandardErrorTo&) = delete;
  StandardErrorTo& operator=(const StandardErrorTo&) = delete;

 private:
  int before_;
};

}  // namespace users::test
