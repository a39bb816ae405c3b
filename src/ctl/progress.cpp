#include "ctl/progress.hpp"

#include <cmath>
#include <iostream>

#include <unistd.h>

namespace users::ctl {
namespace {

constexpr std::chrono::seconds kBetweenLines{5};

std::string two_digits(std::uint64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

/// `1:02:03` or `2:03`.
std::string clock_text(std::uint64_t seconds) {
  const std::uint64_t minutes = seconds / 60;
  if (minutes < 60) return std::to_string(minutes) + ":" + two_digits(seconds % 60);
  return std::to_string(minutes / 60) + ":" + two_digits(minutes % 60) + ":" +
         two_digits(seconds % 60);
}

std::string bar(std::uint64_t done, std::uint64_t total) {
  constexpr std::size_t kWidth = 30;
  const std::size_t full = total == 0 ? kWidth : done * kWidth / total;
  return "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "] ";
}

}  // namespace

std::string progress_text(std::uint64_t done, std::uint64_t total, double seconds) {
  std::string text = std::to_string(done) + " of " + std::to_string(total) + " rows, " +
                     std::to_string(total == 0 ? 100 : done * 100 / total) + " %";
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  if (rate <= 0) return text;
  text.append(", ").append(std::to_string(static_cast<std::uint64_t>(rate))).append("/s");
  if (done >= total) return text;
  const auto left =
      static_cast<std::uint64_t>(std::llround(static_cast<double>(total - done) / rate));
  return text.append(", ").append(clock_text(left)).append(" left");
}

Progress::Progress(std::uint64_t total) : total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::print(std::uint64_t done) {
  const std::string text = progress_text(done, total_, seconds());
  if (terminal_) {
    // ESC [K clears what a longer line left behind; std::cerr would show it instead.
    const std::string line = "\r" + bar(done, total_) + text + "\033[K";
    [[maybe_unused]] const ssize_t shown = ::write(STDERR_FILENO, line.data(), line.size());
  } else {
    std::cerr << text << std::endl;
  }
  printed_ = Clock::now();
}

void Progress::show(std::uint64_t done) {
  if (terminal_ || Clock::now() - printed_ >= kBetweenLines) print(done);
}

void Progress::finish(std::uint64_t done) {
  print(done);
  if (terminal_) std::cerr << std::endl;
}

}  // namespace users::ctl
