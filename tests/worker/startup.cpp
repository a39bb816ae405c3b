// What a worker prints and returns after a wrong start, and when asked for information.
#include <chrono>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/stack.hpp"
#include "support/text.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

constexpr int kUsage = 64;   // EX_USAGE
constexpr int kConfig = 78;  // EX_CONFIG

// Connecting to the broadcast address fails at once.
const std::string kRemote = "USERS_FCGI_DATABASE_HOSTS=127.0.0.1,255.255.255.255:1";
const std::string kWarning =
    "database.tls = off: the login to 255.255.255.255:1, phones and password hashes cross the "
    "network in the clear; set tls = verify and tls_ca in [database]";

bool is_one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == text.size() - 1;
}

/// A folder with a configuration, and a way to start a worker with it.
struct Start {
  explicit Start(std::string_view more = {})
      : config(write_worker_config(directory, more).string()) {}

  [[nodiscard]] std::string file(const char* name) const {
    return (directory.path() / name).string();
  }
  [[nodiscard]] WorkerEnd check(const std::vector<std::string>& environment = {}) const {
    return run_worker({"--config", config, "--check-config"}, environment);
  }
  [[nodiscard]] WorkerEnd run() const {
    const ListeningSocket socket(file("worker.sock"));
    return run_worker({"--config", config}, {}, socket.descriptor());
  }

  TemporaryDirectory directory;
  std::string config;
};

/// Checks that the configuration is refused in one line that starts with `said` after the file's
/// name and shows no secret. A start reads it the same way, see below.
void check_refused(const Start& start, const std::string& said) {
  const WorkerEnd end = start.check();
  BOOST_TEST(end.status == kConfig);
  BOOST_TEST(is_one_line(end.errors), end.errors);
  BOOST_TEST(end.errors.starts_with("users-fcgi: " + start.config + said), end.errors);
  BOOST_TEST(!contains(end.errors, "planted"), end.errors);
  BOOST_TEST(end.output == "");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(startup)

BOOST_AUTO_TEST_CASE(a_good_configuration_passes_the_check) {
  const Start start;
  const WorkerEnd end = start.check();
  BOOST_TEST(end.status == 0);
  BOOST_TEST(end.output == start.config + ": the configuration is good\n");
  BOOST_TEST(end.errors == "");
  BOOST_TEST(!std::filesystem::exists(start.file("log")));
}

// Otherwise a process manager would restart it two thousand times a second.
BOOST_AUTO_TEST_CASE(a_start_is_refused_as_its_check_is_and_takes_a_second,
                     *boost::unit_test::label("deep")) {
  using Clock = std::chrono::steady_clock;
  constexpr int kStarts = 4;
  const Start starts[kStarts] = {Start("log.level = info"), Start("verificaton = format"),
                                 Start("database.tls = verify\ndatabase.tls_ca = /etc"), Start()};
  std::filesystem::remove(starts[kStarts - 1].file("key"));
  WorkerEnd ends[kStarts];
  const auto began = Clock::now();
  in_parallel(kStarts, kStarts, [&](int i) { ends[i] = starts[i].run(); });
  BOOST_TEST((Clock::now() - began >= std::chrono::seconds(1)));
  for (int i = 0; i < kStarts; ++i) {
    BOOST_TEST(ends[i].status == kConfig);
    BOOST_TEST(is_one_line(ends[i].errors), ends[i].errors);
    BOOST_TEST(ends[i].errors == starts[i].check().errors);
  }
}

BOOST_AUTO_TEST_CASE(a_bad_line_is_refused_with_its_number_and_what_is_expected) {
  for (const auto& [lines, said] :
       {std::pair("\nverificaton = format", ":8: unknown key verificaton"),
        {"# a comment\npassword.min_length = 7",
         ":8: password.min_length expects a whole number from 8 to 15, not '7'\n"},
        {"log.level = info", ":7: log.level is set twice\n"},
        {"planned for later", ":7: expected key = value"},
        {"database.tls_ca = /etc\ndatabase.tls = verify", ":7: database.tls_ca: /etc "}}) {
    BOOST_TEST_CONTEXT(lines) {
      check_refused(Start(lines), said);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_missing_configuration_is_refused, *boost::unit_test::label("deep")) {
  const WorkerEnd end = run_worker({"--config", "/nonexistent/users.conf"});
  BOOST_TEST(end.status == kConfig);
  BOOST_TEST(end.errors ==
             "users-fcgi: /nonexistent/users.conf: cannot be read (No such file or directory); "
             "name the file with --config\n");
}

BOOST_AUTO_TEST_CASE(a_secret_that_is_missing_empty_or_open_to_others_is_refused) {
  for (const auto& [name, key] : {std::pair("database_password", ":2: database.password_file: "),
                                  {"key", ":3: secrets.key_file: "}}) {
    const Start start;
    const std::string file = start.file(name);
    BOOST_TEST_REQUIRE(::chmod(file.c_str(), 0644) == 0);
    check_refused(start, key + file + " is open to others: chmod 0600 it\n");
    std::filesystem::remove(file);
    check_refused(start, key + file + " cannot be opened: No such file or directory\n");
  }
  const Start start;
  (void)start.directory.write("database_password", "");
  check_refused(start, ":2: database.password_file: " + start.file("database_password") +
                           " is empty: write the secret into it\n");
}

BOOST_AUTO_TEST_CASE(a_key_of_another_length_than_the_one_made_is_refused) {
  for (const std::size_t size : {31U, 32U, 63U, 65U}) {
    const Start start;
    (void)start.directory.write("key", "planted" + std::string(size - 7, 'k'));
    check_refused(start, ":3: secrets.key_file: " + start.file("key") + " holds " +
                             std::to_string(size) + " bytes, a key has 64");
  }
  const Start start;
  (void)start.directory.write("key", std::string(64, 'k') + "\n");
  BOOST_TEST(start.check().status == 0);
}

BOOST_AUTO_TEST_CASE(a_ca_file_that_is_of_no_use_is_refused) {
  const std::string advice =
      "; name the PEM file of the CA that signs the database's certificate\n";
  for (const auto& [content, what] :
       {std::pair("", " cannot be read: No such file or directory"),
        std::pair("planted junk", " holds no certificate"),
        std::pair("-----BEGIN CERTIFICATE REQUEST-----", " holds no certificate")}) {
    const TemporaryDirectory directory;
    const std::string ca = (directory.path() / "ca.pem").string();
    if (*content != '\0') (void)directory.write("ca.pem", content);
    const Start start("database.tls_ca = " + ca + "\ndatabase.tls = verify");
    check_refused(start, ":7: database.tls_ca: " + ca + what + advice);
    const Start off("database.tls_ca = " + ca);
    BOOST_TEST(off.check().status == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_remote_database_without_tls_is_warned_of) {
  const Start start;
  const WorkerEnd end = start.check({kRemote});
  BOOST_TEST(end.status == 0);
  BOOST_TEST(end.errors == "users-fcgi: warning: " + kWarning + "\n");
  const WorkerProcess worker({.environment = {kRemote}});
  BOOST_TEST(contains(worker.log(), "WARNING [-] " + kWarning), worker.log());
}

BOOST_AUTO_TEST_CASE(a_database_on_this_machine_or_with_tls_is_not_warned_of) {
  const TemporaryDirectory directory;
  const auto ca = directory.write("ca.pem", "-----BEGIN CERTIFICATE-----").string();
  for (const std::vector<std::string>& environment :
       {std::vector<std::string>{
            "USERS_FCGI_DATABASE_HOSTS=/run/db.sock,localhost:3307,localhost,127.1.2.3:3306"},
        {kRemote, "USERS_FCGI_DATABASE_TLS=verify", "USERS_FCGI_DATABASE_TLS_CA=" + ca}}) {
    const WorkerEnd end = Start().check(environment);
    BOOST_TEST(end.status == 0);
    BOOST_TEST(end.errors == "");
  }
}

BOOST_AUTO_TEST_CASE(the_environment_overrides_the_file) {
  const WorkerProcess quiet({.environment = {"USERS_FCGI_LOG_LEVEL=error"}});
  BOOST_TEST(!contains(quiet.log(), "worker started"));
  const WorkerProcess talkative;
  BOOST_TEST(contains(talkative.log(), "worker started"));
}

BOOST_AUTO_TEST_CASE(the_configuration_in_force_is_printed_and_can_be_read_back) {
  const Start start("phone.default_region = DE");
  const WorkerEnd printed =
      run_worker({"--config", start.config, "--print-config"}, {"USERS_FCGI_SESSION_IDLE_DAYS=3"});
  BOOST_TEST(printed.status == 0);
  BOOST_TEST(printed.errors == "");
  for (const std::string& line :
       {std::string("\nidle_days = 3  # environment USERS_FCGI_SESSION_IDLE_DAYS\n"),
        "\ndefault_region = DE  # " + start.config + ":7\n",
        std::string("\nmin_length = 8  # default\n")}) {
    BOOST_TEST(contains(printed.output, line), printed.output);
  }
  for (const std::string_view secret : {kDatabasePassword, kHashingKey}) {
    BOOST_TEST(!contains(printed.output, secret));
  }
  (void)start.directory.write("users.conf", printed.output);
  const WorkerEnd again = run_worker({"--config", start.config, "--print-config"});
  BOOST_TEST(contains(again.output, "\nidle_days = 3  # " + start.config + ":"));
  BOOST_TEST(start.check().status == 0);
}

BOOST_AUTO_TEST_CASE(a_bad_value_or_an_unknown_name_in_the_environment_is_refused) {
  for (const auto& [entry, said] :
       {std::pair("LEVEL=loud",
                  "LEVEL: log.level expects one of: debug info warning error, not 'loud'\n"),
        {"LEVLE=info", "LEVLE: no key of this name\n"}}) {
    const WorkerEnd end = Start().check({"USERS_FCGI_LOG_" + std::string(entry)});
    BOOST_TEST(end.status == kConfig);
    BOOST_TEST(end.errors == "users-fcgi: environment USERS_FCGI_LOG_" + std::string(said));
  }
}

BOOST_AUTO_TEST_CASE(wrong_usage_is_64_in_one_line) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--verbose"},
                                                    {"--config"},
                                                    {"--check-config=yes"},
                                                    {"start"},
                                                    {"-x"}}) {
    const WorkerEnd end = run_worker(arguments);
    BOOST_TEST_CONTEXT(arguments[0]) {
      BOOST_TEST(end.status == kUsage);
      BOOST_TEST(is_one_line(end.errors), end.errors);
      BOOST_TEST(contains(end.errors, "see users-fcgi --help"), end.errors);
    }
  }
}

BOOST_AUTO_TEST_CASE(standard_input_must_be_a_listening_socket) {
  const Start start;
  const std::vector<std::string> arguments{"--config", start.config};
  int pair[2];
  BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  // Without a socket, standard input is /dev/null.
  for (const int input : {-1, pair[0]}) {
    const WorkerEnd end = run_worker(arguments, {}, input);
    BOOST_TEST(end.status == kUsage);
    BOOST_TEST(end.errors ==
               "users-fcgi: standard input is no listening socket: start it with spawn-fcgi; see "
               "users-fcgi --help\n");
  }
  for (const int end : pair) ::close(end);
}

BOOST_AUTO_TEST_CASE(help_and_version_need_no_configuration) {
  for (const auto& [option, said] : {std::pair("--help", "users-fcgi: a FastCGI worker"),
                                     {"--version", "users-fcgi " USERS_FCGI_VERSION "\n"}}) {
    const WorkerEnd end = run_worker({option});
    BOOST_TEST(end.status == 0);
    BOOST_TEST(end.output.starts_with(said), end.output);
    BOOST_TEST(end.errors == "");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
