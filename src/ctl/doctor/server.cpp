// doctor: a database server's settings, its clock, and how the session reaches it.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>

#include "ctl/doctor/doctor.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

struct Variable {
  std::string name;
  std::string value;
};
const db::Query<Variable()> server_variables{
    "server_variables",
    "SELECT",
    {{"LOWER(VARIABLE_NAME)", &Variable::name}, {"VARIABLE_VALUE", &Variable::value}},
    "FROM information_schema.GLOBAL_VARIABLES"};

struct SessionFacts {
  std::string account;
  std::string clock;  ///< seconds since 1970
  std::string character_set;
  std::string cipher;  ///< empty: no TLS
};
const db::Query<SessionFacts()> session_facts{
    "session_facts",
    "SELECT",
    {{"CURRENT_USER()", &SessionFacts::account},
     {"CAST(UNIX_TIMESTAMP(NOW(6)) AS CHAR)", &SessionFacts::clock},
     {"@@character_set_database", &SessionFacts::character_set},
     {"(SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = "
      "'SSL_CIPHER')",
      &SessionFacts::cipher}},
    ""};

constexpr unsigned kSpareConnections = 10;  // for users-ctl, backups and the operator
constexpr double kSkewWarning = 2;          // seconds
constexpr double kSkewProblem = 30;         // seconds: a code lives 600

unsigned long long number_of(std::string_view text) {
  unsigned long long number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_off(std::string_view value) {
  return value == "OFF" || value == "0";
}

/// A row of settings: what is good, and what follows where it is not.
struct Setting {
  const char* name;
  bool (*good)(std::string_view value);
  const char* why;
  const char* line;  ///< for the server's option file
  State state;       ///< what it is where it is not good
  bool dynamic;      ///< SET GLOBAL changes it
};

constexpr Setting kSettings[] = {
    // 3 is 1 with an older way of group commit (MariaDB manual, innodb_flush_log_at_trx_commit).
    {"innodb_flush_log_at_trx_commit",
     [](std::string_view value) { return value == "1" || value == "3"; },
     "a crash loses registrations that were acknowledged", "innodb_flush_log_at_trx_commit = 1",
     State::problem, true},
    {"innodb_doublewrite", [](std::string_view value) { return !is_off(value); },
     "a crash in the middle of a page's write destroys it", "innodb_doublewrite = ON",
     State::problem, false},
    {"read_only", is_off, "nothing can be written", "read_only = OFF", State::problem, true},
    {"innodb_read_only", is_off, "nothing can be written", "innodb_read_only = OFF", State::problem,
     false},
    {"wait_timeout", [](std::string_view value) { return number_of(value) >= 60; },
     "the workers' idle connections are closed again and again", "wait_timeout = 28800",
     State::warning, true},
    {"general_log", is_off, "every statement, phones and hashes included, is written to a file",
     "general_log = OFF", State::warning, true},
};

constexpr Setting kBinaryLog = {"sync_binlog",
                                [](std::string_view value) { return value == "1"; },
                                "a crash leaves replicas with other rows than this server",
                                "sync_binlog = 1",
                                State::problem,
                                true};

void add(Diagnosis& d, const Setting& setting, const std::string& host, const std::string& value) {
  const std::string found = host + ": " + setting.name + " = " + value;
  if (setting.good(value)) {
    d.report.ok(setting.name, found);
    return;
  }
  const std::string line =
      std::string("the line ") + setting.line + " under [mariadbd] in /etc/mysql/mariadb.conf.d/";
  const std::string advice = setting.dynamic
                                 ? std::string("SET GLOBAL ") + setting.line + "; and " + line
                                 : line + ", then systemctl restart mariadb";
  const std::string what = found + ": " + setting.why;
  if (setting.state == State::problem) {
    d.report.problem(setting.name, what, advice);
  } else {
    d.report.warning(setting.name, what, advice);
  }
}

void check_settings(Diagnosis& d, const Variables& variables, const std::string& host) {
  const auto value = [&](std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
  for (const Setting& setting : kSettings) {
    if (!value(setting.name).empty()) add(d, setting, host, value(setting.name));
  }
  if (is_off(value("log_bin"))) {
    d.report.ok(kBinaryLog.name, host + ": there is no binary log to lose");
  } else {
    add(d, kBinaryLog, host, value(kBinaryLog.name));
  }
}

void check_version(Diagnosis& d, const std::string& host, const std::string& version) {
  const auto dot = version.find('.');
  const unsigned long long major = number_of(version);
  const unsigned long long minor =
      dot == std::string::npos ? 0 : number_of(std::string_view(version).substr(dot + 1));
  const bool enough = major > 10 || (major == 10 && minor >= 6);
  if (enough && version.find("MariaDB") != std::string::npos) {
    d.report.ok("server version", host + ": " + version);
  } else {
    d.report.problem("server version", host + ": " + version + " is no MariaDB of 10.6 or later",
                     "upgrade the server: Debian 12 has mariadb-server 10.11");
  }
}

void check_connections(Diagnosis& d, const std::string& host, const std::string& most) {
  const std::size_t running = d.workers ? d.workers->size() : 0;
  const auto needed = running + kSpareConnections;
  const std::string found = host + ": max_connections = " + most + ", " + std::to_string(running) +
                            " workers and couriers run here";
  if (number_of(most) >= needed) {
    d.report.ok("max_connections", found);
  } else {
    d.report.problem("max_connections", found,
                     "SET GLOBAL max_connections = " + std::to_string(needed * 2) +
                         "; and the line max_connections = " + std::to_string(needed * 2) +
                         " under [mariadbd], or start fewer workers");
  }
}

double now_in_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void check_skew(Diagnosis& d, const std::string& host, double skew) {
  std::string amount = std::to_string(std::abs(skew));
  amount.resize(std::min(amount.size(), amount.find('.') + 2));
  const std::string found = host + ": its clock is " + amount + " seconds " +
                            (skew < 0 ? "behind" : "ahead of") + " this host's";
  const std::string advice = "synchronise both by NTP: timedatectl set-ntp true on each";
  if (std::abs(skew) > kSkewProblem) {
    d.report.problem("database clock", found, advice);
  } else if (std::abs(skew) > kSkewWarning) {
    d.report.warning("database clock", found, advice);
  } else {
    d.report.ok("database clock", found);
  }
}

/// The one place that knows of TLS: the connection itself is made by db::service_endpoint, with
/// whatever the configuration says of it, and the session tells what came of that.
void check_tls(Diagnosis& d, const std::string& host, const std::string& cipher) {
  if (!cipher.empty()) {
    d.report.ok("database tls", host + ": " + cipher);
  } else if (db::is_remote(host)) {
    d.report.problem("database tls", host + ": statements and phones cross the network in clear",
                     "turn TLS on: database.tls and database.tls_ca in the configuration, ssl_cert "
                     "and ssl_key on the server; and ALTER USER ... REQUIRE SSL");
  } else {
    d.report.ok("database tls", host + ": not needed, it stays on this machine");
  }
}

}  // namespace

void check_server(Diagnosis& d, db::Connection& connection, const std::string& host) {
  const double before = now_in_seconds();
  const SessionFacts facts = session_facts.one(connection).value_or(SessionFacts{});
  const double after = now_in_seconds();
  Variables variables;
  for (const Variable& variable : server_variables.all(connection)) {
    variables.insert_or_assign(variable.name, variable.value);
  }
  check_version(d, host, variables["version"]);
  check_settings(d, variables, host);
  check_connections(d, host, variables["max_connections"]);
  const std::string& set = facts.character_set;
  if (set == "utf8mb4") {
    d.report.ok("character set", host + ": utf8mb4");
  } else {
    d.report.warning(
        "character set", host + ": the database's is " + set,
        "ALTER DATABASE " + d.config->database_name + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
  }
  check_skew(d, host, std::stod(facts.clock) - (before + after) / 2);
  check_tls(d, host, facts.cipher);
  check_grants(d, connection, facts.account);
  if (!db::is_remote(host)) d.data_folder = variables["datadir"];
}

}  // namespace users::ctl
