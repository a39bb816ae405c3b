// Counters and histograms that all workers and the courier share, and their Prometheus text.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "metrics/catalogue.hpp"
#include "metrics/memory.hpp"
#include "metrics/worker_table.hpp"

namespace users {

/// A number that only grows. An empty handle ignores what is added.
class Counter {
 public:
  Counter() = default;
  explicit Counter(MetricSlot* slot) : slot_(slot) {}
  [[nodiscard]] explicit operator bool() const { return slot_ != nullptr; }
  void add() const {
    if (slot_ != nullptr) slot_->values[0].fetch_add(1, std::memory_order_relaxed);
  }

 private:
  MetricSlot* slot_ = nullptr;
};

/// A distribution of durations. An empty handle ignores them.
class Histogram {
 public:
  Histogram() = default;
  explicit Histogram(MetricSlot* slot) : slot_(slot) {}
  [[nodiscard]] explicit operator bool() const { return slot_ != nullptr; }
  void observe(std::chrono::nanoseconds took) const;

 private:
  MetricSlot* slot_ = nullptr;
};

/// Records how long a scope takes.
class ScopeTimer {
 public:
  explicit ScopeTimer(Histogram histogram) : histogram_(histogram) {}
  ~ScopeTimer() { histogram_.observe(std::chrono::steady_clock::now() - start_); }
  ScopeTimer(const ScopeTimer&) = delete;
  ScopeTimer& operator=(const ScopeTimer&) = delete;

 private:
  Histogram histogram_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A gauge, read at scrape time.
struct GaugeSample {
  MetricId id;
  std::string labels;
  std::uint64_t value;
};

/// Looking up a series takes time and, at its first use, a lock: keep the handle if you count
/// often. Handles live as long as this object. Do not look up from two threads at once; the handles
/// themselves are thread-safe.
class Metrics {
 public:
  /// Of this process only: for tools and tests.
  Metrics() = default;
  /// Shared with every process that uses the same file. See MetricsMemory.
  explicit Metrics(const std::string& file) : memory_(file) {}
  /// Those of other processes, for reading. See MetricsMemory.
  Metrics(const std::string& file, MetricsMemory::ToRead to_read) : memory_(file, to_read) {}

  /// `labels` as in the output, without braces: `route="GET auth",code="0"`. If the file is full,
  /// or locked for a moment by a stopped process, the handle is empty.
  Counter counter(MetricId id, std::string_view labels = {}) { return Counter(slot(id, labels)); }
  Histogram histogram(MetricId id, std::string_view labels = {}) {
    return Histogram(slot(id, labels));
  }

  WorkerTable& workers() { return workers_; }

  /// MetricsMemory::is_cut().
  [[nodiscard]] bool is_cut() const { return memory_.is_cut(); }

  /// Everything that any process counted, and `gauges`: Prometheus text format 0.0.4, sorted.
  [[nodiscard]] std::string render(std::span<const GaugeSample> gauges = {}) const;

 private:
  MetricSlot* slot(MetricId id, std::string_view labels);
  [[nodiscard]] MetricSlot* find(std::string_view key) const;
  MetricSlot* append(MetricId id, std::string_view key);

  MetricsMemory memory_;
  WorkerTable workers_{memory_};
  bool full_ = false;
  std::chrono::steady_clock::time_point next_append_{};
};

}  // namespace users
