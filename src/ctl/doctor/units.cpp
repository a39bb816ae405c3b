// doctor: whether the units of systemd let the programs at what the configuration names, which
// ProtectSystem, ProtectHome and PrivateTmp may keep from them (systemd.exec(5)).
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

#include "base/text.hpp"
#include "ctl/doctor/doctor.hpp"
#include "ctl/doctor/unit_walls.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

struct Unit {
  std::string_view name;
  bool is_courier;
};

constexpr std::array<Unit, 3> kUnits{
    {{"users-fcgi-hash", false}, {"users-fcgi-fast", false}, {"users-fcgi-courier", true}}};

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
std::map<std::string, std::string> environment_of(const UnitWalls& walls) {
  std::map<std::string, std::string> environment;
  const auto take = [&](const std::string& entry) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || !entry.starts_with("USERS_FCGI_")) return;
    environment[entry.substr(0, equals)] = expand_specifiers(entry.substr(equals + 1));
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

std::string whole_advice(const Unit& unit, const Need& need, const UnitWalls::Verdict& verdict) {
  if (verdict.sight == Sight::hidden) {
    return "name a path elsewhere in " + need.key + ": " + std::string(unit.name) +
           " sees nothing there";
  }
  return "systemctl edit " + std::string(unit.name) +
         ", write [Service] and ReadWritePaths=" + need.path.string() +
         " into it, then: systemctl restart " + std::string(unit.name);
}

void check_unit(Diagnosis& d, const Unit& unit, const UnitWalls& walls) {
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
    const UnitWalls::Verdict verdict = walls.look(fs::weakly_canonical(need.path, error));
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
    const UnitWalls walls(read_unit(std::string(unit.name) + ".service"));
    const auto& command = walls.words("ExecStart");
    if (std::ranges::find(command, d.call.config_file) == command.end()) continue;
    any = true;
    check_unit(d, unit, walls);
  }
  if (!any) d.report.skipped("units", "no unit of systemd starts with " + d.call.config_file);
}

}  // namespace users::ctl
