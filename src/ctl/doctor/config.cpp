// doctor: the configuration, settings that are only for development, and the secrets.
#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "base/crypto.hpp"
#include "ctl/doctor/doctor.hpp"
#include "ctl/system.hpp"
#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

struct SecretFile {
  const char* key;  ///< of the configuration
  std::string Config::*file;
  bool is_of_service;  ///< workers and courier read it, otherwise only the operator does
};

/// Reads it into `value` if that is safe.
Finding judge_secret(const Diagnosis& d, const SecretFile& secret, std::optional<Secret>& value) {
  constexpr std::size_t kShortestPassword = 16;
  const bool is_key = secret.file == &Config::secrets_key_file;
  const std::string make =
      is_key ? "restore the file from the backup; only for a new service let users-ctl setup make "
               "one (a new key voids every session and code)"
             : "write the account's password into it, or let users-ctl setup set a new one";
  const std::string& file = (*d.config).*secret.file;
  const auto owner = secret.is_of_service ? d.service_uid : std::optional<uid_t>(0);
  const std::string mend = "chown " + word_for(owner) + " " + file + " && chmod 0600 " + file;
  const std::string stranger = stranger_on(file, Judged::content, {owner.value_or(0)});
  if (!stranger.empty()) {
    return problem(file + " can be changed through " + stranger,
                   "let only root write there: chown root and chmod go-w; then " + mend);
  }
  try {
    // With the rights of the user who reads it in production.
    const AsUser reader(owner.value_or(0));
    value = read_secret_file(file);
  } catch (const std::runtime_error& error) {
    const int reason = ::access(file.c_str(), R_OK) == 0 ? 0 : errno;
    if (reason == EACCES && ::geteuid() != 0) return skipped(file + ": only root can read it");
    return problem(
        file + " " + error.what() + " (" + d.config->origins.find(secret.key)->second + ")",
        reason == ENOENT ? make + "; then " + mend
                         : "as root: " + mend + "; if others could read it, change the secret");
  }
  const std::size_t length = value->reveal().size();
  const std::string found = file + ": " + std::to_string(length) + " bytes";
  if (is_key && length != crypto::kKeyLength) return problem(found + ", a key has 64", make);
  if (length >= kShortestPassword) return ok(found);
  return warning(found + ": short enough to be guessed",
                 "make a longer one: head -c 32 /dev/urandom | base64; write it into the file, and "
                 "set it on the server with ALTER USER");
}

Finding judge_passwords(const Diagnosis& d) {
  if (!d.service_password || !d.migration_password) {
    return skipped("one of them could not be read");
  }
  if (d.service_password->reveal() != d.migration_password->reveal()) {
    return ok("each account has its own");
  }
  return problem("both accounts have the same: an attacker in a worker could change the schema",
                 "give database.migration_user another: ALTER USER, and write it into " +
                     d.config->database_migration_password_file);
}

Finding judge_hash_cost(const Config& config) {
  // Equal in OWASP's Password Storage Cheat Sheet: KiB, passes.
  constexpr std::pair<unsigned, unsigned> kOwasp[] = {
      {47104, 1}, {19456, 2}, {12288, 3}, {9216, 4}, {7168, 5}};
  const unsigned memory = config.password_argon2_memory;
  const unsigned passes = config.password_argon2_passes;
  const std::string found = "argon2id with " + std::to_string(memory) +
                            " KiB, which a worker holds while it hashes, and " +
                            std::to_string(passes) + " passes";
  const bool is_enough = std::ranges::any_of(
      kOwasp, [&](const auto& row) { return memory >= row.first && passes >= row.second; });
  if (is_enough) return ok(found);
  return warning(found + ": cheaper to guess than OWASP advises",
                 "set argon2_memory = 19456 and argon2_passes = 2 in [password]");
}

void find_workers(Diagnosis& d) {
  if (!may_act_as(d.service_uid)) return;
  const AsUser eyes(d.service_uid.value_or(::geteuid()));
  try {
    d.workers = list_workers(*d.config);
  } catch (const std::exception& error) {
    return d.add("worker table", problem(error.what(), start_all_as(d.service_uid)));
  }
  std::erase_if(*d.workers, [&](const WorkerTable::Worker& worker) {
    return !uses_configuration(worker.pid, d.call.config_file);
  });
  d.add("worker table", ok(std::to_string(d.workers->size()) + " running with this configuration"));
}

}  // namespace

void check_configuration(Diagnosis& d) {
  const std::string& file = d.call.config_file;
  try {
    d.config = d.call.config();
  } catch (const ConfigError& error) {
    return d.add("configuration", problem(error.what(),
                                          "correct that, then run: users-fcgi "
                                          "--check-config --config " +
                                              file));
  }
  d.service_uid = service_user(*d.config);
  d.courier_uid = courier_user(*d.config);
  find_workers(d);
  const auto set = std::ranges::count_if(
      d.config->origins, [](const auto& origin) { return origin.second != "default"; });
  d.add("configuration",
        ok(file + ": " + counted(static_cast<std::uint64_t>(set), "key") + " set, all known"));
}

void check_policy(Diagnosis& d) {
  const Config& config = *d.config;
  const std::string in_file = " in " + d.call.config_file;
  d.add("verification", config.verification != CodeCheck::format
                            ? ok("issued")
                            : warning("format: any six digits pass as a code",
                                      "on a site set verification = issued" + in_file));
  d.add("cookie", config.session_cookie_secure
                      ? ok("sent over HTTPS only")
                      : warning("cookie_secure = no: the session is also sent over plain HTTP",
                                "on a site set cookie_secure = yes in [session]" + in_file));
  d.add("password hash", judge_hash_cost(config));
  d.add("log level", config.log_level != LogLevel::debug
                         ? ok("info or less")
                         : warning("debug: a line for every statement fills the disk",
                                   "on a site set level = info in [log]" + in_file));
}

void check_secrets(Diagnosis& d) {
  std::optional<Secret> key;
  const SecretFile service{"database.password_file", &Config::database_password_file, true};
  const SecretFile migration{"database.migration_password_file",
                             &Config::database_migration_password_file, false};
  const SecretFile key_file{"secrets.key_file", &Config::secrets_key_file, true};
  d.add("database password", judge_secret(d, service, d.service_password));
  d.add("migration password", judge_secret(d, migration, d.migration_password));
  d.add("key", judge_secret(d, key_file, key));
  d.add("passwords differ", judge_passwords(d));
}

}  // namespace users::ctl
