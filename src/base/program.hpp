// What the programs have in common: command lines, exit codes, and the signals that end them.
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

/// Exit codes of sysexits.h that the programs use.
constexpr int kExitUsage = 64;
constexpr int kExitUnavailable = 69;
constexpr int kExitConfig = 78;

/// Where the configuration is looked for without --config.
constexpr std::string_view kDefaultConfig = "/etc/users-fcgi/users.conf";

/// The command line is wrong; the text says how. Exit code 64.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An option that a program takes: `--name VALUE` or `--name=VALUE`.
struct Option {
  std::string_view name;
  std::string_view value;  ///< for the help; empty: a switch, which takes none
  std::string_view help;
};

/// A command line as it was typed.
struct CommandLine {
  std::map<std::string, std::string> options;  ///< those given, without `--`
  std::vector<std::string> words;              ///< the others, and all behind a lone `--`

  [[nodiscard]] bool has(const std::string& option) const { return options.contains(option); }
};

/// Reads argv. Each option is spelt out, since a shortened name would change its meaning with the
/// next option, and given once. Throws UsageError.
CommandLine read_command_line(int argc, char** argv, std::span<const Option> options);

/// A file of the source that a program writes from its own tables: `--print=name`.
struct Document {
  std::string_view name;
  void (*print)(std::ostream& out);
};

/// Prints one of `documents` to standard output. Throws UsageError if none has that name.
void print_document(std::string_view name, std::span<const Document> documents);

/// Blocks TERM, INT and USR1 until somebody looks at them, so that none interrupts a piece of work.
/// Call before any thread or child exists.
void hold_stop_signals();

/// Waits at most this long for one of them; true where it came.
bool stop_requested(std::chrono::milliseconds wait);

}  // namespace users
