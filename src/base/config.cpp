#include "base/config.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/crypto.hpp"
#include "base/descriptor.hpp"
#include "base/text.hpp"

namespace users {
namespace {

constexpr std::string_view kEnvironmentPrefix = "USERS_FCGI_";
constexpr const char* kDefaultOrigin = "default";

constexpr std::string_view kExampleHead =
    R"(# The configuration of users-fcgi: every key with its default. Copy this file to
# /etc/users-fcgi/users.conf and remove the # from the lines you change.
#
# A comment begins with # anywhere in a line, so no value can contain one. An unknown key, a key that
# is set twice, or a bad value stops the program with exit code 78; the message names the file, the
# line and the key. The environment overrides every key: USERS_FCGI_ and the key in capitals, with _
# for the dot, such as USERS_FCGI_DATABASE_NAME for name in [database].
)";

[[noreturn]] void refuse(const std::string& origin, const std::string& what) {
  throw ConfigError(origin + ": " + what);
}

[[noreturn]] void refuse_unknown(const std::string& origin, const std::string& what) {
  refuse(origin, "unknown " + what + "; see users.conf(5) for those there are");
}

/// The file that a key names cannot be used.
[[noreturn]] void refuse_file(const Config& config, std::string_view key, const std::string& why) {
  refuse(config.origins.find(key)->second,
         std::string(key) + ": " + config.texts.find(key)->second + " " + why);
}

/// Returns nullopt, and sets errno, if the file cannot be read.
std::optional<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::ostringstream content;
  content << stream.rdbuf();
  if (!std::filesystem::is_directory(file)) return content.str();
  errno = EISDIR;
  return std::nullopt;
}

void apply(Config& config, std::string_view key, std::string_view value,
           const std::string& origin) {
  const auto keys = config_keys();
  const auto row = std::ranges::find(keys, key, &ConfigKey::name);
  if (row == keys.end()) refuse_unknown(origin, "key " + std::string(key));
  try {
    row->set(config, value);
  } catch (const std::invalid_argument& expected) {
    refuse(origin,
           std::string(key) + " expects " + expected.what() + ", not '" + std::string(value) + "'");
  }
  config.origins.insert_or_assign(std::string(key), origin);
  config.texts.insert_or_assign(std::string(key), std::string(value));
}

/// INI: `[section]`, `key = value`, and comments from # to the end of the line.
void apply_file(Config& config, const std::filesystem::path& file) {
  const auto text = read_file(file);
  if (!text)
    refuse(file.string(), "cannot be read (" + errno_text() + "); name the file with --config");
  std::string section;
  std::string_view rest = *text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view whole = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(whole.size() + 1, rest.size()));
    const std::string_view line = trim(whole.substr(0, whole.find('#')));
    if (line.empty()) continue;
    const std::string origin = file.string() + ":" + std::to_string(number);
    const auto equals = line.find('=');
    if (line.front() == '[' && line.back() == ']') {
      section = trim(line.substr(1, line.size() - 2));
      if (std::ranges::find(config_keys(), section, &ConfigKey::section) == config_keys().end()) {
        refuse_unknown(origin, "section " + std::string(line));
      }
      section += '.';
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

/// Fills in what passkey.rp_id decides, and checks that the origins fit it.
void finish_passkeys(Config& config) {
  if (config.passkey_rp_id.empty()) return;
  if (config.passkey_name.empty()) config.passkey_name = config.passkey_rp_id;
  if (config.passkey_origins.empty()) config.passkey_origins = {"https://" + config.passkey_rp_id};
  for (const std::string& origin : config.passkey_origins) {
    const std::size_t begin = origin.find("//") + 2;
    const std::string host = origin.substr(begin, origin.find(':', begin) - begin);
    if (host == config.passkey_rp_id || host.ends_with("." + config.passkey_rp_id)) continue;
    refuse(config.origins.find("passkey.origins")->second,
           "passkey.origins: " + origin + " is neither passkey.rp_id, " + config.passkey_rp_id +
               ", nor below it");
  }
}

}  // namespace

void print_example(std::ostream& out) {
  constexpr std::size_t kWidth = 98;
  std::string_view section;
  out << kExampleHead;
  for (const ConfigKey& key : config_keys()) {
    if (std::exchange(section, key.section()) != key.section()) out << "\n[" << section << "]";
    out << "\n";
    for (const std::string& line : wrap(key.help, kWidth)) out << "# " << line << "\n";
    out << "# " << key.name_in_section() << " = " << key.fallback << "\n";
  }
}

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
  finish_passkeys(config);
  return config;
}

Secret read_secret(const Config& config, std::string_view key) {
  try {
    return read_secret_file(config.texts.find(key)->second);
  } catch (const std::runtime_error& error) {
    refuse_file(config, key, error.what());
  }
}

Secret read_key(const Config& config) {
  constexpr std::string_view kName = "secrets.key_file";
  Secret key = read_secret(config, kName);
  if (key.reveal().size() != crypto::kKeyLength) {
    refuse_file(config, kName,
                "holds " + std::to_string(key.reveal().size()) +
                    " bytes, a key has 64: restore it from the backup; if it never had 64, move it "
                    "away and run users-ctl setup, which voids every session and code");
  }
  return key;
}

void require_tls_ca(const Config& config) {
  if (config.database_tls != DatabaseTls::verify) return;
  const auto content = read_file(config.database_tls_ca);
  // OpenSSL accepts three kinds of certificate blocks. Each kind's name ends like this.
  if (content && content->find("CERTIFICATE-----") != std::string::npos) return;
  refuse_file(config, "database.tls_ca",
              (content ? "holds no certificate" : "cannot be read: " + errno_text()) +
                  "; name the PEM file of the CA that signs the database's certificate");
}

}  // namespace users
