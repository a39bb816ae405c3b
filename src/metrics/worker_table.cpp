#include "metrics/worker_table.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <tuple>

#include <fcntl.h>
#include <unistd.h>

#include "base/log.hpp"

// The header of glibc 2.36 lacks extern "C".
extern "C" {
#include <sys/pidfd.h>
}

namespace users {
namespace {

using std::chrono::nanoseconds;

/// steady_clock is CLOCK_MONOTONIC, which all processes share; never 0 here.
std::uint64_t now() {
  return static_cast<std::uint64_t>(
      nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

/// Also counts the time that the machine was suspended.
std::uint64_t uptime() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return static_cast<std::uint64_t>(
      (std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec)).count());
}

// The bytes of an entry that its process locks.

/// Marks the owner; this lock goes with the descriptor.
constexpr std::size_t kOwnership = offsetof(WorkerEntry, pid);
/// Identifies the owner: for this older kind of fcntl(2) lock the kernel returns the holder's
/// process id. The file's content proves nothing.
constexpr std::size_t kIdentity = offsetof(WorkerEntry, busy_since);

struct flock lock_of(std::size_t index, std::size_t offset) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start =
      static_cast<off_t>(offsetof(MetricsLayout, workers) + index * sizeof(WorkerEntry) + offset);
  lock.l_len = sizeof(std::uint64_t);
  return lock;
}

}  // namespace

void WorkerTable::enter(std::string_view place) {
  for (std::size_t i = 0; i < MetricsLayout::kWorkers; ++i) {
    struct flock ownership = lock_of(i, kOwnership);
    struct flock identity = lock_of(i, kIdentity);
    if (memory_.descriptor() >= 0 && (::fcntl(memory_.descriptor(), F_OFD_SETLK, &ownership) != 0 ||
                                      ::fcntl(memory_.descriptor(), F_SETLK, &identity) != 0)) {
      continue;
    }
    // Clear the last owner's values, busy_since first: else the new process could be killed for it.
    entry(i).busy_since.store(0);
    entry(i).pid.store(static_cast<std::uint64_t>(::getpid()));
    WorkerDetails& own = details(i);
    own.is_ready.store(0);
    own.request.store(0);
    own.started.store(uptime());
    own.place.fill('\0');
    place.copy(own.place.data(), own.place.size() - 1);
    mine_ = i;
    return;
  }
  log::warning({"metrics: no entry is free for this worker; it is neither counted nor watched"});
}

void WorkerTable::set_ready() {
  if (mine_) details(*mine_).is_ready.store(1);
}

void WorkerTable::set_request(std::uint32_t number) {
  if (mine_) details(*mine_).request.store(number, std::memory_order_relaxed);
}

void WorkerTable::begin_request() {
  if (mine_) entry(*mine_).busy_since.store(now(), std::memory_order_relaxed);
}

void WorkerTable::end_request() {
  if (!mine_) return;
  entry(*mine_).busy_since.store(0, std::memory_order_relaxed);
  details(*mine_).request.store(0, std::memory_order_relaxed);
}

pid_t WorkerTable::holder_of(std::size_t index) const {
  if (memory_.descriptor() < 0) return 0;
  struct flock lock = lock_of(index, kIdentity);
  const bool held = ::fcntl(memory_.descriptor(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  return held && lock.l_pid > 0 ? lock.l_pid : 0;
}

std::vector<WorkerTable::Worker> WorkerTable::list() const {
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < MetricsLayout::kWorkers; ++i) {
    if (entry(i).pid.load() == 0) continue;
    const pid_t pid = mine_ == i ? ::getpid() : holder_of(i);
    if (pid == 0) continue;
    const WorkerDetails& more = details(i);
    const auto since = [](std::uint64_t then, std::uint64_t time) {
      return nanoseconds(static_cast<std::int64_t>(std::max(time, then) - then));
    };
    Worker& worker = workers.emplace_back();
    worker.pid = pid;
    const std::filesystem::path place(
        std::string(more.place.data(), ::strnlen(more.place.data(), more.place.size())));
    worker.pool = place.stem();
    if (place.is_absolute()) worker.socket = place;
    worker.is_ready = more.is_ready.load() != 0;
    worker.age =
        std::chrono::duration_cast<std::chrono::seconds>(since(more.started.load(), uptime()));
    worker.request = more.request.load();
    if (const std::uint64_t busy = entry(i).busy_since.load(); busy != 0) {
      worker.busy = std::chrono::duration_cast<std::chrono::milliseconds>(since(busy, now()));
    }
  }
  std::ranges::sort(workers, [](const Worker& a, const Worker& b) {
    return std::tie(a.pool, b.age, a.pid) < std::tie(b.pool, a.age, b.pid);
  });
  return workers;
}

WorkerTable::Load WorkerTable::load() const {
  Load load;
  for (const Worker& worker : list()) {
    if (worker.pool == kCourierPool) continue;
    ++load.workers;
    load.busy += worker.busy ? 1 : 0;
  }
  return load;
}

unsigned WorkerTable::end_stuck(std::chrono::seconds limit) const {
  unsigned ended = 0;
  for (std::size_t i = 0; i < MetricsLayout::kWorkers; ++i) {
    if (mine_ != i && end_if_stuck(i, limit)) ++ended;
  }
  return ended;
}

bool WorkerTable::end_if_stuck(std::size_t index, nanoseconds limit) const {
  const std::uint64_t since = entry(index).busy_since.load();
  const std::uint64_t age = now() - since;
  // The age wraps around if that request has just begun.
  if (since == 0 || age > static_cast<std::uint64_t>(nanoseconds::max().count()) ||
      age < static_cast<std::uint64_t>(limit.count())) {
    return false;
  }
  const pid_t pid = holder_of(index);
  const Descriptor process(pid == 0 ? -1 : ::pidfd_open(pid, 0));
  if (process.get() < 0) return false;
  // From here on the descriptor names one process, even if its number is reused. It is the worker
  // if the worker still exists and is still in that request. Of several watchers, only the one that
  // resets the request's time may kill the worker.
  std::uint64_t seen = since;
  // First check for permission: the courier may run as another user.
  const bool ended = ::pidfd_send_signal(process.get(), 0, nullptr, 0) == 0 &&
                     holder_of(index) == pid &&
                     entry(index).busy_since.compare_exchange_strong(seen, now()) &&
                     ::pidfd_send_signal(process.get(), SIGKILL, nullptr, 0) == 0;
  if (ended) {
    log::error({"worker ", std::to_string(pid), " has been in one request for ",
                std::to_string(age / 1'000'000'000), " s and is ended (worker.request_limit)"});
  }
  return ended;
}

}  // namespace users
