// doctor: whether the units of systemd let the programs at what the configuration names, which
// ProtectSystem, ProtectHome and PrivateTmp may keep from them (systemd.exec(5)).
#include <algorithm>
#include <cctype>
#include <fstream>
#include <system_error>

#include "base/text.hpp"
#include "ctl/doctor/doctor.hpp"
#include "ctl/doctor/unit_file.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

/// What a unit's processes can do with a path.
enum class Sight { hidden, read_only, writable };

/// A setting that decides about the paths it lists, or about those below a folder.
struct Rule {
  const char* setting;
  Sight sight;
  const char* below = "";
};
constexpr Rule kRules[] = {
    {"ReadWritePaths", Sight::writable},
    {"ReadWriteDirectories", Sight::writable},
    {"ReadOnlyPaths", Sight::read_only},
    {"ReadOnlyDirectories", Sight::read_only},
    {"InaccessiblePaths", Sight::hidden},
    {"InaccessibleDirectories", Sight::hidden},
    {"TemporaryFileSystem", Sight::hidden},
    {"LogsDirectory", Sight::writable, "/var/log/"},
    {"StateDirectory", Sight::writable, "/var/lib/"},
    {"CacheDirectory", Sight::writable, "/var/cache/"},
    {"RuntimeDirectory", Sight::writable, "/run/"},
    {"BindPaths", Sight::writable},
    {"BindReadOnlyPaths", Sight::read_only},
};

/// A setting of one word that decides about fixed paths.
struct Level {
  const char* setting;
  const char* word;
  Sight sight;
  std::vector<const char*> paths;
};
const Level kLevels[] = {
    {"ProtectSystem", "no", Sight::writable, {}},
    {"ProtectSystem", "yes", Sight::read_only, {"/usr", "/boot", "/efi"}},
    {"ProtectSystem", "full", Sight::read_only, {"/usr", "/boot", "/efi", "/etc"}},
    {"ProtectSystem", "strict", Sight::read_only, {"/"}},
    {"ProtectSystem", "strict", Sight::writable, {"/dev", "/proc", "/sys"}},
    // ProtectSystem=strict leaves them out.
    {"ProtectHome", "no", Sight::writable, {"/home", "/root", "/run/user"}},
    {"ProtectHome", "read-only", Sight::read_only, {"/home", "/root", "/run/user"}},
    {"ProtectHome", "tmpfs", Sight::hidden, {"/home", "/root", "/run/user"}},
    {"ProtectHome", "yes", Sight::hidden, {"/home", "/root", "/run/user"}},
    {"PrivateTmp", "no", Sight::writable, {}},
    {"PrivateTmp", "yes", Sight::hidden, {"/tmp", "/var/tmp"}},
    {"PrivateTmp", "disconnected", Sight::hidden, {"/tmp", "/var/tmp"}},
    {"DynamicUser", "no", Sight::writable, {}},
    {"DynamicUser", "yes", Sight::writable, {}},
};

/// In the order of what counts for more.
enum class Rank { path, hidden, bind };

struct Wall {
  std::string setting;  ///< as a message names it
  Sight sight;
  Rank rank;
  fs::path path;
};

/// Fills in the specifiers that stand for folders, such as %t.
std::string expand_specifiers(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kSpecifiers[] = {
      {"%t", "/run"}, {"%S", "/var/lib"}, {"%C", "/var/cache"}, {"%L", "/var/log"},
      {"%E", "/etc"}, {"%T", "/tmp"},     {"%V", "/var/tmp"}};
  for (const auto& [specifier, meant] : kSpecifiers) {
    for (auto at = text.find(specifier); at != std::string::npos; at = text.find(specifier)) {
      text.replace(at, specifier.size(), meant);
    }
  }
  return text;
}

/// What a unit leaves its processes of the machine's files.
class Unit {
 public:
  explicit Unit(const std::string& service) : settings_(read_unit(service)) {
    const bool is_dynamic = word("DynamicUser") == "yes";
    const std::pair<const char*, const char*> levels[] = {
        {"ProtectSystem", "strict"}, {"ProtectHome", "read-only"}, {"PrivateTmp", "yes"}};
    for (const auto& [setting, least] : levels) {
      std::string level = word(setting);
      if (is_dynamic && level == "no") level = least;
      for (const Level& row : kLevels) {
        if (row.setting != std::string_view(setting) || row.word != level) continue;
        const bool has_levels = row.setting == std::string_view("ProtectSystem");
        for (const char* path : row.paths) {
          put(has_levels ? row.setting + ("=" + level) : row.setting, row.sight, path);
        }
      }
    }
    for (const Rule& rule : kRules) {
      for (const std::string& typed : words(rule.setting)) add(rule, typed);
    }
  }

  /// The words of a setting; none if the unit does not have it.
  [[nodiscard]] std::vector<std::string> words(const std::string& setting) const {
    const auto found = settings_.find(setting);
    return found == settings_.end() ? std::vector<std::string>() : found->second;
  }

  /// What decides about a path; null if nothing does.
  [[nodiscard]] const Wall* look(const fs::path& path) const {
    const auto weight = [](const Wall& wall) {
      return std::pair(wall.rank, wall.path.native().size());
    };
    const Wall* found = nullptr;
    for (const Wall& wall : walls_) {
      const bool is_below = std::ranges::mismatch(wall.path, path).in1 == wall.path.end();
      if (is_below && (found == nullptr || weight(wall) >= weight(*found))) found = &wall;
    }
    return found;
  }

  /// A setting that names a path which does not exist: the unit cannot start. Empty if there is
  /// none. Paths below /run do not count, since they are made when the machine starts.
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  /// The last word of a setting that means something.
  [[nodiscard]] std::string word(const std::string& setting) const {
    std::string last = "no";
    for (std::string word : words(setting)) {
      for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (word == "1" || word == "y" || word == "true" || word == "t" || word == "on") word = "yes";
      if (word == "0" || word == "n" || word == "false" || word == "f" || word == "off")
        word = "no";
      const bool is_known = std::ranges::any_of(
          kLevels, [&](const Level& row) { return setting == row.setting && word == row.word; });
      if (is_known) last = word;
    }
    return last;
  }

  void add(const Rule& rule, const std::string& typed) {
    const std::string setting = rule.setting;
    const bool is_bind = setting.starts_with("Bind");
    std::string path = typed.substr(std::min(typed.find_first_not_of("-+"), typed.size()));
    // SOURCE[:DESTINATION[:OPTIONS]]; of others PATH[:OPTIONS].
    if (is_bind && path.find(':') != std::string::npos) path.erase(0, path.find(':') + 1);
    path = expand_specifiers(rule.below + path.substr(0, path.find(':')));
    if (!path.starts_with('/') || path.find('%') != std::string::npos) return;
    put(setting, rule.sight, path, is_bind);
    std::error_code error;
    const bool may_be_missing = is_bind || typed.starts_with('-') || !setting.ends_with("Paths");
    if (!may_be_missing && !path.starts_with("/run/") && !fs::exists(path, error)) {
      missing_ = setting + "=" + path;
    }
  }

  void put(const std::string& setting, Sight sight, const std::string& path, bool is_bind = false) {
    std::error_code error;
    const Rank rank = is_bind ? Rank::bind : sight == Sight::hidden ? Rank::hidden : Rank::path;
    walls_.push_back({setting, sight, rank, fs::weakly_canonical(path, error)});
  }

  UnitSettings settings_;
  std::vector<Wall> walls_;
  std::string missing_;
};

/// What a worker or courier opens by a path of the configuration.
struct Need {
  std::string key;
  fs::path path;
  bool writes;
};

std::vector<Need> needs_of(const Config& config, const std::string& config_file, bool is_courier) {
  std::vector<Need> needs{{"the configuration", config_file, false},
                          {"log.directory", config.log_directory, true},
                          {"metrics.file", fs::path(config.metrics_file).parent_path(), true},
                          {"secrets.key_file", config.secrets_key_file, false},
                          {"database.password_file", config.database_password_file, false}};
  for (const std::string& host : config.database_hosts) {
    if (host.find('/') != std::string::npos) needs.push_back({"database.hosts", host, false});
  }
  if (config.database_tls == DatabaseTls::verify) {
    needs.push_back({"database.tls_ca", config.database_tls_ca, false});
  }
  if (is_courier) needs.push_back({"sms.command", config.sms_command, false});
  return needs;
}

/// The configuration as the unit's processes have it. A value with a specifier such as `%d/key`,
/// which systemd fills in with a file of its own, stays as it is.
Config config_of(const Diagnosis& d, const Unit& unit) {
  std::vector<std::string> entries = unit.words("Environment");
  for (const std::string& file : unit.words("EnvironmentFile")) {
    std::ifstream stream(file.substr(file.starts_with('-') ? 1 : 0));
    for (std::string line; std::getline(stream, line);) {
      std::erase_if(line, [](char c) { return c == '"' || c == '\''; });
      entries.emplace_back(trim(line));
    }
  }
  std::map<std::string, std::string> environment;
  for (const std::string& entry : entries) {
    environment[entry.substr(0, entry.find('='))] = expand_specifiers(entry);
  }
  for (const std::string& name : unit.words("UnsetEnvironment")) environment.erase(name);
  std::vector<const char*> pointers;
  for (const auto& [name, entry] : environment) pointers.push_back(entry.c_str());
  pointers.push_back(nullptr);
  return load_config(d.call.config_file, pointers.data());
}

Finding judge_unit(const Diagnosis& d, const std::string& service, const Unit& unit) {
  const std::string edit = "systemctl edit " + service;
  for (const char* setting : {"RootDirectory", "RootImage"}) {
    if (unit.words(setting).empty()) continue;
    return skipped(std::string(setting) + " gives it other files than these");
  }
  if (!unit.missing().empty()) {
    return problem(unit.missing() + " is not there, so the unit does not start",
                   "make it, or write a - before the path: " + edit);
  }
  const Config config = config_of(d, unit);
  std::error_code error;
  for (const Need& need : needs_of(config, d.call.config_file, service.ends_with("courier"))) {
    const std::string path = need.path.string();
    const Wall* wall = unit.look(fs::weakly_canonical(path, error));
    if (path.starts_with('%') || wall == nullptr || wall->sight == Sight::writable) continue;
    const bool is_hidden = wall->sight == Sight::hidden;
    if (!is_hidden && !need.writes) continue;
    const auto origin = config.origins.find(need.key);
    return problem(
        wall->setting + (is_hidden ? " hides " : " keeps it from writing to ") + path + " (" +
            need.key + (origin == config.origins.end() ? "" : ", " + origin->second) + ")",
        is_hidden ? "name a path elsewhere in " + need.key + ": " + service + " sees nothing there"
                  : edit + ", write [Service] and ReadWritePaths=" + path +
                        " into it, then: systemctl restart " + service);
  }
  return ok("it can reach every path of the configuration");
}

}  // namespace

void check_units(Diagnosis& d) {
  bool is_any = false;
  for (const std::string service : {"users-fcgi-hash", "users-fcgi-fast", "users-fcgi-courier"}) {
    const Unit unit(service);
    if (std::ranges::count(unit.words("ExecStart"), d.call.config_file) == 0) continue;
    is_any = true;
    d.add("unit " + service, judge_unit(d, service, unit));
  }
  if (!is_any) d.add("units", skipped("no unit of systemd starts with " + d.call.config_file));
}

}  // namespace users::ctl
