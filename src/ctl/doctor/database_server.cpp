// doctor: a database server: its settings, its clock, TLS, and the rights of the service's account,
// which may read and write rows and nothing else.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include <boost/algorithm/string/join.hpp>

#include "ctl/doctor/doctor.hpp"
#include "db/provision.hpp"

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
    "FROM information_schema.GLOBAL_VARIABLES UNION ALL SELECT LOWER(VARIABLE_NAME), "
    "VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME LIKE 'wsrep%'"};

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

struct Setting {
  std::string name;
  std::string good;    ///< values, each between blanks
  std::string better;  ///< for the server's option file
  bool is_dynamic;     ///< SET GLOBAL changes it
  Finding (*fault)(std::string found, std::string advice);
  std::string consequence;  ///< of any other value
  unsigned long least = 0;  ///< of a number: the smallest good one; `good` does not count
};
const Setting kSettings[] = {
    // 3 is as safe as 1 (MariaDB manual, innodb_flush_log_at_trx_commit).
    {"innodb_flush_log_at_trx_commit", " 1 3 ", "1", true, problem,
     "a crash loses registrations that were acknowledged"},
    {"innodb_doublewrite", " ON 1 fast ", "ON", false, problem,
     "a crash while a page is written destroys it"},
    {"read_only", " OFF 0 ", "OFF", true, problem, "nothing can be written"},
    {"innodb_read_only", " OFF 0 ", "OFF", false, problem, "nothing can be written"},
    {"wait_timeout", "", "28800", true, warning, "the workers lose idle connections", 60},
    {"general_log", " OFF 0 ", "OFF", true, warning, "phones and hashes are written to a file"},
    {"sync_binlog", " 1 ", "1", true, problem, "after a crash replicas differ"},
};

const Setting kNodeSettings[] = {
    {"innodb_autoinc_lock_mode", " 2 ", "2", false, problem, "nodes make the same number"},
    {"binlog_format", " ROW ", "ROW", false, problem, "nodes differ"},
};

Finding judge_setting(const Setting& setting, const std::string& host, const std::string& value) {
  const std::string found = host + ": " + setting.name + " = " + value;
  const bool is_good = setting.least > 0
                           ? std::strtoul(value.c_str(), nullptr, 10) >= setting.least
                           : setting.good.find(" " + value + " ") != std::string::npos;
  if (is_good) return ok(found);
  const std::string line = setting.name + " = " + setting.better;
  const std::string file = "write " + line + " under [mariadbd] in /etc/mysql/mariadb.conf.d/";
  return setting.fault(found + ": " + setting.consequence,
                       setting.is_dynamic ? "SET GLOBAL " + line + "; and " + file
                                          : file + ", then systemctl restart mariadb");
}

Finding judge_version(const std::string& host, const std::string& version) {
  const std::string found = host + ": " + version;
  const bool is_new = ::strverscmp(version.c_str(), "10.6") >= 0;
  if (is_new && version.find("MariaDB") != std::string::npos) return ok(found);
  return problem(found + " is not MariaDB 10.6 or later",
                 "upgrade the server: Debian 12 has mariadb-server 10.11");
}

double now_in_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Finding judge_skew(const std::string& host, double skew) {
  constexpr double kWarning = 2;   // seconds
  constexpr double kProblem = 30;  // seconds: well below kCodeLifetime
  const std::string found = host + ": its clock is " + std::to_string(std::lround(std::abs(skew))) +
                            " seconds " + (skew < 0 ? "behind" : "ahead of") + " this host's";
  if (std::abs(skew) <= kWarning) return ok(found);
  const auto fault = std::abs(skew) > kProblem ? problem : warning;
  return fault(found, "synchronise both by NTP: timedatectl set-ntp true on each");
}

Finding judge_tls(const std::string& host, const std::string& cipher) {
  if (!cipher.empty()) return ok(host + ": " + cipher);
  if (!db::is_remote(host)) return ok(host + ": not needed, it stays on this machine");
  return problem(
      host + ": statements cross the network in clear text",
      "set database.tls and database.tls_ca in the configuration, ssl_cert and ssl_key on "
      "the server; and ALTER USER ... REQUIRE SSL");
}

struct Grant {
  std::string text;  ///< must not be shown: it may contain a password's hash
};
const db::Query<Grant()> list_grants{
    "list_grants", "SHOW GRANTS FOR CURRENT_USER", {{"", &Grant::text}}, ""};

const std::vector<std::string> kNeeded{"SELECT", "INSERT", "UPDATE", "DELETE"};

struct Rights {
  std::vector<std::string> missing = kNeeded;
  std::string more;      ///< one that it does not need, such as `DROP ON users.*`
  bool is_wide = false;  ///< it applies to all databases that match this one's name as a pattern
};

/// Splits a list of privileges at its commas, except those in parentheses.
std::vector<std::string> privileges_of(std::string_view list) {
  std::vector<std::string> all(1);
  int depth = 0;
  for (const char c : list) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      all.emplace_back();
    } else if (c != ' ' || !all.back().empty()) {
      all.back() += c;
    }
  }
  return all;
}

/// Reads `GRANT a, b ON c TO d ...` or `GRANT role TO d`, of which `rights` gets only a, b, c and
/// the role.
void read_grant(std::string grant, const std::string& database, Rights& rights) {
  std::erase(grant, '`');
  if (!grant.starts_with("GRANT ")) return;  // SET DEFAULT ROLE and the like
  grant.erase(0, 6);
  const auto on = grant.find(" ON ");
  const auto to = grant.find(" TO ", on == std::string::npos ? 0 : on);
  if (on == std::string::npos || to == std::string::npos) {
    rights.more = "the role " + grant.substr(0, to);
    return;
  }
  // Before .* the name is a pattern: `\_` and `\%` are plain characters, `_` and `%` are not.
  const std::string pattern = db::grant_pattern(database);
  const std::string object = grant.substr(on + 4, to - on - 4);
  rights.is_wide = rights.is_wide || (object == database + ".*" && database != pattern);
  const bool is_own = rights.is_wide || object == pattern + ".*" ||
                      (!object.ends_with(".*") && object.starts_with(database + "."));
  for (const std::string& privilege : privileges_of(grant.substr(0, on))) {
    // A privilege on columns is not enough, but not too much either.
    const bool is_needed =
        std::ranges::count(kNeeded, privilege.substr(0, privilege.find(" ("))) > 0;
    if (is_own && is_needed) {
      std::erase(rights.missing, privilege);
    } else if (privilege != "USAGE") {  // no privilege
      rights.more = privilege + " ON " + object;
    }
  }
  if (grant.ends_with(" WITH GRANT OPTION")) rights.more = "GRANT OPTION ON " + object;
}

Finding judge_grants(const Config& config, db::Connection& connection, const std::string& account) {
  const std::string& database = config.database_name;
  Rights rights;
  for (const Grant& grant : list_grants.all(connection)) read_grant(grant.text, database, rights);
  std::string quoted = "'" + account + "'";
  quoted.replace(quoted.rfind('@'), 1, "'@'");
  const std::string on = " ON `" + db::grant_pattern(database) + "`.* TO " + quoted;
  const std::string wanted = "GRANT " + boost::join(kNeeded, ", ") + on;
  if (rights.is_wide) {
    return problem(account + " has rights on every database whose name matches " + database +
                       ": in GRANT _ stands for any character",
                   "REVOKE ALL PRIVILEGES ON `" + database + "`.* FROM " + quoted + "; " + wanted);
  }
  if (!rights.more.empty()) {
    return problem(account + " has " + rights.more + ": a worker only reads and writes rows",
                   "REVOKE " + rights.more + " FROM " + quoted + "; " + wanted);
  }
  if (!rights.missing.empty()) {
    const std::string missing = boost::join(rights.missing, ", ");
    return problem(account + " lacks " + missing + " on " + database, "GRANT " + missing + on);
  }
  return ok(account + " can only read and write rows of " + database);
}

}  // namespace

void check_server(Diagnosis& d, db::Connection& connection, const std::string& host) {
  // A node that is cut off answers only about itself, and only without waiting for the others.
  connection.run_script("SET wsrep_sync_wait = 0", "doctor");
  const double before = now_in_seconds();
  const SessionFacts facts = session_facts.one(connection).value_or(SessionFacts{});
  const double after = now_in_seconds();
  std::map<std::string, std::string> variables;
  for (const Variable& variable : server_variables.all(connection)) {
    variables[variable.name] = variable.value;
  }
  d.add("server version", judge_version(host, variables["version"]));
  // Without a binary log there is nothing to lose.
  if (variables["log_bin"] == "OFF") variables.erase("sync_binlog");
  const std::size_t workers = d.workers ? d.workers->size() : 0;
  const std::size_t least = workers + 10;  // for users-ctl, backups and the operator
  std::vector<Setting> settings(std::begin(kSettings), std::end(kSettings));
  settings.push_back({"max_connections", "", std::to_string(least * 2), true, problem,
                      "too few for the " + std::to_string(workers) + " workers and couriers here",
                      least});
  if (variables["wsrep_on"] == "ON") {
    settings.insert(settings.end(), std::begin(kNodeSettings), std::end(kNodeSettings));
  }
  for (const Setting& setting : settings) {
    const std::string& value = variables[setting.name];
    if (!value.empty()) d.add(setting.name, judge_setting(setting, host, value));
  }
  d.add("character set", facts.character_set == "utf8mb4"
                             ? ok(host + ": utf8mb4")
                             : warning(host + ": the database's is " + facts.character_set,
                                       "ALTER DATABASE " + d.config->database_name +
                                           " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"));
  d.add("database clock", judge_skew(host, std::stod(facts.clock) - (before + after) / 2));
  d.add("database tls", judge_tls(host, facts.cipher));
  if (!db::is_remote(host)) d.data_folder = variables["datadir"];
  d.nodes.push_back({host, std::move(variables)});
  d.add("service account", judge_grants(*d.config, connection, facts.account));
}

}  // namespace users::ctl
