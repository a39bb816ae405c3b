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
  using std::chrono::duration_cast;
  const auto seconds = duration_cast<std::chrono::seconds>(wait);
  const auto rest = duration_cast<std::chrono::nanoseconds>(wait - seconds);
  const timespec time{seconds.count(), rest.count()};
  const sigset_t set = stop_signals();
  return ::sigtimedwait(&set, nullptr, &time) > 0;
}

}  // namespace users
