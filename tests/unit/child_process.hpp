// A piece of a test in a process of its own: for what cannot be undone, and for many at once.
#pragma once

#include <cerrno>
#include <exception>
#include <system_error>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace users::test {

/// Forks; the child runs `body` and ends with what it returns, 99 where it throws. It never comes
/// back into the test framework.
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

/// The exit status, -1 where a signal ended the child.
inline int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::system_category());
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Runs `body` in `count` processes at once; the sum of their exit statuses.
template <class Body>
int run_children(int count, const Body& body) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) children.push_back(start_child(body));
  int sum = 0;
  for (const pid_t child : children) sum += wait_for(child);
  return sum;
}

}  // namespace users::test
