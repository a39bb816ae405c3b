#include "ctl/doctor/unit_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <boost/tokenizer.hpp>

#include "base/text.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

void add_setting(const std::string& line, UnitSettings& settings) {
  const auto equals = line.find('=');
  if (equals == std::string::npos) return;
  auto& words = settings[std::string(trim(std::string_view(line).substr(0, equals)))];
  const std::string value(trim(std::string_view(line).substr(equals + 1)));
  if (value.empty()) words.clear();
  // Blanks between quotes do not separate.
  using Separator = boost::escaped_list_separator<char>;
  for (const auto& word : boost::tokenizer<Separator>(value, Separator("", " \t", "\"'"))) {
    if (!word.empty()) words.push_back(word);
  }
}

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
    if (section == "[Service]") add_setting(whole, settings);
    whole.clear();
  }
}

}  // namespace

UnitSettings read_unit(const std::string& service) {
  const char* named = std::getenv("SYSTEMD_UNIT_PATH");  // NOLINT(concurrency-mt-unsafe)
  const std::string path = named != nullptr ? named
                                            : "/etc/systemd/system:/run/systemd/system:"
                                              "/usr/local/lib/systemd/system:"
                                              "/usr/lib/systemd/system:/lib/systemd/system";
  // Drop-ins are of all services, of those whose names begin alike, and of this one.
  std::vector<std::string> names{"service.d"};
  for (auto dash = service.find('-'); dash != std::string::npos;
       dash = service.find('-', dash + 1)) {
    names.push_back(service.substr(0, dash + 1) + ".service.d");
  }
  names.push_back(service + ".service.d");
  // Of two files of the same name the first counts: that in the folder for the narrower name, then
  // that in the folder of units that comes first.
  std::error_code error;
  fs::path main;
  std::map<std::string, fs::path> drop_ins;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    std::istringstream folders(path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      const fs::path unit = fs::path(folder) / (service + ".service");
      if (main.empty() && fs::exists(unit, error)) main = unit;
      for (const auto& entry : fs::directory_iterator(fs::path(folder) / *name, error)) {
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
