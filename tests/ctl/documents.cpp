// The man page and the completion know every command and option that the program knows.
#include <algorithm>
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "ctl/operator.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"

using namespace users::test;

namespace {

/// A command as --help has it.
struct Documented {
  std::string words;
  std::vector<std::string> options;  ///< as `--limit`
};

struct Help {
  std::vector<Documented> commands;
  std::vector<std::string> options;  ///< of all of them
};

/// `  user list [--limit N] [--json]`
Documented read_command(const std::string& line) {
  Documented command;
  std::istringstream words(line);
  bool own = true;
  for (std::string word; words >> word;) {
    const bool plain =
        std::ranges::all_of(word, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
    own = own && plain;
    if (own) command.words += (command.words.empty() ? "" : " ") + word;
    if (!word.starts_with("[--")) continue;
    if (word.back() == ']') word.pop_back();
    command.options.push_back(word.substr(1));
  }
  return command;
}

Help read_help() {
  Help help;
  std::istringstream lines(ctl({"--help"}).output);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != ' ') section = line;
    if (!line.starts_with("  ") || line[2] == ' ') continue;
    if (section == "Commands:") help.commands.push_back(read_command(line));
    if (section == "Options:") help.options.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return help;
}

/// The man page, `\-` as `-`.
std::vector<std::string> manual() {
  std::ifstream stream("conf/users-ctl.8");
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    for (std::size_t at = 0; (at = line.find("\\-", at)) != std::string::npos;) line.erase(at, 1);
    lines.push_back(line);
  }
  return lines;
}

std::string bold(const std::string& text) {
  return "\\fB" + text + "\\fR";
}

/// What the completion offers behind `words`, the last of which is being typed.
std::vector<std::string> completions(const std::vector<std::string>& words) {
  const TemporaryDirectory directory;
  std::string script = ". conf/users-ctl.bash-completion\nCOMP_WORDS=(users-ctl";
  for (const std::string& word : words) script += " '" + word + "'";
  script += ")\nCOMP_CWORD=" + std::to_string(words.size()) +
            "\n_users_ctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  const auto file = directory.write("complete", script);
  const Command result = run_command("bash -u '" + file.string() + "' 2>&1");
  BOOST_TEST(result.status == 0);
  std::vector<std::string> offered;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) offered.push_back(line);
  }
  return offered;
}

bool has(const std::vector<std::string>& list, const std::string& word) {
  return std::ranges::find(list, word) != list.end();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(documents)

BOOST_AUTO_TEST_CASE(help_is_read_as_it_is_meant) {
  const Help help = read_help();
  const auto find = [&](const std::string& words) {
    return std::ranges::find(help.commands, words, &Documented::words);
  };
  BOOST_TEST_REQUIRE((find("user rename-phone") != help.commands.end()));
  BOOST_TEST_REQUIRE((find("audit") != help.commands.end()));
  BOOST_TEST((find("audit")->options == std::vector<std::string>{"--limit", "--json"}));
  for (const char* option : {"--config", "--yes", "--json", "--help", "--version"}) {
    BOOST_TEST(has(help.options, option));
  }
}

BOOST_AUTO_TEST_CASE(the_manual_has_every_command_with_its_options) {
  const auto lines = manual();
  for (const Documented& command : read_help().commands) {
    BOOST_TEST_CONTEXT(command.words) {
      const auto entry = std::ranges::find_if(
          lines, [&](const std::string& line) { return line.starts_with(bold(command.words)); });
      BOOST_TEST_REQUIRE((entry != lines.end()));
      BOOST_TEST(*(entry - 1) == ".TP");
      for (const std::string& option : command.options) {
        BOOST_TEST(entry->find(bold(option)) != std::string::npos, option);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_manual_has_every_option_and_exit_code) {
  const auto lines = manual();
  for (const std::string& option : read_help().options) {
    BOOST_TEST(std::ranges::any_of(
                   lines, [&](const std::string& line) { return line.starts_with(bold(option)); }),
               option);
  }
  for (const char* code : {"0", "1", "64", "69", "78"}) {
    BOOST_TEST(has(lines, std::string(".B ") + code));
  }
}

BOOST_AUTO_TEST_CASE(the_manual_is_well_formed) {
  const Command result = run_command("groff -man -Tutf8 -ww -z conf/users-ctl.8 2>&1");
  BOOST_TEST(result.output == "");
  BOOST_TEST(result.status == 0);
}

BOOST_AUTO_TEST_CASE(the_completion_offers_every_command_and_its_options) {
  for (const Documented& command : read_help().commands) {
    BOOST_TEST_CONTEXT(command.words) {
      std::vector<std::string> typed;
      std::istringstream words(command.words);
      for (std::string word; words >> word;) {
        typed.emplace_back("");
        BOOST_TEST(has(completions(typed), word));
        typed.back() = word.substr(0, 1);
        BOOST_TEST(has(completions(typed), word));
        typed.back() = word;
      }
      typed.emplace_back("");
      const auto offered = completions(typed);
      // A family such as sms offers its commands there, which no command of its own may do.
      BOOST_TEST(offered == command.options, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(the_completion_offers_files_for_config_and_nothing_for_values) {
  const std::string file = "conf/users.conf.example";
  for (const std::vector<std::string>& typed :
       {std::vector<std::string>{"--config", "conf/users.c"},
        {"--config", "=", "conf/users.c"},
        {"user", "list", "--config", "conf/users.c"}}) {
    BOOST_TEST(completions(typed) == std::vector<std::string>{file},
               boost::test_tools::per_element());
  }
  BOOST_TEST(completions({"user", "list", "--limit", ""}).empty());
  BOOST_TEST(completions({"user", "list", "--limit", "="}).empty());
  // A file or a number is no word of a command.
  BOOST_TEST(has(completions({"--config", "user", "s"}), "sms"));
  BOOST_TEST(has(completions({"--config", "=", "user", "s"}), "sms"));
  BOOST_TEST(has(completions({"--config", "x", "user", "l"}), "list"));
}

BOOST_AUTO_TEST_CASE(the_completion_is_registered) {
  const Command result =
      run_command("bash -c '. conf/users-ctl.bash-completion; complete -p users-ctl' 2>&1");
  BOOST_TEST(result.output == "complete -F _users_ctl users-ctl\n");
}

BOOST_AUTO_TEST_SUITE_END()
