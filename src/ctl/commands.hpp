// What users-ctl can do: the one table of its commands, their options and the rest of its manual.
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
  std::string_view arguments;  ///< `PHONE [FILE]`: how many there may be, and for the manual
  std::string_view options;    ///< `--json --yes`: those it takes beside --config
  std::string_view help;
  int (*run)(const Call&);
};

/// A part of the manual: paragraphs, one a line.
struct Section {
  std::string_view title;
  std::string_view text;
};

std::span<const Command> commands();
std::span<const Option> options();
std::span<const Section> sections();

/// The words between blanks.
std::vector<std::string> words_of(std::string_view text);

/// Runs the command that argv names and returns its exit code.
int run(int argc, char** argv);

void print_help(std::ostream& out);

/// users-ctl(8), as roff.
void print_man(std::ostream& out);

/// For /usr/share/bash-completion/completions/users-ctl.
void print_completion(std::ostream& out);

}  // namespace users::ctl
