// Which workers and couriers there are, whether they are ready, since when each has been in its
// request, and the end of one that is stuck in it.
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
/// frees it however that process ends. Whom to end only the kernel is asked, never the file. All
/// processes that share the file must be in one process namespace.
class WorkerTable {
 public:
  /// The memory must outlive this object.
  explicit WorkerTable(MetricsMemory& memory) : memory_(memory) {}

  /// Makes this process one of a pool's. `place`: the path of its socket, whose name without its
  /// ending is the pool's, or else the pool's name. Without a free entry it is not counted and not
  /// watched.
  void enter(std::string_view place);

  // To be called by who has entered.

  /// The process is ready to serve, and stops without harm from now on.
  void set_ready();
  void begin_request();
  /// What the request at hand is, from 1.
  void set_request(std::uint32_t number);
  void end_request();

  struct Worker {
    pid_t pid;
    std::string pool;
    std::string socket;  ///< its path; empty if it has none
    bool is_ready;
    std::chrono::seconds age;
    std::optional<std::chrono::milliseconds> busy;  ///< for how long
    std::uint32_t request;                          ///< 0: unknown
  };
  /// Those that live, by pool and age.
  [[nodiscard]] std::vector<Worker> list() const;

  struct Load {
    unsigned workers = 0;
    unsigned busy = 0;
  };
  /// The same in numbers, without couriers.
  [[nodiscard]] Load load() const;

  /// Ends (SIGKILL) each other worker that has been in one request for longer than `limit`; how
  /// many that were.
  unsigned end_stuck(std::chrono::seconds limit) const;

 private:
  [[nodiscard]] WorkerEntry& entry(std::size_t index) const {
    return memory_.layout().workers.at(index);
  }
  [[nodiscard]] WorkerDetails& details(std::size_t index) const {
    return memory_.layout().details.at(index);
  }
  /// The process whose entry that is; 0 if there is none, or it is this one's.
  [[nodiscard]] pid_t holder_of(std::size_t index) const;
  [[nodiscard]] bool end_if_stuck(std::size_t index, std::chrono::nanoseconds limit) const;

  MetricsMemory& memory_;
  std::optional<std::size_t> mine_;
};

/// The pool that couriers are in.
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
