// Which workers and couriers run, whether they are ready, how long each has been in its request,
// and how to kill one that is stuck.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "metrics/memory.hpp"

namespace users {

/// An entry belongs to the process that holds the locks on its bytes (fcntl(2)), so the kernel
/// frees it however that process ends. Only the kernel, never the file, says which process to kill.
/// All processes that share the file must be in one PID namespace.
class WorkerTable {
 public:
  /// The memory must outlive this object.
  explicit WorkerTable(MetricsMemory& memory) : memory_(memory) {}

  /// Enters this process into the table. `place` is the path of its socket, whose name without
  /// extension is the pool, or just the pool's name. If no entry is free, the process is neither
  /// counted nor watched.
  void enter(std::string_view place);

  // Call these after enter().

  /// The process is ready to serve, and can be stopped safely from now on.
  void set_ready();
  void begin_request();
  /// The number of the current request's route, from 1.
  void set_request(std::uint32_t number);
  void end_request();

  struct Worker {
    pid_t pid;
    std::string pool;
    std::string socket;  ///< path; empty if it has none
    bool is_ready;
    std::chrono::seconds age;
    std::optional<std::chrono::milliseconds> busy;  ///< how long
    std::uint32_t request;                          ///< 0: unknown
  };
  /// The running processes, by pool and age.
  [[nodiscard]] std::vector<Worker> list() const;

  struct Load {
    unsigned workers = 0;
    unsigned busy = 0;
  };
  /// The same as counts, without couriers.
  [[nodiscard]] Load load() const;

  /// Kills (SIGKILL) each other worker that has been in one request for longer than `limit`.
  /// Returns how many.
  unsigned end_stuck(std::chrono::seconds limit) const;

 private:
  [[nodiscard]] WorkerEntry& entry(std::size_t index) const {
    return memory_.layout().workers.at(index);
  }
  [[nodiscard]] WorkerDetails& details(std::size_t index) const {
    return memory_.layout().details.at(index);
  }
  /// The process that owns the entry; 0 if there is none, or it is this one.
  [[nodiscard]] pid_t holder_of(std::size_t index) const;
  [[nodiscard]] bool end_if_stuck(std::size_t index, std::chrono::nanoseconds limit) const;

  MetricsMemory& memory_;
  std::optional<std::size_t> mine_;
};

/// The pool of the couriers.
constexpr std::string_view kCourierPool = "courier";

/// Marks a worker as busy while it lives.
class BusyScope {
 public:
  explicit BusyScope(WorkerTable& workers) : workers_(workers) { workers_.begin_request(); }
  ~BusyScope() { workers_.end_request(); }
  BusyScope(const BusyScope&) = delete;
  BusyScope& operator=(const BusyScope&) = delete;

 private:
  WorkerTable& workers_;
};

}  // namespace users
