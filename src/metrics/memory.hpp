// The memory that the metrics live in: a file that every worker and the courier map, so that what a
// process has counted outlives it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace users {

/// One series: its name with labels, and its numbers. A counter has one number; a histogram has one
/// for each bucket (not cumulative) and behind them the sum in microseconds.
struct MetricSlot {
  static constexpr std::size_t kValues = 16;
  static constexpr std::size_t kLongestKey = 120;
  std::uint32_t kind;  ///< of MetricKind
  std::uint32_t key_size;
  std::array<char, kLongestKey> key;  ///< users_x_total{label="value"}
  std::array<std::atomic<std::uint64_t>, kValues> values;
};
static_assert(sizeof(MetricSlot) == 256);

/// False if a slot is not what a process of this service makes: others may write to the file, too.
bool is_sound(const MetricSlot& slot);

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// A worker or a courier; the entry belongs to who holds the locks on its bytes in the file
/// (metrics/worker_table.hpp). Times are of CLOCK_MONOTONIC, in nanoseconds.
struct WorkerEntry {
  std::atomic<std::uint64_t> pid;         ///< which process that is, only the lock tells
  std::atomic<std::uint64_t> busy_since;  ///< 0: idle
};

/// What more is told of it; all 0 for a process of release 0.4.0 or earlier.
struct WorkerDetails {
  std::atomic<std::uint64_t> started;
  std::atomic<std::uint32_t> is_ready;
  std::atomic<std::uint32_t>
      request;                  ///< what it is busy with, as its room numbers that; 0: unknown
  std::array<char, 112> place;  ///< the path of its socket, or its pool; ended by a NUL
};

/// What the file holds. Whoever changes it, or the bounds of the buckets, counts kVersion up.
struct MetricsLayout {
  static constexpr std::array<char, 8> kMagic{'u', 's', 'r', 'm', 'e', 't', 'r', '\n'};
  static constexpr std::uint32_t kVersion = 1;
  static constexpr std::uint32_t kSlots = 1024;
  static constexpr std::uint32_t kWorkers = 1024;

  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t slot_count;
  std::uint32_t worker_count;
  /// Slots below this are whole: it is stored after all else of a slot.
  std::atomic<std::uint32_t> used;
  std::array<MetricSlot, kSlots> slots;
  std::array<WorkerEntry, kWorkers> workers;
  /// Behind all else: releases up to 0.4.0 map the file without it.
  std::array<WorkerDetails, kWorkers> details;
};

class MetricsMemory {
 public:
  /// Memory of this process alone.
  MetricsMemory();

  /// Maps `file`. It is made if there is none, and replaced if it is damaged, of another layout or
  /// open to others. Its mode is 0600, in a folder that a group shares (mode 2770) 0660.
  /// Where that cannot be done the memory is this process's alone, and the log says so: metrics
  /// never stop the service.
  explicit MetricsMemory(const std::string& file);

  /// Maps the file of others to read it. Throws std::runtime_error if there is none of this layout,
  /// or none that this user's service has made.
  struct ToRead {};
  MetricsMemory(const std::string& file, ToRead to_read);
  ~MetricsMemory();
  MetricsMemory(const MetricsMemory&) = delete;
  MetricsMemory& operator=(const MetricsMemory&) = delete;

  [[nodiscard]] MetricsLayout& layout() const { return *layout_; }
  /// The file's descriptor, -1 where there is none.
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// True once this process has met a part of the file that is no longer there; it counts that part
  /// for itself.
  [[nodiscard]] bool is_cut() const;

 private:
  void map_private();

  MetricsLayout* layout_ = nullptr;
  int descriptor_ = -1;
};

/// flock(2) on a file while this lives. It is waited for only for a moment: its holder may be
/// stopped. Without a file (-1) it is always held.
class BriefLock {
 public:
  explicit BriefLock(int descriptor);
  ~BriefLock();
  BriefLock(const BriefLock&) = delete;
  BriefLock& operator=(const BriefLock&) = delete;
  [[nodiscard]] bool held() const { return held_; }

 private:
  int descriptor_;
  bool held_;
};

}  // namespace users
