#include "base/config.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace users {
namespace {

constexpr std::string_view kEnvironmentPrefix = "USERS_FCGI_";

std::string environment_name(std::string_view key) {
  std::string name(kEnvironmentPrefix);
  for (const char c : key) name += c == '.' ? '_' : static_cast<char>(std::toupper(c));
  return name;
}

std::string_view without_comment(std::string_view line) {
  return trim(line.substr(0, line.find('#')));
}

/// The number of the line that sets `key` for the nth time; Boost's parser does not keep it.
int line_of(const std::string& text, std::string_view key, int nth) {
  std::istringstream lines(text);
  std::string section;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const auto content = without_comment(line);
    if (content.size() > 1 && content.front() == '[' && content.back() == ']') {
      section = std::string(content.substr(1, content.size() - 2)) + ".";
    } else if (section + std::string(trim(content.substr(0, content.find('=')))) == key &&
               --nth == 0) {
      return number;
    }
  }
  return 0;
}

/// The number of the line that is `content` but for blanks and a comment.
int line_with(const std::string& text, std::string_view content) {
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (without_comment(line) == trim(content)) return number;
  }
  return 0;
}

void apply(Config& config, std::string_view key, std::string_view value,
           const std::string& origin) {
  const auto keys = config_keys();
  const auto row = std::ranges::find(keys, key, &ConfigKey::name);
  if (row == keys.end()) {
    throw ConfigError(origin + ": unknown key " + std::string(key) +
                      "; see conf/users.conf.example for those there are");
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

void apply_file(Config& config, const std::filesystem::path& file) {
  namespace po = boost::program_options;
  std::ifstream stream(file);
  std::ostringstream content;
  content << stream.rdbuf();
  if (!stream || std::filesystem::is_directory(file)) {
    throw ConfigError(file.string() + ": cannot be read; name the file with --config");
  }
  const std::string text = content.str();
  const auto origin = [&](int line) { return file.string() + ":" + std::to_string(line); };
  try {
    std::istringstream input(text);
    std::map<std::string, int> seen;
    for (const auto& option :
         po::parse_config_file(input, po::options_description(), true).options) {
      const int nth = ++seen[option.string_key];
      const auto where = origin(line_of(text, option.string_key, nth));
      if (nth > 1) throw ConfigError(where + ": " + option.string_key + " is set twice");
      apply(config, option.string_key, option.value.empty() ? "" : option.value.front(), where);
    }
  } catch (const po::invalid_config_file_syntax& error) {
    throw ConfigError(origin(line_with(text, error.tokens())) + ": expected key = value, not '" +
                      error.tokens() + "'");
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

Config load_config(const std::filesystem::path& file, const char* const* environment) {
  Config config;
  for (const ConfigKey& key : config_keys()) apply(config, key.name, key.fallback, "default");
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
  if (key.reveal().size() < crypto::kSmallestKey || key.reveal().size() > crypto::kLargestKey) {
    throw ConfigError(config.origins.find(kName)->second + ": " + std::string(kName) + ": " +
                      config.secrets_key_file +
                      " must hold 32 to 64 bytes: head -c 32 /dev/urandom | " + "base64 makes one");
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
  // OpenSSL knows three kinds of such blocks; their names all end like this.
  if (content.str().find("CERTIFICATE-----") == std::string::npos) fail("holds no certificate");
}

}  // namespace users
