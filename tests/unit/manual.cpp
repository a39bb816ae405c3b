// The manual pages match the programs and the configuration keys, and groff accepts them.
#include <algorithm>
#include <filesystem>
#include <set>

#include <boost/test/unit_test.hpp>

#include "base/config.hpp"
#include "support/stack.hpp"

namespace users::test {
namespace {

// The working directory is the top of the checkout.
constexpr const char* kConfigPage = "awk -f scripts/users_conf_man.awk conf/users.conf.example";

/// Returns the output of a shell command, which must succeed and print something.
std::string output_of(const std::string& command) {
  const Command result = run_command(command);
  BOOST_TEST_CONTEXT(command) {
    BOOST_TEST(result.status == 0);
    BOOST_TEST(!result.output.empty());
  }
  return result.output;
}

/// The rendered page, with each paragraph on one line and no word split.
std::string text_of(const std::string& source) {
  return output_of(source + " | groff -man -Tascii -P-cbou -rHY=0 -rLL=2000n");
}

/// Collects each `--option`.
std::set<std::string> options_of(const std::string& text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz-";
  std::set<std::string> options;
  for (auto at = text.find("--"); at != std::string::npos; at = text.find("--", at)) {
    const auto end = std::min(text.find_first_not_of(kLetters, at), text.size());
    if (end - at > 2) options.insert(text.substr(at, end - at));
    at = end;
  }
  return options;
}

std::vector<std::filesystem::path> pages() {
  std::vector<std::filesystem::path> pages;
  for (const auto& entry : std::filesystem::directory_iterator("conf")) {
    if (entry.path().extension() == ".8") pages.push_back(entry.path());
  }
  BOOST_TEST(pages.size() >= 2U);
  return pages;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manual)

BOOST_AUTO_TEST_CASE(a_page_has_the_options_of_its_programs_help_and_no_other) {
  for (const auto& page : pages()) {
    BOOST_TEST_CONTEXT(page) {
      const auto help = options_of(output_of("\"$BIN/" + page.stem().string() + "\" --help"));
      BOOST_TEST(help.contains("--version"));
      BOOST_TEST(options_of(text_of("cat " + page.string())) == help,
                 boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_the_programs_print_is_what_is_committed) {
  const Command check = run_command("scripts/print-files --check 2>&1");
  BOOST_TEST(check.status == 0, check.output);
}

BOOST_AUTO_TEST_CASE(every_file_for_nginx_is_described_and_an_edited_one_is_kept) {
  const std::string table = output_of("sed -n '/^|/p' nginx/README.md");
  const std::string kept = output_of("sed -n 's/^EDITED := //p' Makefile");
  const std::string operating = output_of("cat conf/README.md");
  const std::string included = output_of("grep -h '^ *include' nginx/*.conf");
  for (const auto& entry : std::filesystem::directory_iterator("nginx")) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() != ".conf") continue;
    const auto row = table.find("| `" + name + "` |");
    BOOST_TEST((row != std::string::npos || included.find("/" + name + ";") != std::string::npos),
               "nginx/README.md does not describe " << name);
    const std::string line =
        row == std::string::npos ? "" : table.substr(row, table.find('\n', row) - row);
    const bool is_edited = line.find("**edit it**") != std::string::npos;
    BOOST_TEST(is_edited == (kept.find(name) != std::string::npos),
               "EDITED of the Makefile and nginx/README.md differ in " << name);
    BOOST_TEST((!is_edited || operating.find(name) != std::string::npos),
               "conf/README.md does not say that " << name << " is kept");
  }
}

BOOST_AUTO_TEST_CASE(the_balancer_and_the_manual_name_the_locations_that_hash) {
  const std::string hashing = output_of(
      "awk '/^    location/ { name = $0 } /fastcgi_pass users_hash;/ { print name }' "
      "nginx/users.conf"
      " | grep -oE '[a-z]+' | grep -vE 'location|users' | sort");
  BOOST_TEST(hashing.find("regist\n") != std::string::npos);
  BOOST_TEST(output_of("sed -n 's/^ *location ~ .*(\\(.*\\)).*/\\1/p' "
                       "conf/cluster-balancer.conf.example | tr '|' '\\n' | sort") == hashing);
  BOOST_TEST(output_of("sed -n 's/.*requests that hash a password: \\(.*\\), DELETE me.*/\\1/p' "
                       "conf/README.md | tr -d ' ' | tr , '\\n' | sort") == hashing);
}

BOOST_AUTO_TEST_CASE(no_page_has_a_fault_of_form) {
  std::vector<std::string> sources{kConfigPage};
  for (const auto& page : pages()) sources.push_back("cat " + page.string());
  for (const std::string& source : sources) {
    const Command check = run_command(source + " | groff -man -Tutf8 -ww -z 2>&1");
    BOOST_TEST(check.status == 0, source);
    BOOST_TEST(check.output == "", source);
  }
}

BOOST_AUTO_TEST_CASE(the_page_of_the_configuration_has_every_key_its_default_and_its_variable) {
  const std::string text = text_of(kConfigPage);
  for (const ConfigKey& key : config_keys()) {
    const std::string fallback(key.fallback.empty() ? "empty" : key.fallback);
    const std::string line =
        "Default: " + fallback + ". Environment: " + environment_name(key.name) + ".\n";
    BOOST_TEST(text.find(line) != std::string::npos, line);
  }
}

BOOST_AUTO_TEST_CASE(the_page_of_the_configuration_is_refused_where_the_example_is_no_example) {
  const Command result = run_command(
      "printf '# a = 1\\nb = 2\\n' | awk -f scripts/users_conf_man.awk 2>&1 >/dev/null");
  BOOST_TEST(result.status == 1);
  BOOST_TEST(result.output == "-:2: neither a comment, a section nor a key: b = 2\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
