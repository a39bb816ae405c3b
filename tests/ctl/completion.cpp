// Completion in bash.
#include <algorithm>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "ctl/operator.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"

using namespace users::test;

namespace {

/// The completions after `words`, of which the last is being typed.
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

BOOST_AUTO_TEST_SUITE(completion)

BOOST_AUTO_TEST_CASE(the_completion_is_registered_and_offers_commands_and_their_options) {
  for (const char* word : {"user", "sms", "audit", "doctor", "--config"}) {
    BOOST_TEST(has(completions({""}), word), word);
  }
  BOOST_TEST(completions({"aud"}) == std::vector<std::string>{"audit"},
             boost::test_tools::per_element());
  BOOST_TEST(has(completions({"user", ""}), "rename-phone"));
  const std::vector<std::string> of_audit{"--limit", "--json"};
  BOOST_TEST(completions({"audit", ""}) == of_audit, boost::test_tools::per_element());
  const std::vector<std::string> of_list{"--limit", "--after", "--disabled", "--json"};
  BOOST_TEST(completions({"user", "list", ""}) == of_list, boost::test_tools::per_element());
  const Command result =
      run_command("bash -c '. conf/users-ctl.bash-completion; complete -p users-ctl' 2>&1");
  BOOST_TEST(result.output == "complete -F _users_ctl users-ctl\n");
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
  // A file or a number is not a word of a command.
  BOOST_TEST(has(completions({"--config", "user", "s"}), "sms"));
  BOOST_TEST(has(completions({"--config", "=", "user", "s"}), "sms"));
  BOOST_TEST(has(completions({"--config", "x", "user", "l"}), "list"));
}

BOOST_AUTO_TEST_SUITE_END()
