// The log: one line per event, one file per day that all workers share, in UTC.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/config.hpp"

namespace users::log {

/// Writes to <directory>/users.log.YYYYMMDD and keeps <directory>/users.log a link to today's file.
/// The process must run with TZ=UTC, since Boost names files by local time. While the folder is not
/// writable, lines go to standard error, as they do before start().
void start(const std::string& directory, LogLevel least, unsigned keep_days);

/// Used instead of start() by a program at a terminal: lines of this level and above go to standard
/// error. Root must not create the log's files: the service's user could not append to them.
void start_on_stderr(LogLevel least);

/// Writes `2026-04-22 10:00:00,123 file.cpp[line:74] INFO [request id] parts...` as one line of at
/// most 1000 bytes. Only one thread may write to a file. Control characters are escaped, so an
/// event stays one line. Never pass a password, a code, a token, a body or an unmasked phone.
struct Writer {
  LogLevel level;

  // (std::source_location needs a newer clang than Debian 12's linters.)
  void operator()(std::initializer_list<std::string_view> parts,
                  const char* file = __builtin_FILE(), int line = __builtin_LINE()) const;

  /// Whether lines of this level are written.
  [[nodiscard]] bool is_on() const;
};

inline constexpr Writer debug{LogLevel::debug};
inline constexpr Writer info{LogLevel::info};
inline constexpr Writer warning{LogLevel::warning};
inline constexpr Writer error{LogLevel::error};

/// While it lives, calls `notice` for each line that could not be written to the log's folder.
class FailureScope {
 public:
  explicit FailureScope(std::function<void()> notice);
  ~FailureScope();
  FailureScope(const FailureScope&) = delete;
  FailureScope& operator=(const FailureScope&) = delete;
};

/// While it lives, lines carry this request id, otherwise `-`.
class RequestScope {
 public:
  explicit RequestScope(std::string_view request_id);
  ~RequestScope();
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;
};

}  // namespace users::log
