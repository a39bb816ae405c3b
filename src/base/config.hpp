// The configuration: one struct of effective values, one table of keys, and the loading of a file
// and the environment into it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace users {

enum class CodeCheck { issued, format };
enum class DatabaseTls { off, verify };
enum class SessionReads { causal, local };
enum class Registrations { open, closed };
enum class RegistStatus { tutorial, by_code };
enum class LogLevel { debug, info, warning, error };

/// Effective values. Ranges and meaning of each stand in its row of the key table.
struct Config {
  CodeCheck verification{};
  Registrations registration{};
  RegistStatus regist_status{};

  std::vector<std::string> database_hosts;
  std::string database_name;
  std::string database_user;
  std::string database_password_file;
  std::string database_migration_user;
  std::string database_migration_password_file;
  std::string database_migrations;
  DatabaseTls database_tls{};
  std::string database_tls_ca;
  SessionReads database_session_reads{};
  unsigned database_connect_timeout{};
  unsigned database_read_timeout{};
  unsigned database_write_timeout{};

  std::string log_directory;
  LogLevel log_level{};
  unsigned log_keep_days{};

  std::string metrics_file;
  unsigned worker_request_limit{};

  std::string secrets_key_file;

  bool session_cookie_secure{};
  unsigned session_absolute_days{};
  unsigned session_idle_days{};
  unsigned session_per_account{};

  std::string sms_command;
  std::string sms_user;
  unsigned sms_timeout{};
  unsigned sms_attempts{};
  unsigned sms_per_hour{};
  std::string sms_origin;                  ///< a host; empty: none
  std::vector<std::string> sms_countries;  ///< regions; empty: phone_default_region alone

  std::string phone_default_region;

  unsigned password_min_length{};
  unsigned password_argon2_memory{};
  unsigned password_argon2_passes{};
  std::string password_service_name;

  /// Where each value came from, by key: `users.conf:12`, `environment USERS_FCGI_...` or
  /// `default`.
  std::map<std::string, std::string, std::less<>> origins;
  /// Each value as it was written, by key.
  std::map<std::string, std::string, std::less<>> texts;
};

/// A configuration that cannot be used. The text names the file, the line and the key, and what is
/// expected there. Programs answer it with exit code 78 (EX_CONFIG, sysexits.h).
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A database server.
struct HostAddress {
  std::string host;
  std::string socket;  ///< path; empty: over the network
  unsigned port = 0;   ///< 0: the usual one
};

/// From a socket path (it holds a `/`), a host, or host:port; an IPv6 address with a port stands in
/// brackets. Returns nullopt if there is no host, a blank in it, or no port from 1 to 65535.
std::optional<HostAddress> parse_host(const std::string& text);

/// One key: its name (`section.key`), default as text, help, and how a value gets into the struct.
struct ConfigKey {
  std::string_view name;
  std::string_view fallback;
  std::string_view help;
  void (*set)(Config&, std::string_view value);  ///< throws std::invalid_argument: what is expected
};

/// All keys, in the order of the example file.
std::span<const ConfigKey> config_keys();

/// Writes conf/users.conf.example: every key as a comment, below its help.
void print_example(std::ostream& out);

/// The variable that wins over a key of the file: `USERS_FCGI_DATABASE_NAME` for `database.name`.
std::string environment_name(std::string_view key);

/// Defaults, then the file, then the environment (`environ`: entries `NAME=value`; those whose
/// names begin with USERS_FCGI_ count, as USERS_FCGI_DATABASE_NAME for database.name). Throws
/// ConfigError.
Config load_config(const std::filesystem::path& file, const char* const* environment);

/// Reads the secret a `..._file` key points to. Throws ConfigError naming where the key was set.
Secret read_secret(const Config& config, std::string_view key, const std::string& file);

/// The service's hashing key, of the length that keyed hashes take. Throws ConfigError.
Secret read_key(const Config& config);

/// With database.tls = verify: that database.tls_ca can be read and holds a certificate. Throws
/// ConfigError.
void require_tls_ca(const Config& config);

}  // namespace users
