// The configuration: the struct of effective values, the table of keys, and the code that loads a
// file and the environment.
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

/// Effective values. The key table gives the range and the meaning of each.
/// Seconds; several keys count days.
constexpr std::uint64_t kDay = std::uint64_t{24} * 60 * 60;

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
  unsigned session_fresh_minutes{};

  std::string session_cookie_domain;  ///< empty: only the host that set it gets the cookie

  bool identity_sign{};
  std::string identity_issuer;  ///< empty: https:// and the host of the request
  unsigned identity_key_days{};

  std::string totp_issuer;  ///< empty: the host of the request

  std::string passkey_rp_id;  ///< empty: the site has no passkeys
  std::vector<std::string> passkey_origins;
  std::string passkey_name;

  std::string sms_command;
  std::string sms_user;
  unsigned sms_timeout{};
  unsigned sms_attempts{};
  unsigned sms_per_hour{};
  std::string sms_origin;                  ///< host name; empty: none
  std::vector<std::string> sms_countries;  ///< regions; empty: only phone_default_region

  std::string phone_default_region;

  unsigned password_min_length{};
  unsigned password_argon2_memory{};
  unsigned password_argon2_passes{};
  std::string password_service_name;

  /// Where each value comes from, by key: `users.conf:12`, `environment USERS_FCGI_...` or
  /// `default`.
  std::map<std::string, std::string, std::less<>> origins;
  /// Each value as written, by key.
  std::map<std::string, std::string, std::less<>> texts;
};

/// The configuration cannot be used. The text names the file, the line, the key and the expected
/// value. Programs exit with code 78 (EX_CONFIG, sysexits.h).
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A database server.
struct HostAddress {
  std::string host;
  std::string socket;  ///< path; empty: use the network
  unsigned port = 0;   ///< 0: the default port
};

/// Parses a socket path (it contains a `/`), a host, or host:port; an IPv6 address with a port is
/// in brackets. Returns nullopt if the host is empty or has a blank, or the port is not 1 to 65535.
std::optional<HostAddress> parse_host(const std::string& text);

/// One key: its name (`section.key`), its default as text, its help, and the function that sets it.
struct ConfigKey {
  std::string_view name;
  std::string_view fallback;
  std::string_view help;
  void (*set)(Config&, std::string_view value);  ///< throws std::invalid_argument(what is expected)

  /// Empty if the key stands above the first section.
  [[nodiscard]] std::string_view section() const {
    return name.substr(0, name.find('.') == name.npos ? 0 : name.find('.'));
  }
  [[nodiscard]] std::string_view name_in_section() const { return name.substr(name.find('.') + 1); }
};

/// All keys, in the order of the example file.
std::span<const ConfigKey> config_keys();

/// Writes conf/users.conf.example: each key as a comment, below its help.
void print_example(std::ostream& out);

/// The variable that overrides a key: `USERS_FCGI_DATABASE_NAME` for `database.name`.
std::string environment_name(std::string_view key);

/// Applies the defaults, then the file, then the variables of the environment (`NAME=value`) whose
/// names begin with USERS_FCGI_. Throws ConfigError.
Config load_config(const std::filesystem::path& file, const char* const* environment);

/// Reads the secret whose file a `..._file` key names. Throws ConfigError naming where the key was
/// set.
Secret read_secret(const Config& config, std::string_view key);

/// Reads the service's hashing key and checks its length. Throws ConfigError.
Secret read_key(const Config& config);

/// If database.tls = verify, checks that database.tls_ca can be read and holds a certificate.
/// Throws ConfigError.
void require_tls_ca(const Config& config);

}  // namespace users
