// The files of systemd's units, so that doctor works where systemd does not run, too.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

#include <boost/tokenizer.hpp>

#include "base/text.hpp"
#include "ctl/doctor/doctor.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

void read_file(const fs::path& file, UnitSettings& settings) {
  std::ifstream stream(file);
  std::string section;
  std::string whole;
  for (std::string line; std::getline(stream, line);) {
    const std::string_view text = trim(line);
    // A comment may stand within a line that goes on.
    if (text.starts_with('#') || text.starts_with(';')) continue;
    whole += text;
    if (whole.ends_with('\\')) {
      whole.back() = ' ';
      continue;
    }
    if (whole.starts_with('[')) section = whole;
    const auto equals = whole.find('=');
    if (section == "[Service]" && equals != std::string::npos) {
      auto& all = settings[std::string(trim(std::string_view(whole).substr(0, equals)))];
      const auto words = unit_words(whole.substr(equals + 1));
      // An empty line takes back those before it (systemd.syntax(7)).
      if (words.empty()) all.clear();
      all.insert(all.end(), words.begin(), words.end());
    }
    whole.clear();
  }
}

}  // namespace

std::vector<std::string> unit_words(const std::string& text) {
  using Separator = boost::escaped_list_separator<char>;
  const boost::tokenizer<Separator> tokens(text, Separator("", " \t", "\"'"));
  std::vector<std::string> words;
  std::ranges::copy_if(tokens, std::back_inserter(words), [](auto& word) { return !word.empty(); });
  return words;
}

UnitSettings read_unit(const std::string& service) {
  const char* named = std::getenv("SYSTEMD_UNIT_PATH");  // NOLINT(concurrency-mt-unsafe)
  const std::string path = named != nullptr ? named
                                            : "/etc/systemd/system:/run/systemd/system:"
                                              "/usr/local/lib/systemd/system:"
                                              "/usr/lib/systemd/system:/lib/systemd/system";
  // Of this service, of those whose names begin alike, of all. Of files of the same name in them
  // the first counts, as it does in the folders of units.
  std::vector<std::string> drop_in_folders{service + ".service.d"};
  for (auto dash = service.rfind('-'); dash != std::string::npos;
       dash = service.rfind('-', dash - 1)) {
    drop_in_folders.push_back(service.substr(0, dash + 1) + ".service.d");
  }
  drop_in_folders.emplace_back("service.d");
  std::error_code error;
  fs::path main;
  std::map<std::string, fs::path> drop_ins;
  for (const std::string& name : drop_in_folders) {
    std::istringstream folders(path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      const fs::path unit = fs::path(folder) / (service + ".service");
      if (main.empty() && fs::exists(unit, error)) main = unit;
      for (const auto& entry : fs::directory_iterator(fs::path(folder) / name, error)) {
        const fs::path& file = entry.path();
        if (file.extension() == ".conf") drop_ins.emplace(file.filename(), file);
      }
    }
  }
  UnitSettings settings;
  if (main.empty()) return settings;
  read_file(main, settings);
  for (const auto& [name, file] : drop_ins) read_file(file, settings);
  return settings;
}

}  // namespace users::ctl
