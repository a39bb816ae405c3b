// doctor: whether the units of systemd let the programs at what the configuration names, which
// ProtectSystem, ProtectHome and PrivateTmp may keep from them (systemd.exec(5)).
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <system_error>

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

class Walls {
 public:
  explicit Walls(UnitSettings unit) : unit_(std::move(unit)) {
    protect_home();
    if (is_on("PrivateTmp")) put({"/tmp", "/var/tmp"}, Sight::hidden, "PrivateTmp");
    protect_system();
    for (const auto& [setting, sight] : {std::pair{"ReadWritePaths", Sight::writable},
                                         {"ReadWriteDirectories", Sight::writable},
                                         {"ReadOnlyPaths", Sight::read_only},
                                         {"InaccessiblePaths", Sight::hidden}}) {
      put(words(setting), sight, setting);
    }
    for (const auto& [setting, above] : {std::pair{"LogsDirectory", "/var/log/"},
                                         {"StateDirectory", "/var/lib/"},
                                         {"CacheDirectory", "/var/cache/"},
                                         {"RuntimeDirectory", "/run/"}}) {
      for (const std::string& name : words(setting)) put({above + name}, Sight::writable, setting);
    }
  }

  /// What they can do with it, and the setting that says so: that of the longest path above it.
  struct Verdict {
    Sight sight = Sight::writable;
    std::string setting;
  };
  [[nodiscard]] Verdict look(const fs::path& path) const {
    Verdict verdict;
    std::size_t longest = 0;
    for (const Wall& wall : walls_) {
      const std::size_t length = wall.path.native().size();
      if (length < longest || !is_below(path, wall.path)) continue;
      longest = length;
      verdict = {wall.sight, wall.setting};
    }
    return verdict;
  }

  [[nodiscard]] const std::vector<std::string>& words(std::string_view setting) const {
    static const std::vector<std::string> none;
    const auto found = unit_.find(setting);
    return found == unit_.end() ? none : found->second;
  }

 private:
  struct Wall {
    fs::path path;
    Sight sight;
    std::string setting;
  };

  [[nodiscard]] std::string value(std::string_view setting) const {
    return words(setting).empty() ? "" : words(setting).back();
  }
  [[nodiscard]] bool is_on(std::string_view setting) const {
    const std::string text = value(setting);
    return text == "yes" || text == "true" || text == "on" || text == "1" || text == "disconnected";
  }

  void put(const std::vector<std::string>& paths, Sight sight, const std::string& setting) {
    std::error_code error;
    for (std::string path : paths) {
      path.erase(0, path.find_first_not_of("-+"));
      if (!path.starts_with('/')) continue;
      walls_.push_back({fs::weakly_canonical(path, error), sight, setting});
    }
  }
  void protect_home() {
    const std::vector<std::string> homes{"/home", "/root", "/run/user"};
    if (value("ProtectHome") == "read-only") {
      put(homes, Sight::read_only, "ProtectHome");
    } else if (is_on("ProtectHome") || value("ProtectHome") == "tmpfs") {
      put(homes, Sight::hidden, "ProtectHome");
    }
  }
  void protect_system() {
    const std::string text = value("ProtectSystem");
    const std::string setting = "ProtectSystem=" + text;
    if (text == "strict") {
      put({"/"}, Sight::read_only, setting);
      put({"/dev", "/proc", "/sys"}, Sight::writable, setting);
    } else if (is_on("ProtectSystem") || text == "full") {
      put({"/usr", "/boot", "/efi"}, Sight::read_only, setting);
      if (text == "full") put({"/etc"}, Sight::read_only, setting);
    }
  }

  UnitSettings unit_;
  std::vector<Wall> walls_;
};

struct Need {
  std::string key;
  fs::path path;
  bool writes;
};

/// What a worker or courier opens by a path of the configuration.
std::vector<Need> needs_of(const Config& config, bool is_courier) {
  std::vector<Need> needs{{"log.directory", config.log_directory, true},
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

/// The configuration as the unit's processes have it. A value with a specifier (`%d/key`) names a
/// file that systemd itself puts there, and is left out.
Config config_of(const Diagnosis& d, const Walls& walls) {
  std::vector<const char*> environment;
  for (const std::string& entry : walls.words("Environment")) {
    if (entry.find('%') == std::string::npos) environment.push_back(entry.c_str());
  }
  environment.push_back(nullptr);
  return load_config(d.call.config_file, environment.data());
}

/// Whether systemd itself gives the unit this one.
bool is_given(const Walls& walls, const std::string& key) {
  return std::ranges::any_of(
      walls.words("Environment"), [start = environment_name(key) + "="](const std::string& entry) {
        return entry.starts_with(start) && entry.find('%') != std::string::npos;
      });
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
  const Config config = config_of(d, walls);
  std::error_code error;
  for (const Need& need : needs_of(config, unit.is_courier)) {
    if (is_given(walls, need.key)) continue;
    const Walls::Verdict verdict = walls.look(fs::weakly_canonical(need.path, error));
    if (verdict.sight == Sight::writable) continue;
    if (verdict.sight == Sight::read_only && !need.writes) continue;
    const bool hidden = verdict.sight == Sight::hidden;
    d.report.problem(check,
                     verdict.setting + (hidden ? " hides " : " keeps it from writing to ") +
                         need.path.string() + " (" + need.key + ", " +
                         config.origins.find(need.key)->second + ")",
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
