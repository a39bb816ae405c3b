// What users-ctl can do: the table of its commands, their options and the rest of its manual.
#pragma once

#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/program.hpp"
#include "ctl/command.hpp"

namespace users::ctl {

struct Command {
  std::string_view words;      ///< `user show`
  std::string_view arguments;  ///< `PHONE [FILE]`: how many to accept, and for the manual
  std::string_view options;    ///< `--json --yes`: options besides --config
  std::string_view help;
  int (*run)(const Call&);
};

/// A section of the manual: paragraphs, one per line.
struct Section {
  std::string_view title;
  std::string_view text;
};

std::span<const Command> commands();
std::span<const Option> options();
std::span<const Section> sections();

/// Splits text at blanks.
std::vector<std::string> words_of(std::string_view text);

/// Runs the command in argv and returns its exit code.
int run(int argc, char** argv);

void print_help(std::ostream& out);

/// Prints users-ctl(8) as roff.
void print_man(std::ostream& out);

/// Prints /usr/share/bash-completion/completions/users-ctl.
void print_completion(std::ostream& out);

}  // namespace users::ctl
