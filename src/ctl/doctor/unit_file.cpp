#include "ctl/doctor/unit_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/text.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

/// The folders of units, the one that wins first.
std::vector<fs::path> unit_folders() {
  const char* named = std::getenv("SYSTEMD_UNIT_PATH");  // NOLINT(concurrency-mt-unsafe)
  std::istringstream list(named != nullptr ? named
                                           : "/etc/systemd/system:/run/systemd/system:"
                                             "/usr/local/lib/systemd/system:"
                                             "/usr/lib/systemd/system:/lib/systemd/system");
  std::vector<fs::path> folders;
  for (std::string folder; std::getline(list, folder, ':');) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
  return folders;
}

/// The folders of drop-ins: of all services, of those whose names begin alike, of this one.
std::vector<std::string> drop_in_names(std::string_view unit) {
  const std::string name(unit.substr(0, unit.rfind('.')));
  std::vector<std::string> all{"service.d"};
  for (auto dash = name.find('-'); dash != std::string::npos; dash = name.find('-', dash + 1)) {
    all.push_back(name.substr(0, dash + 1) + ".service.d");
  }
  all.push_back(name + ".service.d");
  return all;
}

/// Splits at blanks, but not within quotes, which go.
std::vector<std::string> words_of(std::string_view value) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  char quote = 0;
  for (const char c : value) {
    if (quote == 0 && (c == ' ' || c == '\t')) {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
      continue;
    }
    inside = true;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      word += c;
    }
  }
  if (inside) words.push_back(std::move(word));
  return words;
}

void read_file(const fs::path& file, UnitSettings& settings) {
  std::ifstream stream(file);
  bool of_service = false;
  std::string whole;
  for (std::string line; std::getline(stream, line);) {
    const std::string_view text = trim(line);
    // A comment may stand within a line that goes on.
    if (text.starts_with('#') || text.starts_with(';') || (text.empty() && whole.empty())) continue;
    whole += text;
    if (whole.ends_with('\\')) {
      whole.back() = ' ';
      continue;
    }
    const auto equals = whole.find('=');
    if (whole.starts_with('[')) {
      of_service = whole == "[Service]";
    } else if (of_service && equals != std::string::npos) {
      auto& values = settings[std::string(trim(std::string_view(whole).substr(0, equals)))];
      const auto words = words_of(std::string_view(whole).substr(equals + 1));
      if (words.empty()) values.clear();
      values.insert(values.end(), words.begin(), words.end());
    }
    whole.clear();
  }
}

}  // namespace

UnitSettings read_unit(std::string_view unit) {
  UnitSettings settings;
  const auto folders = unit_folders();
  std::error_code error;
  fs::path main;
  for (const fs::path& folder : folders) {
    if (main.empty() && fs::exists(folder / unit, error)) main = folder / unit;
  }
  if (main.empty()) return settings;
  read_file(main, settings);
  // Of two drop-ins of the same name the one in the folder that wins counts.
  std::map<std::string, fs::path> drop_ins;
  for (const std::string& name : drop_in_names(unit)) {
    std::map<std::string, fs::path> here;
    for (const fs::path& folder : folders) {
      for (const auto& entry : fs::directory_iterator(folder / name, error)) {
        if (entry.path().extension() == ".conf")
          here.emplace(entry.path().filename(), entry.path());
      }
    }
    for (auto& [file, path] : here) drop_ins[file] = path;
  }
  for (const auto& [file, path] : drop_ins) read_file(path, settings);
  return settings;
}

}  // namespace users::ctl
