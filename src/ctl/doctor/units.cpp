// doctor: whether the programs can reach the configuration's paths despite ProtectSystem,
// ProtectHome and PrivateTmp in their units (systemd.exec(5)). It reads the units' files, since
// systemd may not run here.
#include <algorithm>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

#include <boost/algorithm/string.hpp>
#include <boost/tokenizer.hpp>

#include "base/text.hpp"
#include "ctl/doctor/doctor.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

/// The settings of a unit's [Service] section, each with the words of all its lines.
using UnitSettings = std::map<std::string, std::vector<std::string>>;

/// Splits a value at its blanks, except those between quotes.
std::vector<std::string> unit_words(const std::string& text) {
  using Separator = boost::escaped_list_separator<char>;
  const boost::tokenizer<Separator> tokens(text, Separator("", " \t", "\"'"));
  std::vector<std::string> words;
  std::ranges::copy_if(tokens, std::back_inserter(words), [](auto& word) { return !word.empty(); });
  return words;
}

void read_file(const fs::path& file, UnitSettings& settings) {
  std::ifstream stream(file);
  std::string section;
  std::string whole;
  for (std::string line; std::getline(stream, line);) {
    const std::string_view text = trim(line);
    // Comments may be inside a continued line.
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
      // An empty value resets the setting (systemd.syntax(7)).
      if (words.empty()) all.clear();
      all.insert(all.end(), words.begin(), words.end());
    }
    whole.clear();
  }
}

/// Reads a service's unit and its drop-ins (systemd.unit(5)) from the folders of
/// $SYSTEMD_UNIT_PATH, otherwise from those of the system's units. Returns no settings if there is
/// no such unit.
UnitSettings read_unit(const std::string& service) {
  const char* named = std::getenv("SYSTEMD_UNIT_PATH");  // NOLINT(concurrency-mt-unsafe)
  const std::string path = named != nullptr ? named
                                            : "/etc/systemd/system:/run/systemd/system:"
                                              "/usr/local/lib/systemd/system:"
                                              "/usr/lib/systemd/system:/lib/systemd/system";
  // Drop-ins for this service, for those whose names begin alike, and for all. Of files of the same
  // name the first counts.
  std::vector<std::string> drop_in_folders{service + ".service.d", "service.d"};
  for (std::size_t i = service.size(); i > 0; --i) {
    if (service[i - 1] != '-') continue;
    drop_in_folders.insert(drop_in_folders.end() - 1, service.substr(0, i) + ".service.d");
  }
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

/// What a unit's processes can do with a path.
enum class Sight { hidden, read_only, writable };

struct Rule {
  std::string setting;
  const char* level;  ///< the value that applies to `paths`; null if the values are paths
  Sight sight;
  const char* paths;  ///< without a level: the folder that contains the values
};
const Rule kRules[] = {
    {"ProtectSystem", "yes", Sight::read_only, "/usr /boot /efi"},
    {"ProtectSystem", "full", Sight::read_only, "/usr /boot /efi /etc"},
    {"ProtectSystem", "strict", Sight::read_only, "/"},
    {"ProtectSystem", "strict", Sight::writable, "/dev /proc /sys"},
    // An exception from ProtectSystem=strict.
    {"ProtectHome", "no", Sight::writable, "/home /root /run/user"},
    {"ProtectHome", "read-only", Sight::read_only, "/home /root /run/user"},
    {"ProtectHome", "yes", Sight::hidden, "/home /root /run/user"},
    {"PrivateTmp", "yes", Sight::hidden, "/tmp /var/tmp"},
    {"ReadWritePaths", nullptr, Sight::writable, ""},
    {"ReadWriteDirectories", nullptr, Sight::writable, ""},
    {"ReadOnlyPaths", nullptr, Sight::read_only, ""},
    {"ReadOnlyDirectories", nullptr, Sight::read_only, ""},
    {"InaccessiblePaths", nullptr, Sight::hidden, ""},
    {"InaccessibleDirectories", nullptr, Sight::hidden, ""},
    {"TemporaryFileSystem", nullptr, Sight::hidden, ""},
    {"LogsDirectory", nullptr, Sight::writable, "/var/log/"},
    {"StateDirectory", nullptr, Sight::writable, "/var/lib/"},
    {"CacheDirectory", nullptr, Sight::writable, "/var/cache/"},
    {"RuntimeDirectory", nullptr, Sight::writable, "/run/"},
    {"BindPaths", nullptr, Sight::writable, ""},
    {"BindReadOnlyPaths", nullptr, Sight::read_only, ""},
};

/// The last valid value of a setting.
std::string level_of(UnitSettings& unit, const std::string& setting) {
  constexpr std::string_view kYes = " 1 y true t on tmpfs disconnected ";
  constexpr std::string_view kNo = " 0 n false f off ";
  std::string level = "no";
  for (std::string word : unit[setting]) {
    boost::to_lower(word);
    if (kYes.find(" " + word + " ") != std::string_view::npos) word = "yes";
    if (kNo.find(" " + word + " ") != std::string_view::npos) word = "no";
    const bool is_known = std::ranges::any_of(kRules, [&](const Rule& rule) {
      return rule.setting == setting && rule.level != nullptr && rule.level == word;
    });
    if (is_known || word == "yes" || word == "no") level = word;
  }
  if (level != "no" || setting == "DynamicUser" || level_of(unit, "DynamicUser") == "no") {
    return level;
  }
  return setting == "ProtectSystem" ? "strict" : setting == "ProtectHome" ? "read-only" : "yes";
}

/// Replaces the specifiers of folders.
std::string expand_specifiers(std::string text) {
  constexpr std::pair<const char*, const char*> kSpecifiers[] = {
      {"%t", "/run"}, {"%S", "/var/lib"}, {"%C", "/var/cache"}, {"%L", "/var/log"},
      {"%E", "/etc"}, {"%T", "/tmp"},     {"%V", "/var/tmp"}};
  for (const auto& [specifier, meant] : kSpecifiers) boost::replace_all(text, specifier, meant);
  return text;
}

/// What a unit allows for a path and all that is below it.
struct Wall {
  std::string setting;
  Sight sight;
  fs::path path;
  std::size_t weight;  ///< the heaviest counts, and of equal ones the last
};

/// Finds what a unit allows its processes. Returns a setting whose path does not exist, so that the
/// unit cannot start; empty if there is none. Paths below /run do not count, since they are created
/// at boot.
std::string find_walls(UnitSettings& unit, std::vector<Wall>& walls) {
  std::string missing;
  for (const Rule& rule : kRules) {
    const bool has_level = rule.level != nullptr;
    if (has_level && rule.level != level_of(unit, rule.setting)) continue;
    const std::string name = has_level ? rule.setting + "=" + rule.level : rule.setting;
    const bool is_bind = name.starts_with("Bind");
    // A longer path overrides a shorter one, but all of a hidden folder is hidden, except what is
    // mounted there.
    const unsigned rank = is_bind ? 2 : rule.sight == Sight::hidden ? 1 : 0;
    for (const std::string& word : has_level ? unit_words(rule.paths) : unit[rule.setting]) {
      std::string path = word.substr(std::min(word.find_first_not_of("-+"), word.size()));
      // SOURCE[:DESTINATION[:OPTIONS]]; of others PATH[:OPTIONS].
      if (is_bind && path.find(':') != std::string::npos) path.erase(0, path.find(':') + 1);
      path = expand_specifiers(path.substr(0, path.find(':')));
      if (!has_level) path.insert(0, rule.paths);
      if (!path.starts_with('/') || path.find('%') != std::string::npos) continue;
      std::error_code error;
      const fs::path target = fs::weakly_canonical(path, error);
      walls.push_back({name, rule.sight, target, rank * PATH_MAX + target.native().size()});
      const bool may_be_missing = is_bind || word.starts_with('-') || !name.ends_with("Paths");
      if (may_be_missing || path.starts_with("/run/") || fs::exists(path, error)) continue;
      missing = name + "=" + path;
    }
  }
  std::ranges::stable_sort(walls, {}, &Wall::weight);
  return missing;
}

/// The configuration of the unit's processes. Values such as `%d/key`, which only systemd can
/// expand, stay as they are.
Config config_of(const Diagnosis& d, UnitSettings& unit) {
  auto entries = unit["Environment"];
  for (const std::string& file : unit["EnvironmentFile"]) {
    std::ifstream stream(file.substr(file.starts_with('-') ? 1 : 0));
    for (std::string line; std::getline(stream, line);) {
      std::erase_if(line, [](char c) { return c == '"' || c == '\''; });
      entries.emplace_back(trim(line));
    }
  }
  std::vector<const char*> pointers;
  for (std::string& entry : entries) {
    entry = expand_specifiers(entry);
    const std::string name = entry.substr(0, entry.find('='));
    if (std::ranges::count(unit["UnsetEnvironment"], name) == 0) pointers.push_back(entry.c_str());
  }
  pointers.push_back(nullptr);
  return load_config(d.call.config_file, pointers.data());
}

struct Need {
  std::string key;
  fs::path path;
  bool writes = false;
};

/// What a worker or courier opens.
std::vector<Need> needs_of(const Diagnosis& d, const Config& config, bool is_courier) {
  std::vector<Need> needs{{"the configuration", d.call.config_file},
                          {"log.directory", config.log_directory, true},
                          {"metrics.file", fs::path(config.metrics_file).parent_path(), true},
                          {"secrets.key_file", config.secrets_key_file},
                          {"database.password_file", config.database_password_file}};
  for (const std::string& host : config.database_hosts) needs.push_back({"database.hosts", host});
  if (config.database_tls == DatabaseTls::verify) {
    needs.push_back({"database.tls_ca", config.database_tls_ca});
  }
  if (is_courier) needs.push_back({"sms.command", config.sms_command});
  return needs;
}

Finding judge_unit(const Diagnosis& d, const std::string& service, UnitSettings& unit) {
  const std::string edit = "systemctl edit " + service;
  for (const std::string setting : {"RootDirectory", "RootImage"}) {
    if (!unit[setting].empty()) return skipped(setting + " gives it other files than these");
  }
  std::vector<Wall> walls;
  if (const std::string missing = find_walls(unit, walls); !missing.empty()) {
    return problem(missing + " is not there, so the unit does not start",
                   "create it, or write a - before the path: " + edit);
  }
  const Config config = config_of(d, unit);
  for (const Need& need : needs_of(d, config, service.ends_with("courier"))) {
    std::error_code error;
    const fs::path target = fs::weakly_canonical("/" / need.path, error);
    const auto wall = std::find_if(walls.rbegin(), walls.rend(), [&](const Wall& one) {
      return std::ranges::mismatch(one.path, target).in1 == one.path.end();
    });
    const std::string path = need.path.string();
    const bool has_specifier = path.find('%') != std::string::npos;
    if (wall == walls.rend() || wall->sight == Sight::writable || has_specifier) continue;
    const bool is_hidden = wall->sight == Sight::hidden;
    if (!is_hidden && !need.writes) continue;
    const auto origin = config.origins.find(need.key);
    return problem(
        wall->setting + (is_hidden ? " hides " : " keeps it from writing to ") + path + " (" +
            need.key + (origin == config.origins.end() ? "" : ", " + origin->second) + ")",
        is_hidden ? "set " + need.key + " to a path elsewhere: " + service + " sees nothing there"
                  : edit + ", write [Service] and ReadWritePaths=" + path +
                        " into it, then: systemctl restart " + service);
  }
  return ok("it can reach every path of the configuration");
}

}  // namespace

void check_units(Diagnosis& d) {
  bool is_any = false;
  for (const std::string service : {"users-fcgi-hash", "users-fcgi-fast", "users-fcgi-courier"}) {
    UnitSettings unit = read_unit(service);
    if (std::ranges::count(unit["ExecStart"], d.call.config_file) == 0) continue;
    is_any = true;
    d.add("unit " + service, judge_unit(d, service, unit));
  }
  if (!is_any) d.add("units", skipped("no unit of systemd starts with " + d.call.config_file));
}

}  // namespace users::ctl
