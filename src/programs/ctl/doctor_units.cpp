// doctor: whether the units of systemd let the programs at what the configuration names, which
// ProtectSystem, ProtectHome and PrivateTmp may keep from them (systemd.exec(5)).
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

#include "base/text.hpp"
#include "programs/ctl/doctor.hpp"
#include "programs/ctl/unit_file.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

struct Unit {
  std::string_view name;
  bool is_courier;
};

constexpr std::array<Unit, 3> kUnits{
    {{"users-fcgi-hash", false}, {"users-fcgi-fast", false}, {"users-fcgi-courier", true}}};

/// What a unit's processes can do with a path.
enum class Sight { hidden, read_only, writable };

bool is_below(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

/// With the specifiers that stand for folders filled in; empty if another is left.
std::string expanded(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kSpecifiers[] = {
      {"%t", "/run"}, {"%S", "/var/lib"}, {"%C", "/var/cache"}, {"%L", "/var/log"},
      {"%E", "/etc"}, {"%T", "/tmp"},     {"%V", "/var/tmp"}};
  for (const auto& [specifier, meant] : kSpecifiers) {
    for (auto at = text.find(specifier); at != std::string::npos; at = text.find(specifier)) {
      text.replace(at, specifier.size(), meant);
    }
  }
  return text.find('%') == std::string::npos ? text : "";
}

/// What a unit of systemd.exec(5) leaves of the machine's files.
class Walls {
 public:
  explicit Walls(UnitSettings unit) : unit_(std::move(unit)) {
    const bool is_dynamic = is_on("DynamicUser");
    protect_system(is_dynamic);
    protect_home(is_dynamic);
    if (is_on("PrivateTmp") || is_dynamic) put({"/tmp", "/var/tmp"}, Sight::hidden, "PrivateTmp");
    constexpr std::pair<const char*, Sight> kPaths[] = {
        {"ReadWritePaths", Sight::writable},   {"ReadWriteDirectories", Sight::writable},
        {"ReadOnlyPaths", Sight::read_only},   {"ReadOnlyDirectories", Sight::read_only},
        {"InaccessiblePaths", Sight::hidden},  {"InaccessibleDirectories", Sight::hidden},
        {"TemporaryFileSystem", Sight::hidden}};
    for (const auto& [setting, sight] : kPaths) put(words(setting), sight, setting);
    constexpr std::pair<const char*, const char*> kOwn[] = {{"LogsDirectory", "/var/log/"},
                                                            {"StateDirectory", "/var/lib/"},
                                                            {"CacheDirectory", "/var/cache/"},
                                                            {"RuntimeDirectory", "/run/"}};
    for (const auto& [setting, above] : kOwn) {
      for (const std::string& name : words(setting)) put({above + name}, Sight::writable, setting);
    }
    bind("BindPaths", Sight::writable);
    bind("BindReadOnlyPaths", Sight::read_only);
  }

  /// What they can do with it, and the setting that says so.
  struct Verdict {
    Sight sight = Sight::writable;
    std::string setting;
  };
  [[nodiscard]] Verdict look(const fs::path& path) const {
    Verdict verdict;
    std::size_t longest = 0;
    // What lies in a hidden folder is hidden with it; of all others the longest path counts.
    for (const Wall& wall : walls_) {
      const std::size_t length = wall.path.native().size();
      const bool is_hidden = wall.sight == Sight::hidden;
      if (!is_below(path, wall.path) || (verdict.sight == Sight::hidden && !is_hidden) ||
          (length < longest && !is_hidden)) {
        continue;
      }
      longest = length;
      verdict = {wall.sight, wall.setting};
    }
    // But for what is put there again.
    for (const Wall& door : doors_) {
      if (is_below(path, door.path)) verdict = {door.sight, door.setting};
    }
    return verdict;
  }

  [[nodiscard]] const std::vector<std::string>& words(std::string_view setting) const {
    static const std::vector<std::string> none;
    const auto found = unit_.find(setting);
    return found == unit_.end() ? none : found->second;
  }

  /// The last setting of paths with one that is not there, without which the unit does not start.
  /// What lies in /run is made when the machine starts.
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  struct Wall {
    fs::path path;
    Sight sight;
    std::string setting;
  };

  [[nodiscard]] std::string value(std::string_view setting) const {
    std::string text = words(setting).empty() ? "" : words(setting).back();
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }
  static bool is_true(const std::string& text) {
    constexpr std::string_view kTrue[] = {"1", "yes", "y", "true", "t", "on"};
    return std::ranges::find(kTrue, text) != std::end(kTrue);
  }
  [[nodiscard]] bool is_on(std::string_view setting) const {
    return is_true(value(setting)) || value(setting) == "disconnected";
  }

  void put(const std::vector<std::string>& paths, Sight sight, const std::string& setting) {
    std::error_code error;
    for (const std::string& word : paths) {
      const auto start = std::min(word.find_first_not_of("-+"), word.size());
      // TemporaryFileSystem has options behind a colon.
      const std::string path = expanded(word.substr(start, word.find(':') - start));
      if (!path.starts_with('/')) continue;
      walls_.push_back({fs::weakly_canonical(path, error), sight, setting});
      const bool may_be_missing = word.starts_with('-') || !setting.ends_with("Paths");
      if (!may_be_missing && !path.starts_with("/run/") && !fs::exists(path, error)) {
        missing_ = setting + "=" + path;
      }
    }
  }
  /// `SOURCE[:DESTINATION[:OPTIONS]]`
  void bind(const std::string& setting, Sight sight) {
    std::error_code error;
    for (const std::string& word : words(setting)) {
      std::string path = word.substr(word.starts_with('-') ? 1 : 0);
      const auto colon = path.find(':');
      if (colon != std::string::npos) path.erase(0, colon + 1);
      path = expanded(path.substr(0, path.find(':')));
      if (path.starts_with('/')) {
        doors_.push_back({fs::weakly_canonical(path, error), sight, setting});
      }
    }
  }
  void protect_home(bool is_dynamic) {
    const std::string text = value("ProtectHome");
    const std::vector<std::string> homes{"/home", "/root", "/run/user"};
    if (is_true(text) || text == "tmpfs") {
      put(homes, Sight::hidden, "ProtectHome");
    } else {
      // ProtectSystem=strict leaves them out.
      const bool is_kept = text == "read-only" || is_dynamic;
      put(homes, is_kept ? Sight::read_only : Sight::writable, "ProtectHome");
    }
  }
  void protect_system(bool is_dynamic) {
    std::string text = is_dynamic ? "strict" : "";
    for (std::string word : words("ProtectSystem")) {
      for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (is_true(word) || word == "full" || word == "strict") text = word;
      if (word == "no" || word == "false" || word == "off" || word == "0") text = "";
    }
    const std::string setting = "ProtectSystem=" + text;
    if (text == "strict") {
      put({"/"}, Sight::read_only, setting);
      put({"/dev", "/proc", "/sys"}, Sight::writable, setting);
    } else if (!text.empty()) {
      put({"/usr", "/boot", "/efi"}, Sight::read_only, setting);
      if (text == "full") put({"/etc"}, Sight::read_only, setting);
    }
  }

  UnitSettings unit_;
  std::vector<Wall> walls_;
  std::vector<Wall> doors_;
  std::string missing_;
};

struct Need {
  std::string key;
  fs::path path;
  bool writes;
};

/// What a worker or courier opens by a path of the configuration.
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

/// The settings that the unit gives its processes, by name; of a value with a specifier such as
/// `%d/key`, which systemd itself fills in with a file of its own, nothing.
std::map<std::string, std::string> environment_of(const Walls& walls) {
  std::map<std::string, std::string> environment;
  const auto take = [&](const std::string& entry) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || !entry.starts_with("USERS_FCGI_")) return;
    environment[entry.substr(0, equals)] = expanded(entry.substr(equals + 1));
  };
  for (const std::string& entry : walls.words("Environment")) take(entry);
  for (const std::string& file : walls.words("EnvironmentFile")) {
    std::ifstream stream(file.substr(file.starts_with('-') ? 1 : 0));
    for (std::string line; std::getline(stream, line);) {
      std::erase_if(line, [](char c) { return c == '"' || c == '\''; });
      take(std::string(trim(line)));
    }
  }
  for (const std::string& name : walls.words("UnsetEnvironment")) environment.erase(name);
  return environment;
}

/// The configuration as the unit's processes have it.
Config config_of(const Diagnosis& d, const std::map<std::string, std::string>& environment) {
  std::vector<std::string> entries;
  for (const auto& [name, value] : environment) {
    if (!value.empty()) entries.push_back(name + "=" + value);
  }
  std::vector<const char*> pointers;
  for (const std::string& entry : entries) pointers.push_back(entry.c_str());
  pointers.push_back(nullptr);
  return load_config(d.call.config_file, pointers.data());
}

std::string whole_advice(const Unit& unit, const Need& need, const Walls::Verdict& verdict) {
  if (verdict.sight == Sight::hidden) {
    return "name a path elsewhere in " + need.key + ": " + std::string(unit.name) +
           " sees nothing there";
  }
  return "systemctl edit " + std::string(unit.name) +
         ", write [Service] and ReadWritePaths=" + need.path.string() +
         " into it, then: systemctl restart " + std::string(unit.name);
}

void check_unit(Diagnosis& d, const Unit& unit, const Walls& walls) {
  const std::string check = "unit " + std::string(unit.name);
  for (const char* setting : {"RootDirectory", "RootImage"}) {
    if (walls.words(setting).empty()) continue;
    d.report.skipped(check, std::string(setting) + " gives it other files than these");
    return;
  }
  if (!walls.missing().empty()) {
    d.report.problem(
        check, walls.missing() + " is not there, so the unit does not start",
        "make it, or write a - before the path: systemctl edit " + std::string(unit.name));
    return;
  }
  const auto environment = environment_of(walls);
  const Config config = config_of(d, environment);
  std::error_code error;
  for (const Need& need : needs_of(config, d.call.config_file, unit.is_courier)) {
    const auto set = environment.find(environment_name(need.key));
    if (set != environment.end() && set->second.empty()) continue;
    const Walls::Verdict verdict = walls.look(fs::weakly_canonical(need.path, error));
    if (verdict.sight == Sight::writable) continue;
    if (verdict.sight == Sight::read_only && !need.writes) continue;
    const bool hidden = verdict.sight == Sight::hidden;
    const auto from = config.origins.find(need.key);
    const std::string origin = from == config.origins.end() ? "" : ", " + from->second;
    d.report.problem(check,
                     verdict.setting + (hidden ? " hides " : " keeps it from writing to ") +
                         need.path.string() + " (" + need.key + origin + ")",
                     whole_advice(unit, need, verdict));
    return;
  }
  d.report.ok(check, "it can reach every path of the configuration");
}

}  // namespace

void check_units(Diagnosis& d) {
  bool any = false;
  for (const Unit& unit : kUnits) {
    const Walls walls(read_unit(std::string(unit.name) + ".service"));
    const auto& command = walls.words("ExecStart");
    if (std::ranges::find(command, d.call.config_file) == command.end()) continue;
    any = true;
    check_unit(d, unit, walls);
  }
  if (!any) d.report.skipped("units", "no unit of systemd starts with " + d.call.config_file);
}

}  // namespace users::ctl
