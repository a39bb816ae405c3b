// doctor: a database server's settings, its clock, and how the session reaches it.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "ctl/doctor/doctor.hpp"

namespace users::ctl {
namespace {

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

unsigned long number_of(const std::string& text) {
  return std::strtoul(text.c_str(), nullptr, 10);
}

bool is_off(const std::string& value) {
  return value == "OFF" || value == "0";
}

struct Setting {
  const char* name;
  bool (*is_good)(const std::string& value);
  const char* why;     ///< what follows if it is not good
  const char* better;  ///< for the server's option file
  bool is_dynamic;     ///< SET GLOBAL changes it
  Finding (*fault)(std::string found, std::string advice) = problem;
};

constexpr Setting kSettings[] = {
    // 3 is 1 with an older way of group commit (MariaDB manual, innodb_flush_log_at_trx_commit).
    {"innodb_flush_log_at_trx_commit",
     [](const std::string& value) { return value == "1" || value == "3"; },
     "a crash loses registrations that were acknowledged", "1", true},
    {"innodb_doublewrite", [](const std::string& value) { return !is_off(value); },
     "a crash in the middle of a page's write destroys it", "ON", false},
    {"read_only", is_off, "nothing can be written", "OFF", true},
    {"innodb_read_only", is_off, "nothing can be written", "OFF", false},
    {"wait_timeout", [](const std::string& value) { return number_of(value) >= 60; },
     "the workers' idle connections are closed again and again", "28800", true, warning},
    {"general_log", is_off, "every statement, phones and hashes included, is written to a file",
     "OFF", true, warning},
    {"sync_binlog", [](const std::string& value) { return value == "1"; },
     "a crash leaves replicas with other rows than this server", "1", true},
};

Finding judge_setting(const Setting& setting, const std::string& found, const std::string& value) {
  if (setting.is_good(value)) return ok(found);
  const std::string line = std::string(setting.name) + " = " + setting.better;
  const std::string file = "the line " + line + " under [mariadbd] in /etc/mysql/mariadb.conf.d/";
  return setting.fault(found + ": " + setting.why, setting.is_dynamic
                                                       ? "SET GLOBAL " + line + "; and " + file
                                                       : file + ", then systemctl restart mariadb");
}

Finding judge_version(const std::string& found, const std::string& version) {
  const bool is_new = ::strverscmp(version.c_str(), "10.6") >= 0;
  if (is_new && version.find("MariaDB") != std::string::npos) return ok(found);
  return problem(found + " is no MariaDB of 10.6 or later",
                 "upgrade the server: Debian 12 has mariadb-server 10.11");
}

Finding judge_connections(const Diagnosis& d, const std::string& host, const std::string& most) {
  constexpr std::size_t kSpare = 10;  // for users-ctl, backups and the operator
  const std::size_t running = d.workers ? d.workers->size() : 0;
  const std::string found = host + ": max_connections = " + most + ", " + std::to_string(running) +
                            " workers and couriers run here";
  if (number_of(most) >= running + kSpare) return ok(found);
  const std::string line = "max_connections = " + std::to_string((running + kSpare) * 2);
  return problem(found, "SET GLOBAL " + line + "; and the line " + line +
                            " under [mariadbd], or start fewer workers");
}

double now_in_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Finding judge_skew(const std::string& host, double skew) {
  constexpr double kWarning = 2;   // seconds
  constexpr double kProblem = 30;  // seconds: a code lives 600
  const std::string found = host + ": its clock is " + std::to_string(std::lround(std::abs(skew))) +
                            " seconds " + (skew < 0 ? "behind" : "ahead of") + " this host's";
  if (std::abs(skew) <= kWarning) return ok(found);
  const auto fault = std::abs(skew) > kProblem ? problem : warning;
  return fault(found, "synchronise both by NTP: timedatectl set-ntp true on each");
}

/// The connection was made as the configuration says; the session tells what came of that.
Finding judge_tls(const std::string& host, const std::string& cipher) {
  if (!cipher.empty()) return ok(host + ": " + cipher);
  if (!db::is_remote(host)) return ok(host + ": not needed, it stays on this machine");
  return problem(host + ": statements and phones cross the network in clear",
                 "turn TLS on: database.tls and database.tls_ca in the configuration, ssl_cert and "
                 "ssl_key on the server; and ALTER USER ... REQUIRE SSL");
}

}  // namespace

void check_server(Diagnosis& d, db::Connection& connection, const std::string& host) {
  const double before = now_in_seconds();
  const SessionFacts facts = session_facts.one(connection).value_or(SessionFacts{});
  const double after = now_in_seconds();
  std::map<std::string, std::string> variables;
  for (const Variable& variable : server_variables.all(connection)) {
    variables[variable.name] = variable.value;
  }
  d.add("server version", judge_version(host + ": " + variables["version"], variables["version"]));
  // Without a binary log there is nothing to lose.
  if (is_off(variables["log_bin"])) variables.erase("sync_binlog");
  for (const Setting& setting : kSettings) {
    const std::string& value = variables[setting.name];
    if (value.empty()) continue;
    d.add(setting.name, judge_setting(setting, host + ": " + setting.name + " = " + value, value));
  }
  d.add("max_connections", judge_connections(d, host, variables["max_connections"]));
  d.add("character set", facts.character_set == "utf8mb4"
                             ? ok(host + ": utf8mb4")
                             : warning(host + ": the database's is " + facts.character_set,
                                       "ALTER DATABASE " + d.config->database_name +
                                           " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"));
  d.add("database clock", judge_skew(host, std::stod(facts.clock) - (before + after) / 2));
  d.add("database tls", judge_tls(host, facts.cipher));
  d.add("service account", judge_grants(*d.config, connection, facts.account));
  if (!db::is_remote(host)) d.data_folder = variables["datadir"];
}

}  // namespace users::ctl
