// Other programs, run to their end within bounds of time and output.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace users {

/// How to run a program. It gets no descriptor but the three standard ones, no blocked signal, and
/// a process group of its own; it is killed if the calling thread ends.
struct Subprocess {
  std::vector<std::string> command;  ///< the program is looked up on PATH if it has no `/`
  std::chrono::milliseconds limit;   ///< after that it is killed
  std::string_view input{};          ///< on its standard input, at most 64 KiB, what a pipe holds
  std::optional<std::vector<std::string>> environment{};  ///< NAME=value; ours if missing
  /// Root gives up its rights for those of this user and that user's groups. The program is then in
  /// a session of its own, so that it cannot push input into root's terminal (TIOCSTI).
  std::optional<uid_t> as{};
  bool keeps_output = true;                  ///< false: standard output and error are ours
  std::size_t most = std::size_t{1} << 20U;  ///< bytes kept of each output; the rest is dropped
  /// Gets each piece of output as it comes, and whether it is of standard error; nothing is kept.
  std::function<void(std::string_view piece, bool is_error)> relay{};
};

struct Finished {
  bool started = false;  ///< false if the program cannot be executed
  bool in_time = false;
  int status = 0;  ///< exit code; -N if signal N ended it
  std::string output;
  std::string errors;  ///< standard error

  [[nodiscard]] bool exited_with(int code) const { return started && in_time && status == code; }
};

/// Runs a program until it ends, then kills what it left running in its process group. Throws
/// std::system_error if there is no memory, process or descriptor for it.
Finished run_to_end(const Subprocess& program);

}  // namespace users
