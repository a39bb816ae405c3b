// Standard error thrown away while this lives: for tests that provoke warnings of the log.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace users::test {

class QuietErrors {
 public:
  QuietErrors() : before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nothing, STDERR_FILENO);
    ::close(nothing);
  }
  ~QuietErrors() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  int before_;
};

}  // namespace users::test
