// Runs a part of a test in child processes, and redirects standard error.
#pragma once

#include <cerrno>
#include <exception>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace users::test {

/// Forks; the child runs `body` and exits with its result, or 99 if it throws.
template <class Body>
pid_t start_child(Body&& body) {
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::system_category());
  if (child > 0) return child;
  int status = 99;
  try {
    status = body();
  } catch (const std::exception&) {
  }
  ::_exit(status);
}

/// The exit status, or -1 if a signal ended the child.
inline int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::system_category());
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Runs `body` in `count` processes at once; returns the sum of their exit statuses.
template <class Body>
int run_children(int count, const Body& body) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) children.push_back(start_child(body));
  int sum = 0;
  for (const pid_t child : children) sum += wait_for(child);
  return sum;
}

/// Redirects standard error to a file while it lives; to /dev/null in tests that provoke warnings.
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
