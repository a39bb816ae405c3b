// Prints the manual of users-ctl in three forms, from the table of commands.

#include <algorithm>
#include <functional>
#include <map>

#include "base/text.hpp"
#include "ctl/commands.hpp"

namespace users::ctl {
namespace {

constexpr std::size_t kWidth = 100;

/// Prints text in lines of at most kWidth, indented by `margin`.
void print_wrapped(std::ostream& out, std::string_view text, std::size_t margin) {
  for (const std::string& line : wrap(text, kWidth - margin)) {
    out << std::string(margin, ' ') << line << '\n';
  }
}

void for_each_line(std::string_view text, const std::function<void(std::string_view)>& take) {
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    take(text.substr(start, end - start));
    start = end + 1;
  }
}

const Option& option_of(std::string_view typed) {
  return *std::ranges::find(options(), typed.substr(2), &Option::name);
}

/// Returns `user list [--limit N] [--json]`; `bold` marks literal words, `italic` placeholders.
std::string synopsis(const Command& command, const std::function<std::string(std::string)>& bold,
                     const std::function<std::string(std::string)>& italic) {
  std::string text = bold(std::string(command.words));
  if (!command.arguments.empty()) text += " " + italic(std::string(command.arguments));
  for (const std::string& typed : words_of(command.options)) {
    const Option& option = option_of(typed);
    text += " [" + bold(typed);
    if (!option.value.empty()) text += " " + italic(std::string(option.value));
    text += "]";
  }
  return text;
}

/// Escapes text for the start of a roff line.
std::string roff(std::string_view text) {
  std::string escaped = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string bold(const std::string& text) {
  return "\\fB" + roff(text) + "\\fR";
}

std::string italic(const std::string& text) {
  return "\\fI" + roff(text) + "\\fR";
}

void print_section(std::ostream& out, const Section& section) {
  const bool is_example = section.title == "EXAMPLES";
  out << ".SH " << section.title << '\n' << (is_example ? ".nf\n" : "");
  const char* between = "";
  for_each_line(section.text, [&](std::string_view line) {
    out << between << roff(line) << '\n';
    if (!is_example) between = ".PP\n";
  });
  if (is_example) out << ".fi\n";
}

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

/// Returns `--limit | --after`: the options whose value is one of `values`.
std::string options_with(std::initializer_list<std::string_view> values) {
  std::string list;
  for (const Option& option : options()) {
    if (std::ranges::find(values, option.value) == values.end()) continue;
    list += (list.empty() ? "--" : " | --") + std::string(option.name);
  }
  return list;
}

}  // namespace

void print_help(std::ostream& out) {
  const auto plain = [](std::string text) { return text; };
  const auto print = [&](const Section& section) {
    out << '\n' << section.title << '\n';
    for_each_line(section.text, [&](std::string_view line) { print_wrapped(out, line, 2); });
  };
  out << "users-ctl: the operator's command line of the accounts service\n\n"
         "  users-ctl [--config FILE] COMMAND [ARGUMENT ...] [OPTION ...]\n";
  print(sections().front());
  out << "\nCOMMANDS\n";
  for (const Command& command : commands()) {
    out << "  " << synopsis(command, plain, plain) << '\n';
    print_wrapped(out, command.help, 6);
  }
  out << "\nOPTIONS\n";
  for (const Option& option : options()) {
    std::string name = "--" + std::string(option.name);
    if (!option.value.empty()) name.append(" ").append(option.value);
    name.resize(std::max<std::size_t>(name.size() + 1, 22), ' ');
    out << "  " << name << option.help << '\n';
  }
  for (const Section& section : sections().subspan(1)) print(section);
}

void print_man(std::ostream& out) {
  out << ".\\\" Written by users-ctl --print=man.\n"
         ".TH USERS-CTL 8 \"\" \"users-fcgi\" \"System administration\"\n"
         ".SH NAME\nusers-ctl \\- the operator's command line of the accounts service\n"
         ".SH SYNOPSIS\n\\fBusers\\-ctl\\fR [\\fB\\-\\-config\\fR \\fIFILE\\fR] "
         "\\fICOMMAND\\fR [\\fIARGUMENT\\fR ...] [\\fIOPTION\\fR ...]\n";
  print_section(out, sections().front());
  out << ".SH COMMANDS\n";
  for (const Command& command : commands()) {
    out << ".TP\n" << synopsis(command, bold, italic) << '\n' << roff(command.help) << '\n';
  }
  out << ".SH OPTIONS\n";
  for (const Option& option : options()) {
    out << ".TP\n" << bold("--" + std::string(option.name));
    if (!option.value.empty()) out << " " << italic(std::string(option.value));
    out << '\n' << roff(option.help) << '\n';
  }
  for (const Section& section : sections().subspan(1)) print_section(out, section);
  out << ".SH SEE ALSO\nusers\\-fcgi(8), users\\-courier(8), users.conf(5)\n";
}

void print_completion(std::ostream& out) {
  out << R"(# shellcheck shell=bash
# Written by users-ctl --print=completion. It needs no bash-completion package.

_users_ctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=() i choices=''
    # The words that are neither options nor their values.
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        )"
      << options_with({"FILE", "DIR", "NAME", "NAMES", "N", "ID", "WHAT"}) << R"()
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
    )" << options_with({"FILE", "DIR"})
      << R"()
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    )" << options_with({"NAME"})
      << R"()
        mapfile -t COMPREPLY < <(compgen -u -- "$word")
        return
        ;;
    )" << options_with({"N", "ID", "NAMES", "WHAT"})
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
