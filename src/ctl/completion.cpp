// Prints the completion of users-ctl for bash, from the tables of commands and options.
#include <algorithm>
#include <map>

#include "ctl/command.hpp"

namespace users::ctl {
namespace {

/// The words that can follow the words typed so far: first or second words of commands.
std::map<std::string, std::string> choices_by_words() {
  std::map<std::string, std::string> choices;
  for (const Command& command : commands()) {
    const auto words = words_of(command.words);
    std::string& first = choices[""];
    if ((" " + first + " ").find(" " + words[0] + " ") == std::string::npos) {
      first += (first.empty() ? "" : " ") + words[0];
    }
    if (words.size() > 1) {
      std::string& second = choices[words[0]];
      second += (second.empty() ? "" : " ") + words[1];
    }
  }
  return choices;
}

/// What bash completes as the value of an option.
enum class Kind { file, user, nothing };

Kind kind_of(const Option& option) {
  if (option.value == "FILE" || option.value == "DIR") return Kind::file;
  return option.value == "NAME" ? Kind::user : Kind::nothing;
}

/// Returns `--limit | --after`: the options that take a value of one of `kinds`.
std::string options_with(std::initializer_list<Kind> kinds) {
  std::string list;
  for (const Option& option : options()) {
    const bool matches = std::ranges::find(kinds, kind_of(option)) != kinds.end();
    if (option.value.empty() || !matches) continue;
    list += (list.empty() ? "--" : " | --") + std::string(option.name);
  }
  return list;
}

}  // namespace

void print_completion(std::ostream& out) {
  out << R"(# shellcheck shell=bash
# Written by users-ctl --print=completion. It needs no bash-completion package.

_users_ctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=() i choices=''
    # The words that are neither options nor their values.
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        )"
      << options_with({Kind::file, Kind::user, Kind::nothing}) << R"()
            [[ ${COMP_WORDS[i + 1]} != = ]] || ((++i))
            ((++i))
            ;;
        -*) ;;
        *) words+=("${COMP_WORDS[i]}") ;;
        esac
    done
    # bash splits --config=FILE into three words.
    [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
    [[ $word != = ]] || word=''
    COMPREPLY=()
    case $before in
    )" << options_with({Kind::file})
      << R"()
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    )" << options_with({Kind::user})
      << R"()
        mapfile -t COMPREPLY < <(compgen -u -- "$word")
        return
        ;;
    )" << options_with({Kind::nothing})
      << R"() return ;;
    esac
    case "${words[*]}" in
)";
  for (const auto& [words, choices] : choices_by_words()) {
    out << "    '" << words << "') choices='" << choices
        << (words.empty() ? " --config --help --version" : "") << "' ;;\n";
  }
  for (const Command& command : commands()) {
    const bool takes_file = command.arguments == "FILE";
    if (command.options.empty() && !takes_file) continue;
    out << "    '" << command.words << "'*) choices='" << command.options << "'"
        << (takes_file ? "; compopt -o default 2>/dev/null" : "") << " ;;\n";
  }
  out << R"(    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}
complete -F _users_ctl users-ctl
)";
}

}  // namespace users::ctl
