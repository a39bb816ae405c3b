// What the programs share: command lines, exit codes, and the signals that stop them.
#pragma once

#include <chrono>
#include <map>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace users {

/// Exit codes from sysexits.h.
constexpr int kExitUsage = 64;
constexpr int kExitUnavailable = 69;
constexpr int kExitConfig = 78;

/// The configuration file without --config.
constexpr std::string_view kDefaultConfig = "/etc/users-fcgi/users.conf";

/// The command line is wrong; the text says why. Exit code 64.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An option of a program: `--name VALUE` or `--name=VALUE`.
struct Option {
  std::string_view name;
  std::string_view value;  ///< for the help; empty: a switch without a value
  std::string_view help;
};

/// A command line as typed.
struct CommandLine {
  std::map<std::string, std::string> options;  ///< the given ones, without `--`
  std::vector<std::string> words;  ///< other arguments, and everything after a lone `--`

  [[nodiscard]] bool has(const std::string& option) const { return options.contains(option); }
};

/// Reads argv. Options cannot be abbreviated, since a new option could change what a short form
/// means, and cannot be repeated. Throws UsageError.
CommandLine read_command_line(int argc, char** argv, std::span<const Option> options);

/// A source file that a program generates from its own tables: `--print=name`.
struct PrintedFile {
  std::string_view name;
  void (*print)(std::ostream& out);
};

/// Prints one of `documents` to standard output. Throws UsageError if none has that name.
void print_document(std::string_view name, std::span<const PrintedFile> documents);

/// Blocks TERM, INT and USR1 until stop_requested() looks, so that they interrupt no work. Call
/// before starting a thread or a child.
void hold_stop_signals();

/// Waits at most this long for such a signal; returns true if one came.
bool stop_requested(std::chrono::milliseconds wait);

}  // namespace users
