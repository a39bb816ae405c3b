// users-ctl doctor on the shipped systemd units: what their restrictions break.
#include <fstream>

#include "ctl/doctor_fixture.hpp"

using namespace users::test;

namespace {

/// The shipped units, started with the stack's configuration.
struct Units : DoctorFixture {
  Units() {
    run_script("cp conf/systemd/*.service '" + folder.path().string() + "'");
    environment["SYSTEMD_UNIT_PATH"] = folder.path();
    // Makes the configuration visible to the units, wherever the tests' folder is.
    edit("users-fcgi-.service", "[Service]\nBindReadOnlyPaths=" + folder.path().string() + "\n",
         "00-configuration.conf");
    // No unit sees the real /tmp, which holds the stack's sockets.
    settle(R"([database]
hosts = /run/mysqld/mysqld.sock
password_file = /etc/users-fcgi/database_password
[secrets]
key_file = /etc/users-fcgi/key
[log]
directory = /var/log/users
[metrics]
file = /run/users-fcgi-metrics/metrics
[sms]
command = /usr/share/users-fcgi/send-sms/webhook
)");
  }

  /// Sets the units' configuration.
  void settle(const std::string& text) {
    config = folder.write("users.conf", text);
    run_script("sed -i 's|--config [^ ]*|--config " + config + "|' '" + folder.path().string() +
               "'/*.service");
  }
  /// Writes a drop-in, like systemctl edit.
  void edit(const std::string& unit, const std::string& text,
            const std::string& name = "override.conf") const {
    const auto drop_ins = folder.path() / (unit + ".d");
    std::filesystem::create_directory(drop_ins);
    std::ofstream(drop_ins / name) << text;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(doctor_units, Units)

BOOST_AUTO_TEST_CASE(the_paths_of_the_package_are_within_reach) {
  look();
  for (const char* unit :
       {"unit users-fcgi-hash", "unit users-fcgi-fast", "unit users-fcgi-courier"}) {
    expect_ok(unit);
  }
}

BOOST_AUTO_TEST_CASE(the_configuration_counts_and_what_the_operator_adds_to_the_units) {
  settle("[log]\ndirectory = /srv/users-log\n[metrics]\nfile = /run/users-fcgi-metrics/metrics\n");
  const std::string edited = "[Service]\nReadWritePaths=-/srv/users-log\n";
  for (const char* unit : {"users-fcgi-hash", "users-fcgi-fast"}) {
    look();
    expect({std::string("unit ").append(unit).c_str(), "problem",
            "(log.directory, " + config + ":2)", "ReadWritePaths=/srv/users-log"});
    edit(std::string(unit) + ".service", edited);
  }
  look();
  expect_ok("unit users-fcgi-hash");
  expect_ok("unit users-fcgi-fast");
  // It logs elsewhere.
  expect_ok("unit users-fcgi-courier");

  // Other spellings, and a line that resets the list.
  edit("users-fcgi-.service",
       "[Unit]\nReadWritePaths=/\n[Service]\n  ReadWritePaths = -/opt \\\n# or\n  "
       "\"/srv\"\n",
       "10-all.conf");
  edit("users-fcgi-fast.service", "[Service]\nWORKERS=2\n");
  look();
  expect_ok("unit users-fcgi-fast");
  edit("users-fcgi-fast.service", "[Service]\nProtectSystem=full\nReadWritePaths=\n");
  look();
  expect_ok("unit users-fcgi-fast");
  edit("users-fcgi-fast.service", "[Service]\nReadWritePaths=\nProtectSystem=strict\n");
  look();
  expect({"unit users-fcgi-fast", "problem", "ProtectSystem=strict", "ReadWritePaths"});
}

struct Drop {
  const char* lines;            ///< of a drop-in
  const char* folder;           ///< the log folder
  const char* found = nullptr;  ///< null: no finding
  const char* advice = "";
};

// As in systemd.exec(5).
constexpr Drop kDrops[] = {
    {"", "/srv/users-log",
     "ProtectSystem=strict keeps it from writing to /srv/users-log (log.directory, ",
     "systemctl edit users-fcgi-fast, write [Service] and ReadWritePaths=/srv/users-log"},
    {"", "/var/log/../../home/log", "ProtectHome=yes hides ", "elsewhere"},
    {"Environment=\"USERS_FCGI_METRICS_FILE=/var/lib/metrics/users\"", "/var/log/users",
     "writing to /var/lib/metrics (metrics.file, ", "ReadWritePaths=/var/lib/metrics"},
    {"Environment=USERS_FCGI_METRICS_FILE=/tmp/users-metrics", "/var/log/users",
     "PrivateTmp=yes hides /tmp (metrics.file, ", "elsewhere"},
    {"Environment=USERS_FCGI_SECRETS_KEY_FILE=/root/key", "/var/log/users",
     "ProtectHome=yes hides /root/key (secrets.key_file, ",
     "set secrets.key_file to a path elsewhere: users-fcgi-fast sees nothing there"},
    {"Environment=USERS_FCGI_DATABASE_PASSWORD_FILE=/home/ann/password", "/var/log/users",
     "ProtectHome=yes hides ", "elsewhere"},
    {"Environment=USERS_FCGI_DATABASE_HOSTS=db1,/tmp/mysql.sock", "/var/log/users",
     "PrivateTmp=yes hides /tmp/mysql.sock (database.hosts, ", "elsewhere"},
    {"ProtectHome=TRUE", "/home/x", "ProtectHome=yes hides /home/x"},
    {"ProtectHome=y", "/home/x", "ProtectHome=yes hides /home/x"},
    {"PrivateTmp=Yes", "/tmp/x", "PrivateTmp=yes hides /tmp/x"},
    {"PrivateTmp=no\nReadWritePaths=-/tmp", "/tmp/x"},
    {"ProtectHome=no", "/home/x"},
    {"ProtectHome=no", "/root/x"},
    {"ProtectHome=read-only", "/home/x", "ProtectHome=read-only keeps it from writing"},
    {"ProtectHome=no\nProtectSystem=no\nDynamicUser=yes", "/home/x",
     "ProtectHome=read-only keeps it"},
    {"ProtectSystem=no\nDynamicUser=yes\nReadWritePaths=-/srv", "/srv/x"},
    // A hidden folder hides its content.
    {"ReadWritePaths=-/home/x", "/home/x", "ProtectHome=yes hides /home/x"},
    {"InaccessiblePaths=-/srv\nReadWritePaths=-/srv/x", "/srv/x", "InaccessiblePaths hides"},
    {"InaccessibleDirectories=-/srv", "/srv/x", "InaccessibleDirectories hides"},
    {"ReadWritePaths=-/tmp/x", "/tmp/x", "PrivateTmp=yes hides"},
    {"TemporaryFileSystem=/srv:ro", "/srv/x", "TemporaryFileSystem hides"},
    {"ProtectHome=tmpfs\nBindPaths=/home/x", "/home/x"},
    {"BindPaths=/var/lib/elsewhere:/srv/x:norbind", "/srv/x"},
    {"BindReadOnlyPaths=/srv/x", "/srv/x", "BindReadOnlyPaths keeps it from writing"},
    {"ReadWritePaths=%L/other", "/var/log/other", "ReadWritePaths=/var/log/other is not there"},
    {"ReadWritePaths=-%L/other", "/var/log/other"},
    {"ReadWritePaths=-%S", "/var/lib/x"},
    {"StateDirectory=x", "/var/lib/x"},
    {"ReadOnlyDirectories=-/var/log", "/var/log/users"},
    {"ReadWritePaths=-/srv\nReadOnlyPaths=-/srv/x", "/srv/x", "ReadOnlyPaths keeps it"},
    {"ProtectSystem=bogus", "/srv/x", "ProtectSystem=strict keeps it"},
    {"ProtectSystem=full", "/srv/x"},
    {"ProtectSystem=full", "/etc/x", "ProtectSystem=full keeps it"},
    {"ProtectSystem=no", "/usr/x"},
    {"ReadWritePaths=/srv/typo", "/var/log/users", "ReadWritePaths=/srv/typo is not there"},
};

BOOST_AUTO_TEST_CASE(a_unit_is_read_as_systemd_reads_it) {
  for (const Drop& drop : kDrops) {
    BOOST_TEST_CONTEXT(drop.lines << ", " << drop.folder) {
      // The environment of the unit's processes, not of whoever runs users-ctl.
      edit("users-fcgi-fast.service", std::string("[Service]\n") + drop.lines +
                                          "\nEnvironment=USERS_FCGI_LOG_DIRECTORY=" + drop.folder +
                                          "\n");
      look();
      expect_ok("unit users-fcgi-hash");
      if (drop.found == nullptr) {
        expect_ok("unit users-fcgi-fast");
      } else {
        expect({"unit users-fcgi-fast", "problem", drop.found, drop.advice});
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(of_what_the_unit_sets_twice_the_last_counts) {
  const std::string own = "[Service]\nEnvironment=USERS_FCGI_SECRETS_KEY_FILE=%d/key\n";
  const std::string other = "Environment=USERS_FCGI_SECRETS_KEY_FILE=/root/key\n";
  edit("users-fcgi-fast.service", own);
  look();
  expect_ok("unit users-fcgi-fast");
  edit("users-fcgi-fast.service", own + other);
  look();
  expect({"unit users-fcgi-fast", "problem", "ProtectHome=yes hides /root/key", ""});
  const std::string file =
      folder.write("environment", "# mine\nUSERS_FCGI_LOG_DIRECTORY=\"/srv/x\"\n");
  edit("users-fcgi-fast.service", "[Service]\nEnvironmentFile=-" + file + "\n");
  look();
  expect({"unit users-fcgi-fast", "problem", "writing to /srv/x", ""});
  edit("users-fcgi-fast.service", "[Service]\nRootDirectory=/srv/root\n");
  look();
  expect({"unit users-fcgi-fast", "skipped", "RootDirectory gives it other files", ""});
}

BOOST_AUTO_TEST_CASE(a_command_for_messages_that_the_courier_does_not_see) {
  edit("users-fcgi-courier.service", "[Service]\nEnvironment=USERS_FCGI_SMS_COMMAND=/root/send\n");
  look();
  expect({"unit users-fcgi-courier", "problem", "ProtectHome=yes hides /root/send (sms.command, ",
          "elsewhere"});
  edit("users-fcgi-courier.service",
       "[Service]\nEnvironment=USERS_FCGI_SMS_COMMAND=/root/send\nProtectHome=read-only\n");
  look();
  expect_ok("unit users-fcgi-courier");
}

BOOST_AUTO_TEST_CASE(units_of_another_configuration_tell_nothing) {
  environment["SYSTEMD_UNIT_PATH"] = "conf/systemd";
  look();
  expect({"units", "skipped", "no unit of systemd starts with " + config, ""});
}

BOOST_AUTO_TEST_SUITE_END()
