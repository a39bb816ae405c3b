#include "base/stop_signals.hpp"

#include <csignal>
#include <ctime>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace users {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void hold_stop_signals() {
  const sigset_t set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool stop_requested(std::chrono::milliseconds wait) {
  const sigset_t set = stop_signals();
  if (wait.count() > 0) {
    // sigtimedwait could wait by itself, but meanwhile the signals would not show as held.
    const int fd = ::signalfd(-1, &set, SFD_CLOEXEC);
    pollfd stop{fd, POLLIN, 0};
    ::poll(&stop, 1, static_cast<int>(wait.count()));
    if (fd >= 0) ::close(fd);
  }
  const timespec now{};
  return ::sigtimedwait(&set, nullptr, &now) > 0;
}

}  // namespace users
