// users-ctl doctor on the stack: no finding as it is; configuration, secrets and machine.
#include <algorithm>

#include <sys/mount.h>
#include <unistd.h>

#include "ctl/doctor_fixture.hpp"

using namespace users::test;

namespace {

/// Removes what the tests of other kinds left and doctor rightly reports: messages that were given
/// up, passkeys of other domains, and the cheap hashes of the kind issued. Their other accounts
/// stay.
struct NothingToReport {
  NothingToReport() {
    query(
        "DELETE FROM outbox; DELETE FROM factors WHERE rpIdHash <> UNHEX(SHA2('localhost', 256)); "
        "DELETE FROM users WHERE password NOT LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'");
  }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(NothingToReport);

BOOST_FIXTURE_TEST_SUITE(doctor, DoctorFixture)

BOOST_AUTO_TEST_CASE(the_stack_as_it_is_has_no_problem) {
  look();
  BOOST_TEST(status == 0);
  const std::set<std::string> none;
  BOOST_TEST(checks_in_state("problem") == none, boost::test_tools::per_element());
  // The local stack accepts any code, uses HTTP, logs every statement and has no limits by address.
  std::set<std::string> local = checks_in_state("warning");
  local.erase("disk of the log");
  local.erase("disk of the database");
  local.erase("clock");
  const std::set<std::string> explained{"verification", "cookie", "log level", "nginx limits"};
  BOOST_TEST_INFO("also: " << nlohmann::json(local).dump());
  BOOST_TEST(local == explained, boost::test_tools::per_element());
  // No systemd unit starts it.
  for (const auto& name : checks_in_state("skipped")) {
    BOOST_TEST((name == "clock" || name == "units"), name);
  }
  for (const auto& one : rows) {
    const bool wrong = one["state"] == "warning" || one["state"] == "problem";
    BOOST_TEST(one["advice"].get<std::string>().empty() != wrong, one.dump());
    BOOST_TEST(!one["found"].get<std::string>().empty(), one.dump());
  }
}

BOOST_AUTO_TEST_CASE(for_pipes_it_is_a_line_a_check_and_no_secret) {
  const Command done = run_command(command("2>&1"));
  std::istringstream lines(done.output);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    BOOST_TEST(std::ranges::count(line, '\t') == 3, line);
  }
  BOOST_TEST(count > 40);
  for (const char* name : {"key", "service_password", "migration_password"}) {
    const std::string secret = read_file(state + "/secrets/" + name);
    BOOST_TEST_REQUIRE(secret.size() >= 32U);
    BOOST_TEST(!contains(done.output, secret.substr(0, 32)));
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_key_of_the_configuration) {
  const std::string good = config;
  const std::string bad = folder.write("users.conf", "[log]\nlevl = info\n");
  finds(
      {"configuration", "problem", bad + ":2: unknown key log.levl", "users-fcgi --check-config"},
      [&] { config = bad; }, [&] { config = good; });
  config = bad;
  look();
  // The other checks still run.
  BOOST_TEST(row("secrets")["state"].get<std::string>() == "skipped");
  expect_ok("nginx include");
  expect_ok("socket hash");
}

BOOST_AUTO_TEST_CASE(a_configuration_for_development) {
  finds_setting(
      {"password hash", "warning", "64 KiB, which a worker holds", "argon2_memory = 19456"},
      "PASSWORD_ARGON2_MEMORY", "64");
  environment["USERS_FCGI_VERIFICATION"] = "issued";
  environment["USERS_FCGI_SESSION_COOKIE_SECURE"] = "yes";
  environment["USERS_FCGI_LOG_LEVEL"] = "info";
  finds_setting({"verification", "warning", "any six digits", "verification = issued"},
                "VERIFICATION", "format");
  finds_setting({"cookie", "warning", "plain HTTP", "cookie_secure = yes"}, "SESSION_COOKIE_SECURE",
                "no");
  finds_setting({"log level", "warning", "debug", "level = info"}, "LOG_LEVEL", "debug");
}

BOOST_AUTO_TEST_CASE(secrets_that_are_open_missing_short_or_the_same) {
  const std::string key = copy_of("key");
  environment["USERS_FCGI_SECRETS_KEY_FILE"] = key;
  finds(
      {"key", "problem", "is open to others", "chmod 0600 " + key},
      [&] { ::chmod(key.c_str(), 0644); }, [&] { ::chmod(key.c_str(), 0600); });
  finds(
      {"key", "problem", "No such file", "restore the file from the backup"},
      [&] { fs::rename(key, key + ".away"); }, [&] { fs::rename(key + ".away", key); });
  finds_setting({"key", "problem", "5 bytes, a key has 64", "restore the file"}, "SECRETS_KEY_FILE",
                folder.write("short", "short"));
  finds_setting({"database password", "problem", "is empty", "chmod 0600"},
                "DATABASE_PASSWORD_FILE", folder.write("empty", ""));
  finds_setting({"passwords differ", "problem", "both accounts have the same", "ALTER USER"},
                "DATABASE_MIGRATION_PASSWORD_FILE", copy_of("service_password"));
  const std::string within = folder.path();
  finds(
      {"key", "problem", "changed through " + within + ", where anybody may write", "chmod go-w"},
      [&] { ::chmod(within.c_str(), 0777); }, [&] { ::chmod(within.c_str(), 0700); });
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_none_or_cannot_be_written) {
  const std::string logs = folder.path() / "logs";
  finds_setting({"log folder", "problem", "is not a folder", "install -d"}, "LOG_DIRECTORY",
                folder.write("file", ""));
  finds_setting({"metrics folder", "problem", "is not a folder", "metrics.file"}, "METRICS_FILE",
                folder.write("file", "").string() + "/metrics");
  const std::string key = copy_of("key");
  environment["USERS_FCGI_SECRETS_KEY_FILE"] = key;
  environment["USERS_FCGI_LOG_DIRECTORY"] = logs;
  fs::create_directory(logs);
  constexpr uid_t kNobody = 65534;
  const Mend closed = open_folder();
  if (::geteuid() == 0) {
    // Root can write anywhere, so it must be another user with access to the folder.
    for (const std::string& path : {logs, key}) {
      BOOST_TEST_REQUIRE(::chown(path.c_str(), kNobody, kNobody) == 0);
    }
  }
  finds(
      {"log folder", "problem", "cannot be written by", "install -d -m 0750 -o "},
      [&] { ::chmod(logs.c_str(), 0500); }, [&] { ::chmod(logs.c_str(), 0750); });
}

BOOST_AUTO_TEST_CASE(a_command_for_messages_that_cannot_send) {
  const auto setting = [&](const Fault& fault, const std::string& value) {
    finds_setting(fault, "SMS_COMMAND", value);
  };
  setting({"sms command", "problem", "/nowhere/send does not exist", "set command in [sms]"},
          "/nowhere/send");
  setting({"sms command", "problem", "cannot be run", "chmod 0755"}, folder.write("send", ""));
  setting({"sms command", "warning", "sends none", "set command in [sms]"},
          fs::absolute("conf/send-sms/spool"));

  environment["USERS_FCGI_SMS_COMMAND"] = fs::absolute("conf/send-sms/twilio");
  const std::string secret = folder.write("token", "0123456789abcdef");
  const std::string settings =
      folder.write("send-sms.conf", "# mine\ntwilio_secret_file = " + secret + "\n");
  environment["SEND_SMS_CONF"] = settings;
  finds(
      {"sms settings", "problem", "cannot be read", "SEND_SMS_CONF"},
      [&] { fs::rename(settings, settings + ".away"); },
      [&] { fs::rename(settings + ".away", settings); });
  finds(
      {"sms settings", "problem", "open to others", "chmod 0600 " + secret},
      [&] { ::chmod(secret.c_str(), 0644); }, [&] { ::chmod(secret.c_str(), 0600); });
  finds(
      {"sms settings", "problem", "missing", "provider's secret"},
      [&] { fs::rename(secret, secret + ".away"); }, [&] { fs::rename(secret + ".away", secret); });
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_full) {
  const fs::path disk = folder.path() / "disk";
  fs::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m,mode=0700") != 0) {
    BOOST_TEST_MESSAGE("not tried: only root with the right to mount can fill a disk of its own");
    return;
  }
  const Mend unmounted([&] { ::umount2(disk.c_str(), MNT_DETACH); });
  environment["USERS_FCGI_LOG_DIRECTORY"] = disk;
  finds(
      {"disk of the log", "problem", "0 % of the space free", "du "},
      [&] { std::ofstream(disk / "big") << std::string(std::size_t{2} << 20U, 'x'); },
      [&] { fs::remove(disk / "big"); });
  finds(
      {"disk of the log", "warning", "% of the space free", "du "},
      [&] { std::ofstream(disk / "big") << std::string(std::size_t{960} << 10U, 'x'); },
      [&] { fs::remove(disk / "big"); });
}

BOOST_AUTO_TEST_CASE(a_part_that_runs_as_another_user_than_the_secrets_owner) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("not tried: only root can give a file away");
    return;
  }
  const std::string key = state + "/secrets/key";
  constexpr uid_t kNobody = 65534;
  finds(
      {"worker table", "problem", "Permission denied", "start all parts as nobody"},
      [&] { BOOST_TEST_REQUIRE(::chown(key.c_str(), kNobody, static_cast<gid_t>(-1)) == 0); },
      [&] { BOOST_TEST_REQUIRE(::chown(key.c_str(), ::geteuid(), static_cast<gid_t>(-1)) == 0); });
}

BOOST_AUTO_TEST_CASE(another_user_is_told_what_only_root_can_see) {
  const std::string nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
  if (::geteuid() != 0 || run_command(nobody + "test -x \"$BIN\"/users-ctl").status != 0) {
    BOOST_TEST_MESSAGE("not tried: only root can be another user, who must reach the programs");
    return;
  }
  // As on a site, where everyone can read the configuration.
  const Mend closed([&] {
    fs::permissions(state, fs::perms{0700});
    fs::permissions(config, fs::perms{0600});
  });
  fs::permissions(state, fs::perms{0711});
  fs::permissions(config, fs::perms{0644});
  const Command done = run_command(nobody + command("--json 2>/dev/null"));
  rows = nlohmann::json::parse(done.output, nullptr, false);
  BOOST_TEST_REQUIRE(rows.is_array(), done.output);
  BOOST_TEST(done.status == 0);
  for (const char* check : {"key", "database", "log folder", "nginx configuration", "courier"}) {
    BOOST_TEST(row(check)["state"].get<std::string>() == "skipped", check);
  }
}

BOOST_AUTO_TEST_CASE(it_takes_no_argument_and_no_other_option) {
  BOOST_TEST(run_command(command("now 2>&1")).status == 64);
  BOOST_TEST(run_command(command("--check 2>&1")).status == 64);
}

BOOST_AUTO_TEST_SUITE_END()
