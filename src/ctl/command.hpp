// What the commands of users-ctl share. Each is a row in the table of commands.cpp and a function.
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

/// What was asked for is not there, or is refused as things stand; the text says what to do.
/// Exit code 1.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A command as it was typed.
struct Call {
  std::vector<std::string> typed;  ///< the whole command line, the program's name first
  std::string config_file;
  std::vector<std::string> arguments;          ///< behind the command's own words
  std::map<std::string, std::string> options;  ///< given ones, without `--`; a switch has no value

  [[nodiscard]] bool has(const std::string& option) const { return options.count(option) != 0; }
  [[nodiscard]] std::optional<std::string> option(const std::string& name) const;
  [[nodiscard]] Form form() const { return form_of_standard_output(has("json")); }
  /// The configuration, the environment included. Throws ConfigError.
  [[nodiscard]] Config config() const;
};

/// Asks on the terminal whether to go on; `what` says what will happen. True at once with --yes.
/// Throws UsageError where there is nobody to ask.
bool confirmed(const Call& call, std::string_view what);

/// A secret from standard input: its first line; on a terminal asked for twice, without echo.
/// Throws UsageError where there is none or the two differ.
Secret read_secret_from_input(std::string_view prompt);

/// Who runs this, for the audit: the user behind sudo, else the user. UTF-8 of at most 64 bytes.
std::string operator_name();

/// Those the database does not have yet. Throws db::DatabaseError, ConfigError.
std::vector<db::Migration> pending_migrations(const Config& config);

/// The command of this name, for setup too. Returns the exit code.
int migrate(const Call& call);

}  // namespace users::ctl
