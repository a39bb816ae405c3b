// What the programs' command lines have in common.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/secret.hpp"

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

/// Runs a program: sets UTC and keeps secrets out of core dumps first, then turns what `body`
/// throws into one line on standard error and an exit code.
int run_program(std::string_view name, const std::function<int(int argc, char** argv)>& body,
                int argc, char** argv);

/// The same for a program that serves: it takes --config, --check-config, --print-config, --help
/// and
/// --version and nothing else. `body` gets the configuration, the database's password and the
/// service's key, and returns the exit code. One that cannot start for its configuration ends a
/// second after it has said so.
int run_service(std::string_view name, std::string_view help,
                int (*body)(const Config&, const Secret& password, const Secret& key), int argc,
                char** argv);

}  // namespace users
