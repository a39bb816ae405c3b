// How far a long piece of work is, on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace users::ctl {

/// A bar on a terminal, otherwise a line every 5 seconds: rows, rate, time left.
class Progress {
 public:
  explicit Progress(std::uint64_t total);

  /// To be called often.
  void show(std::uint64_t done);
  /// The bar as it is at the end, and a new line.
  void finish(std::uint64_t done);

  [[nodiscard]] double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  void print(std::uint64_t done);

  std::uint64_t total_;
  bool terminal_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point printed_ = Clock::now();
};

/// `1200 of 5000 rows, 24 %, 300/s, 0:12 left`.
std::string progress_text(std::uint64_t done, std::uint64_t total, double seconds);

}  // namespace users::ctl
