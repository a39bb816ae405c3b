// conf/users.conf.example is the manual of the keys: it must say what the table in the code says.
#include <fstream>
#include <map>

#include <boost/test/unit_test.hpp>

#include "base/config.hpp"
#include "support/temporary_directory.hpp"

namespace users::test {

// Tests run from the top of the checkout.
constexpr const char* kExample = "conf/users.conf.example";

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// `# name = value`, a key that is left at its default.
bool is_key(std::string_view line) {
  if (!line.starts_with("# ")) return false;
  line.remove_prefix(2);
  const auto name_end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
  return name_end != 0 && name_end != std::string_view::npos &&
         line.substr(name_end).starts_with(" = ");
}

struct Entry {
  std::string name;
  std::string fallback;
  std::string help;

  bool operator==(const Entry&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Entry& entry) {
  return out << entry.name << " = " << entry.fallback << "  # " << entry.help;
}

/// The keys of the file in its order; a key's help is the comment right above it.
std::vector<Entry> entries_of(const std::vector<std::string>& lines) {
  std::vector<Entry> entries;
  std::string section;
  std::string help;
  for (const std::string& line : lines) {
    if (line.starts_with('[')) {
      section = line.substr(1, line.find(']') - 1) + ".";
    } else if (is_key(line)) {
      const auto equals = line.find(" = ");
      entries.push_back({section + line.substr(2, equals - 2), line.substr(equals + 3), help});
      help.clear();
    } else if (line.starts_with("# ")) {
      help += (help.empty() ? "" : " ") + line.substr(2);
    } else {
      help.clear();
    }
  }
  return entries;
}

BOOST_AUTO_TEST_SUITE(config_example)

BOOST_AUTO_TEST_CASE(the_example_holds_every_key_with_its_default_and_its_reason) {
  std::vector<Entry> table;
  for (const ConfigKey& row : config_keys()) {
    table.push_back({std::string(row.name), std::string(row.fallback), std::string(row.help)});
  }
  BOOST_TEST(entries_of(lines_of(kExample)) == table, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_example_loads_as_it_is) {
  const Config config = load_config(kExample, nullptr);
  for (const auto& [key, origin] : config.origins) {
    BOOST_TEST_CONTEXT(key) {
      BOOST_TEST(origin == "default");
    }
  }
}

BOOST_AUTO_TEST_CASE(the_example_loads_with_every_key_uncommented) {
  std::string text;
  for (const std::string& line : lines_of(kExample)) {
    text += (is_key(line) ? line.substr(2) : line) + "\n";
  }
  const TemporaryDirectory directory;
  const auto file = directory.write("users.conf", text);
  const Config config = load_config(file, nullptr);
  BOOST_TEST(config.origins.size() == config_keys().size());
  for (const auto& [key, origin] : config.origins) {
    BOOST_TEST_CONTEXT(key) {
      BOOST_TEST(origin.starts_with(file.string() + ":"));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
