#include "base/stop_signals.hpp"

#include <csignal>
#include <ctime>

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
  const timespec longest{wait.count() / 1000, wait.count() % 1000 * 1'000'000};
  return ::sigtimedwait(&set, nullptr, &longest) > 0;
}

}  // namespace users
