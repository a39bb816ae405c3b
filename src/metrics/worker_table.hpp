// Which workers there are, since when each has been in its request, and the end of one that is
// stuck in it.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include <sys/types.h>

#include "metrics/memory.hpp"

namespace users {

/// An entry belongs to the process that holds the locks on its bytes (fcntl(2)), so the kernel
/// frees it however that process ends. Whom to end only the kernel is asked, never the file. All
/// processes that share the file must be in one process namespace.
class WorkerTable {
 public:
  /// The memory must outlive this object.
  explicit WorkerTable(MetricsMemory& memory) : memory_(memory) {}

  /// Makes this process one of the workers. Without a free entry it is not counted and not watched.
  void enter();

  /// To be called by who has entered, around each request.
  void begin_request();
  void end_request();

  struct Load {
    unsigned workers = 0;
    unsigned busy = 0;
  };
  /// Those that live.
  [[nodiscard]] Load load() const;

  /// Ends (SIGKILL) each other worker that has been in one request for longer than `limit`; how
  /// many that were.
  unsigned end_stuck(std::chrono::seconds limit) const;

 private:
  [[nodiscard]] WorkerEntry& entry(std::size_t index) const {
    return memory_.layout().workers.at(index);
  }
  [[nodiscard]] bool is_held(std::size_t index) const;
  /// The process whose entry that is; 0 if there is none, or it is this one's.
  [[nodiscard]] pid_t holder_of(std::size_t index) const;
  [[nodiscard]] bool end_if_stuck(std::size_t index, std::chrono::nanoseconds limit) const;

  MetricsMemory& memory_;
  std::optional<std::size_t> mine_;
};

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
