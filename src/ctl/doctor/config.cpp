// doctor: the configuration, what in it is good for development only, and the secrets it names.
#include <algorithm>
#include <array>
#include <cerrno>
#include <iomanip>
#include <sstream>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.hpp"
#include "ctl/doctor/doctor.hpp"
#include "ctl/system.hpp"
#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

/// What a secret is for, and how a missing one is made.
struct SecretFile {
  const char* check;
  const char* key;
  std::string Config::*file;
  bool of_service;  ///< workers and courier read it; else only the operator does
  std::size_t least;
  std::size_t most;
  const char* make;
};

constexpr std::size_t kShortestPassword = 16;
constexpr std::size_t kLongestPassword = 4096;

constexpr std::array<SecretFile, 3> kSecrets{{
    {"database password", "database.password_file", &Config::database_password_file, true,
     kShortestPassword, kLongestPassword,
     "write the password of database.user into it; or users-ctl setup makes a new one and says it "
     "to the server"},
    {"migration password", "database.migration_password_file",
     &Config::database_migration_password_file, false, kShortestPassword, kLongestPassword,
     "write the password of database.migration_user into it; or users-ctl setup makes a new one "
     "and "
     "says it to the server"},
    {"key", "secrets.key_file", &Config::secrets_key_file, true, crypto::kKeyLength,
     crypto::kKeyLength,
     "restore the file from the backup; only a new service gets one by users-ctl setup (a new key "
     "voids every session and code)"},
}};

std::string octal(mode_t mode) {
  std::ostringstream text;
  text << std::oct << std::setw(4) << std::setfill('0') << (mode & 07777U);
  return text.str();
}

/// The owner that the file should have: the service's user, or whoever runs this.
std::string wanted_owner(const Diagnosis& d, const SecretFile& secret) {
  return secret.of_service ? d.service_name() : "root";
}

std::string mend_mode(const Diagnosis& d, const SecretFile& secret, const std::string& file) {
  return "chown " + wanted_owner(d, secret) + " " + file + " && chmod 0600 " + file;
}

/// Reads it as whoever reads it in earnest.
std::optional<Secret> read_as_reader(Diagnosis& d, const SecretFile& secret,
                                     const std::string& file, uid_t owner) {
  const AsUser reader(secret.of_service ? d.service_uid.value_or(owner) : owner);
  try {
    return read_secret_file(file);
  } catch (const std::runtime_error& error) {
    d.report.problem(secret.check, file + " " + error.what(),
                     "as root: " + mend_mode(d, secret, file));
    return std::nullopt;
  }
}

std::optional<Secret> examine(Diagnosis& d, const SecretFile& secret) {
  const std::string& file = (*d.config).*secret.file;
  const std::string name = secret.check;
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    const int error = errno;
    const std::string found = file + ": " + std::generic_category().message(error);
    if (error == EACCES && ::geteuid() != 0) {
      d.report.skipped(name, found + "; only root can look");
    } else {
      d.report.problem(name, found + " (" + d.config->origins.find(secret.key)->second + ")",
                       std::string(secret.make) + "; then " + mend_mode(d, secret, file));
    }
    return std::nullopt;
  }
  const std::string mode = file + ": mode " + octal(status.st_mode);
  const std::string stranger = stranger_on(
      file, Judged::content, {secret.of_service ? d.service_uid.value_or(0) : uid_t{0}});
  if (!stranger.empty() && ::geteuid() == 0) {
    d.report.problem(name, file + " can be changed through " + stranger,
                     "chown root that folder; " + mend_mode(d, secret, file));
    return std::nullopt;
  }
  if ((status.st_mode & 07177U) != 0) {
    d.report.problem(name, mode + ": others may read or change it",
                     mend_mode(d, secret, file) +
                         "; whoever can log in here may have read it: "
                         "change the secret if that is not only you");
    return std::nullopt;
  }
  if (::geteuid() != 0 && status.st_uid != ::geteuid()) {
    d.report.skipped(name, mode + ", of " + user_name(status.st_uid) + "; only root can read it");
    return std::nullopt;
  }
  auto value = read_as_reader(d, secret, file, status.st_uid);
  if (!value) return std::nullopt;
  const std::size_t length = value->reveal().size();
  const std::string found =
      mode + ", of " + user_name(status.st_uid) + ", " + std::to_string(length) + " bytes";
  if (length > secret.most || (length < secret.least && secret.least == crypto::kKeyLength)) {
    d.report.problem(name, found + ", a key has 64", secret.make);
  } else if (length < secret.least) {
    d.report.warning(name, found + ": short enough to be guessed",
                     "make a longer one: head -c 32 /dev/urandom | base64; write it into the file "
                     "and say it to the server by ALTER USER");
  } else {
    d.report.ok(name, found);
  }
  return value;
}

void check_folder(Diagnosis& d) {
  const fs::path folder = fs::path(d.config->secrets_key_file).parent_path();
  struct stat status {};
  if (folder.empty() || ::stat(folder.c_str(), &status) != 0) {
    d.report.skipped("secrets folder",
                     folder.string() + ": " + std::generic_category().message(errno));
    return;
  }
  const std::string found =
      folder.string() + ": mode " + octal(status.st_mode) + ", of " + user_name(status.st_uid);
  const bool trusted = status.st_uid == 0 || status.st_uid == ::geteuid();
  if ((status.st_mode & 0022U) != 0) {
    d.report.problem("secrets folder", found + ": others may put another key in its place",
                     "chmod go-w " + folder.string());
  } else if (!trusted) {
    d.report.problem("secrets folder", found + ": that user may put another key in its place",
                     "chown root " + folder.string());
  } else {
    d.report.ok("secrets folder", found);
  }
}

/// Parameters of argon2id that OWASP's Password Storage Cheat Sheet takes for equal: KiB, passes.
constexpr std::pair<unsigned, unsigned> kOwasp[] = {
    {47104, 1}, {19456, 2}, {12288, 3}, {9216, 4}, {7168, 5}};

void check_hash_cost(Diagnosis& d) {
  const unsigned memory = d.config->password_argon2_memory;
  const unsigned passes = d.config->password_argon2_passes;
  const std::string found =
      "argon2id with " + std::to_string(memory) + " KiB and " + std::to_string(passes) + " passes";
  const bool enough = std::ranges::any_of(
      kOwasp, [&](const auto& row) { return memory >= row.first && passes >= row.second; });
  if (enough) {
    d.report.ok("password hash", found);
  } else {
    d.report.warning("password hash", found + ": cheaper to guess than OWASP advises",
                     "set argon2_memory = 19456 and argon2_passes = 2 in [password]; logins renew "
                     "the hashes");
  }
}

void find_workers(Diagnosis& d) {
  if (!d.may_act_as_service()) return;
  const AsUser eyes(d.service_uid.value_or(::geteuid()));
  try {
    d.workers = list_workers(*d.config);
  } catch (const std::exception& error) {
    d.report.problem("worker table", error.what(),
                     "start all parts as " + d.service_name() +
                         ", and give it what lies in the folders of log and metrics");
    return;
  }
  std::erase_if(*d.workers, [&](const WorkerTable::Worker& worker) {
    return !uses_configuration(worker.pid, d.call.config_file);
  });
  d.report.ok("worker table",
              std::to_string(d.workers->size()) + " running" + " with this configuration");
}

}  // namespace

void check_configuration(Diagnosis& d) {
  const std::string& file = d.call.config_file;
  try {
    d.config = d.call.config();
    d.service_uid = service_user(*d.config);
    d.courier_uid = courier_user(*d.config);
  } catch (const ConfigError& error) {
    d.report.problem("configuration", error.what(),
                     "correct that, then try: users-fcgi --check-config --config " + file);
  }
  if (!d.config) return;
  find_workers(d);
  const auto set = std::ranges::count_if(
      d.config->origins, [](const auto& origin) { return origin.second != "default"; });
  d.report.ok("configuration",
              file + ": " + counted(static_cast<std::uint64_t>(set), "key") + " set, all known");
}

void check_policy(Diagnosis& d) {
  const std::string in_file = " in " + d.call.config_file;
  if (d.config->verification == CodeCheck::format) {
    d.report.warning("verification",
                     "format: any six digits pass as a code, nobody proves a number",
                     "on a site set verification = issued" + in_file);
  } else {
    d.report.ok("verification", "issued");
  }
  if (d.config->session_cookie_secure) {
    d.report.ok("cookie", "goes over HTTPS only");
  } else {
    d.report.warning("cookie", "cookie_secure = no: the session goes over plain HTTP, too",
                     "on a site set cookie_secure = yes in [session]" + in_file);
  }
  check_hash_cost(d);
  if (d.config->log_level == LogLevel::debug) {
    d.report.warning("log level", "debug: a line for every statement fills the disk",
                     "on a site set level = info in [log]" + in_file);
  } else {
    d.report.ok("log level", "info or less");
  }
}

void check_secrets(Diagnosis& d) {
  d.service_password = examine(d, kSecrets[0]);
  d.migration_password = examine(d, kSecrets[1]);
  examine(d, kSecrets[2]);
  if (!d.service_password || !d.migration_password) {
    d.report.skipped("passwords differ", "one of them could not be read");
  } else if (d.service_password->reveal() == d.migration_password->reveal()) {
    d.report.problem("passwords differ",
                     "both accounts have the same: who takes a worker can change the schema",
                     "give database.migration_user another: ALTER USER, and write it into " +
                         d.config->database_migration_password_file);
  } else {
    d.report.ok("passwords differ", "each account has its own");
  }
  check_folder(d);
}

}  // namespace users::ctl
