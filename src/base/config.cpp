#include "base/config.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace users {
namespace {

constexpr std::string_view kEnvironmentPrefix = "USERS_FCGI_";
constexpr const char* kDefaultOrigin = "default";

void apply(Config& config, std::string_view key, std::string_view value,
           const std::string& origin) {
  const auto keys = config_keys();
  const auto row = std::ranges::find(keys, key, &ConfigKey::name);
  if (row == keys.end()) {
    throw ConfigError(origin + ": unknown key " + std::string(key) +
                      "; see users.conf(5) for those there are");
  }
  try {
    row->set(config, value);
  } catch (const std::invalid_argument& expected) {
    throw ConfigError(origin + ": " + std::string(key) + " expects " + expected.what() + ", not '" +
                      std::string(value) + "'");
  }
  config.origins.insert_or_assign(std::string(key), origin);
  config.texts.insert_or_assign(std::string(key), std::string(value));
}

[[noreturn]] void refuse(const std::string& origin, const std::string& what) {
  throw ConfigError(origin + ": " + what);
}

/// Returns the name with a trailing dot, as key names begin.
std::string section_of(std::string_view line, const std::string& origin) {
  std::string section(trim(line.substr(1, line.size() - 2)));
  section += '.';
  const auto begins = [&](const ConfigKey& key) { return key.name.starts_with(section); };
  if (std::ranges::none_of(config_keys(), begins)) {
    refuse(origin,
           "unknown section " + std::string(line) + "; see users.conf(5) for those there are");
  }
  return section;
}

/// INI: `[section]`, `key = value`, and comments from # to the end of the line.
void apply_file(Config& config, const std::filesystem::path& file) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream content;
  content << stream.rdbuf();
  if (!stream || std::filesystem::is_directory(file)) {
    const int why = errno == 0 ? EISDIR : errno;
    throw ConfigError(file.string() + ": cannot be read (" + std::generic_category().message(why) +
                      "); name the file with --config");
  }
  const std::string text = content.str();
  std::string section;
  std::string_view rest = text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view whole = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(whole.size() + 1, rest.size()));
    const std::string_view line = trim(whole.substr(0, whole.find('#')));
    if (line.empty()) continue;
    const std::string origin = file.string() + ":" + std::to_string(number);
    const auto equals = line.find('=');
    if (line.front() == '[' && line.back() == ']') {
      section = section_of(line, origin);
    } else if (equals == std::string_view::npos) {
      refuse(origin, "expected key = value, not '" + std::string(line) + "'");
    } else {
      const std::string key = section + std::string(trim(line.substr(0, equals)));
      const auto before = config.origins.find(key);
      if (before != config.origins.end() && before->second != kDefaultOrigin) {
        refuse(origin, key + " is set twice");
      }
      apply(config, key, trim(line.substr(equals + 1)), origin);
    }
  }
}

void apply_environment(Config& config, const char* const* environment) {
  const auto keys = config_keys();
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    if (!entry.starts_with(kEnvironmentPrefix)) continue;
    const auto equals = entry.find('=');
    const auto name = entry.substr(0, equals);
    const auto row = std::ranges::find(
        keys, name, [](const ConfigKey& key) { return environment_name(key.name); });
    const std::string origin = "environment " + std::string(name);
    if (row == keys.end()) throw ConfigError(origin + ": no key of this name");
    apply(config, row->name, entry.substr(equals + 1), origin);
  }
}

}  // namespace

std::string environment_name(std::string_view key) {
  std::string name(kEnvironmentPrefix);
  for (const char c : key) name += c == '.' ? '_' : static_cast<char>(std::toupper(c));
  return name;
}

Config load_config(const std::filesystem::path& file, const char* const* environment) {
  Config config;
  for (const ConfigKey& key : config_keys()) apply(config, key.name, key.fallback, kDefaultOrigin);
  apply_file(config, file);
  apply_environment(config, environment);
  return config;
}

Secret read_secret(const Config& config, std::string_view key, const std::string& file) {
  try {
    return read_secret_file(file);
  } catch (const std::runtime_error& error) {
    throw ConfigError(config.origins.find(key)->second + ": " + std::string(key) + ": " + file +
                      " " + error.what());
  }
}

Secret read_key(const Config& config) {
  constexpr std::string_view kName = "secrets.key_file";
  Secret key = read_secret(config, kName, config.secrets_key_file);
  if (key.reveal().size() != crypto::kKeyLength) {
    throw ConfigError(
        config.origins.find(kName)->second + ": " + std::string(kName) + ": " +
        config.secrets_key_file + " holds " + std::to_string(key.reveal().size()) +
        " bytes, a key has 64: restore it from the backup; if it never had 64, move it "
        "away and run users-ctl setup, which voids every session and code");
  }
  return key;
}

void require_tls_ca(const Config& config) {
  if (config.database_tls != DatabaseTls::verify) return;
  const std::string& file = config.database_tls_ca;
  const auto fail = [&](const std::string& what) {
    throw ConfigError(config.origins.find("database.tls_ca")->second +
                      ": database.tls_ca: " + file + " " + what +
                      "; name the PEM file of the CA that signs the database's certificate");
  };
  errno = 0;
  std::ifstream stream(file);
  std::ostringstream content;
  content << stream.rdbuf();
  if (!stream) {
    fail("cannot be read: " + std::system_category().message(errno));
  }
  // OpenSSL accepts three kinds of certificate blocks. Each kind's name ends like this.
  if (content.str().find("CERTIFICATE-----") == std::string::npos) fail("holds no certificate");
}

}  // namespace users
