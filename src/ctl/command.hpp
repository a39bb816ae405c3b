// Shared by the commands of users-ctl: each is a row in the table of commands.cpp and a function.
#pragma once

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/program.hpp"
#include "base/secret.hpp"
#include "ctl/output.hpp"
#include "db/migrations.hpp"

namespace users::ctl {

/// The requested thing does not exist, or cannot be done now; the text says what to do. Exit code
/// 1.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A command as typed.
struct Call {
  std::vector<std::string> typed;  ///< the whole command line, with the program's name
  std::string config_file;
  std::vector<std::string> arguments;          ///< after the command's own words
  std::map<std::string, std::string> options;  ///< given ones, without `--`; a switch has no value

  [[nodiscard]] bool has(const std::string& option) const { return options.count(option) != 0; }
  [[nodiscard]] std::optional<std::string> option(const std::string& name) const;
  [[nodiscard]] Form form() const { return form_of_standard_output(has("json")); }
  /// Loads the configuration, including the environment. Throws ConfigError.
  [[nodiscard]] Config config() const;
};

/// Asks on the terminal whether to continue; `what` says what will happen. With --yes returns true
/// at once. Throws UsageError if standard input is not a terminal.
bool confirmed(const Call& call, std::string_view what);

/// Reads a secret from standard input: the first line, or on a terminal twice without echo. Throws
/// UsageError if it is empty or the two differ.
Secret read_secret_from_input(std::string_view prompt);

/// The operator for the audit: the user who called sudo, else the user. UTF-8, at most 64 bytes.
std::string operator_name();

/// The migrations that the database lacks. Throws db::DatabaseError, ConfigError.
std::vector<db::Migration> pending_migrations(const Config& config);

/// The command migrate, which setup also runs. Returns the exit code.
int migrate(const Call& call);

}  // namespace users::ctl
