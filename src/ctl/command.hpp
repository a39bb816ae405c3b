// What the commands of users-ctl share: their tables, a command as typed, and what it prints.
#pragma once

#include <cstdint>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/json.hpp"
#include "base/program.hpp"
#include "base/secret.hpp"
#include "db/migrations.hpp"

namespace users::ctl {

/// The requested thing does not exist, or cannot be done now; the text says what to do. Exit code
/// 1.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Tab-separated for pipes, columns on a terminal, or JSON if asked for.
enum class Form { tabs, columns, json };

/// A command as typed.
struct Call {
  std::vector<std::string> typed;  ///< the whole command line, with the program's name
  std::string config_file;
  std::vector<std::string> arguments;          ///< after the command's own words
  std::map<std::string, std::string> options;  ///< given ones, without `--`; a switch has no value

  [[nodiscard]] bool has(const std::string& option) const { return options.contains(option); }
  [[nodiscard]] std::optional<std::string> option(const std::string& name) const;
  [[nodiscard]] Form form() const;
  /// Loads the configuration, including the environment. Throws ConfigError.
  [[nodiscard]] Config config() const;
};

struct Command {
  std::string_view words;      ///< `user show`
  std::string_view arguments;  ///< `PHONE [FILE]`: how many to accept, and for the manual
  std::string_view options;    ///< `--json --yes`: options besides --config
  std::string_view help;
  int (*run)(const Call&);  ///< returns the exit code
};

// The commands, by family. Each table ends the file with its functions.
extern const std::vector<Command> kAccountCommands;
extern const std::vector<Command> kChangeCommands;
extern const std::vector<Command> kGroupCommands;
extern const std::vector<Command> kIdentityCommands;
extern const std::vector<Command> kMessageCommands;
extern const std::vector<Command> kRunningCommands;
extern const std::vector<Command> kReloadCommands;
extern const std::vector<Command> kSetupCommands;
extern const std::vector<Command> kDatabaseCommands;
extern const std::vector<Command> kTransferCommands;

int doctor(const Call& call);

/// All commands, in the order of the manual.
std::vector<Command> commands();
std::span<const Option> options();

/// Splits text at blanks.
std::vector<std::string> words_of(std::string_view text);

/// Runs the command in argv and returns its exit code.
int run(int argc, char** argv);

void print_help(std::ostream& out);

/// Prints users-ctl(8) as roff.
void print_man(std::ostream& out);

/// Prints /usr/share/bash-completion/completions/users-ctl.
void print_completion(std::ostream& out);

/// Asks on the terminal whether to continue; `what` says what will happen. With --yes returns true
/// at once. Throws UsageError if standard input is not a terminal.
bool confirmed(const Call& call, std::string_view what);

/// Reads a secret from standard input: the first line, or on a terminal twice without echo. Throws
/// UsageError if it is empty or the two differ.
Secret read_secret_from_input(std::string_view prompt);

/// The operator for the audit: the user who called sudo, else the user. UTF-8, at most 64 bytes.
std::string operator_name();

/// Parses a whole number from `least` to `most`. Throws UsageError, which calls it `what`.
std::uint64_t parse_number(std::string_view what, std::string_view text, std::uint64_t least = 0,
                           std::uint64_t most = UINT64_MAX);

/// The value of --limit: the number of rows, 100 by default.
std::uint64_t limit_option(const Call& call);

/// The migrations that the database lacks. Throws db::DatabaseError, ConfigError.
std::vector<db::Migration> pending_migrations(const Config& config);

/// Applies these migrations and prints the name of each.
void apply_migrations(const Config& config, const std::vector<db::Migration>& pending);

/// `1 row`, `2 rows`: of a noun whose plural ends in s.
std::string counted(std::uint64_t count, std::string_view noun);

/// Prints one object: with tabs and in columns a member a line, name and value.
void print_object(const Call& call, const json::Object& object);

void print_table(Form form, const std::vector<std::string>& columns,
                 const std::vector<std::vector<json::Value>>& rows);

template <class Row>
struct Field {
  std::string name;
  std::function<json::Value(const Row&)> value;  ///< or a member of the row
};

/// Prints a list. With tabs: a row a line, no heading, null empty; in columns: under a heading; as
/// JSON: an array of objects. Control characters are escaped in all three, so a row stays a line
/// and no terminal obeys it.
template <class Row>
void print_rows(const Call& call, const std::vector<Row>& rows,
                const std::vector<Field<Row>>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  std::vector<std::vector<json::Value>> table(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const auto& column : columns) table[i].push_back(column.value(rows[i]));
  }
  print_table(call.form(), names, table);
}

/// Prints a page of a list, and on a terminal how to get the next one: by `key`, after the last
/// row's.
template <class Row, class Key>
void print_page(const Call& call, const std::vector<Row>& rows,
                const std::vector<Field<Row>>& columns, std::uint64_t limit, Key Row::*key) {
  print_rows(call, rows, columns);
  if (rows.size() == limit && call.form() == Form::columns) {
    std::cerr << "the next ones: --after " << rows.back().*key << '\n';
  }
}

}  // namespace users::ctl
