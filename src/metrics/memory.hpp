// The memory of the metrics: a file that every worker and the courier map, so that counts outlive
// the process that made them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/descriptor.hpp"

namespace users {

/// One series: its name with labels, and its numbers. A counter has one number. A histogram has one
/// per bucket (not cumulative), then the sum in microseconds.
struct MetricSlot {
  static constexpr std::size_t kValues = 16;
  static constexpr std::size_t kLongestKey = 120;
  std::uint32_t kind;  ///< a MetricKind
  std::uint32_t key_size;
  std::array<char, kLongestKey> key;  ///< users_x_total{label="value"}
  std::array<std::atomic<std::uint64_t>, kValues> values;
};
static_assert(sizeof(MetricSlot) == 256);

/// Returns false if the slot is not one of this service: others may write to the file too.
bool is_sound(const MetricSlot& slot);

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// A worker or a courier. The entry belongs to the process that holds the locks on its bytes in the
/// file (metrics/worker_table.hpp). Times are nanoseconds of CLOCK_MONOTONIC,
/// `started` of CLOCK_BOOTTIME.
struct WorkerEntry {
  std::atomic<std::uint64_t> pid;         ///< a hint only: the lock identifies the process
  std::atomic<std::uint64_t> busy_since;  ///< 0: idle
};

/// More about a worker; all 0 for a process of release 0.4.0 or earlier.
struct WorkerDetails {
  std::atomic<std::uint64_t> started;
  std::atomic<std::uint32_t> is_ready;
  std::atomic<std::uint32_t> request;  ///< what it is busy with, numbered by its room; 0: unknown
  std::array<char, 112> place;         ///< the path of its socket, or its pool; NUL-terminated
};

/// The file's content. If you change it or the bounds of the buckets, increase kVersion.
struct MetricsLayout {
  static constexpr std::array<char, 8> kMagic{'u', 's', 'r', 'm', 'e', 't', 'r', '\n'};
  static constexpr std::uint32_t kVersion = 1;
  static constexpr std::uint32_t kSlots = 1024;
  static constexpr std::uint32_t kWorkers = 1024;

  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t slot_count;
  std::uint32_t worker_count;
  /// Slots below this are complete: it is stored after the rest of the slot.
  std::atomic<std::uint32_t> used;
  std::array<MetricSlot, kSlots> slots;
  std::array<WorkerEntry, kWorkers> workers;
  /// At the end: releases up to 0.4.0 map the file without it.
  std::array<WorkerDetails, kWorkers> details;
};

class MetricsMemory {
 public:
  /// Memory of this process only.
  MetricsMemory();

  /// Maps `file`. Creates it if it is missing; replaces it if it is damaged, has another layout or
  /// is accessible to others. Its mode is 0600, or 0660 in a folder that a group shares (mode
  /// 2770). If this fails, logs a warning and uses memory of this process only: metrics never stop
  /// the service.
  explicit MetricsMemory(const std::string& file);

  /// Maps another process's file for reading. Throws std::runtime_error if it is missing, has
  /// another layout or was not made by this user's service.
  struct ToRead {};
  MetricsMemory(const std::string& file, ToRead to_read);
  ~MetricsMemory();
  MetricsMemory(const MetricsMemory&) = delete;
  MetricsMemory& operator=(const MetricsMemory&) = delete;

  [[nodiscard]] MetricsLayout& layout() const { return *layout_; }
  /// The file's descriptor; -1 if there is none.
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  /// Returns true once this process has found a part of the file missing; it counts that part on
  /// its own.
  [[nodiscard]] bool is_cut() const;

 private:
  MetricsLayout* layout_ = nullptr;
  Descriptor descriptor_;
};

/// Holds flock(2) on a file while it lives. Waits only 50 ms, since the holder may be stopped.
/// Without a file (-1) it is always held.
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
