// doctor: what the service's account may do: read and write rows, nothing more.
#include <algorithm>
#include <array>
#include <set>

#include "ctl/doctor/doctor.hpp"
#include "db/provision.hpp"

namespace users::ctl {
namespace {

constexpr std::array<std::string_view, 4> kNeeded{"SELECT", "INSERT", "UPDATE", "DELETE"};

struct Grant {
  std::string text;  ///< never to be shown, it may hold a password's hash
};
const db::Query<Grant()> list_grants{
    "list_grants", "SHOW GRANTS FOR CURRENT_USER", {{"", &Grant::text}}, ""};

struct Rights {
  std::set<std::string, std::less<>> on_rows;  ///< of kNeeded
  std::string more;                            ///< the first grant beyond, as `DROP ON users.*`
  bool wide = false;  ///< on all databases that fit this one's name as a pattern
};

/// `users`.`audit` as users.audit. A database's name is a pattern here: `\_` and `\%` are plain
/// characters, and what is left of `_` and `%` stands for any, so it is shown with its backslashes.
std::string plain_name(std::string_view quoted) {
  std::string name;
  for (const char c : quoted) {
    if (c != '`') name += c;
  }
  return name;
}

bool is_needed(std::string_view privilege) {
  // With columns in parentheses it is less than the whole, but of the same kind.
  const auto kind = privilege.substr(0, privilege.find(" ("));
  return std::ranges::find(kNeeded, kind) != kNeeded.end();
}

/// The privileges of a list, split at its commas but for those between parentheses.
std::vector<std::string> split(std::string_view list) {
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

/// Reads `GRANT a, b ON c TO d ...`; only a, b and c ever leave here.
void read_grant(std::string_view grant, const std::string& database, Rights& rights) {
  constexpr std::string_view kStart = "GRANT ";
  const auto on = grant.find(" ON ");
  const auto to = grant.find(" TO ", on == std::string_view::npos ? 0 : on);
  if (!grant.starts_with(kStart)) return;  // SET DEFAULT ROLE and the like
  if (on == std::string_view::npos || to == std::string_view::npos) {
    const auto role = grant.substr(kStart.size(), grant.find(" TO ") - kStart.size());
    rights.more = "the role " + plain_name(role);
    return;
  }
  const std::string object = plain_name(grant.substr(on + 4, to - on - 4));
  if (object == database + ".*" && database != db::grant_pattern(database)) rights.wide = true;
  // Only before .* is it a pattern.
  const bool own = rights.wide || object == db::grant_pattern(database) + ".*" ||
                   (!object.ends_with(".*") && object.starts_with(database + "."));
  for (const std::string& privilege : split(grant.substr(kStart.size(), on - kStart.size()))) {
    if (privilege == "USAGE") continue;  // none at all
    if (own && is_needed(privilege)) {
      rights.on_rows.insert(privilege);
    } else {
      rights.more = privilege;
      rights.more.append(" ON ").append(object);
    }
  }
  if (grant.ends_with(" WITH GRANT OPTION")) rights.more = "GRANT OPTION ON " + object;
}

std::string quoted_account(const std::string& account) {
  const auto at = account.rfind('@');
  return "'" + account.substr(0, at) + "'@'" + account.substr(at + 1) + "'";
}

}  // namespace

void check_grants(Diagnosis& d, db::Connection& connection, const std::string& account) {
  const std::string& database = d.config->database_name;
  Rights rights;
  for (const Grant& grant : list_grants.all(connection)) {
    read_grant(grant.text, database, rights);
  }
  std::string missing;
  for (const std::string_view needed : kNeeded) {
    if (!rights.on_rows.contains(needed))
      missing += (missing.empty() ? "" : ", ") + std::string(needed);
  }
  const auto grant = [&](const std::string& privileges) {
    return "GRANT " + privileges + " ON `" + db::grant_pattern(database) + "`.* TO " +
           quoted_account(account);
  };
  const std::string wanted = grant("SELECT, INSERT, UPDATE, DELETE");
  // What it has more comes first: an account with ALL misses nothing.
  if (rights.wide) {
    d.report.problem("service account",
                     account + " has rights on every database whose name is like " + database +
                         ", since in GRANT _ stands for any character",
                     "REVOKE ALL PRIVILEGES ON `" + database + "`.* FROM " +
                         quoted_account(account) + "; " + wanted);
  } else if (!rights.more.empty()) {
    d.report.problem(
        "service account",
        account + " has " + rights.more + ": a worker needs to read and write rows only",
        "REVOKE " + rights.more + " FROM " + quoted_account(account) + "; " + wanted);
  } else if (!missing.empty()) {
    d.report.problem("service account", account + " lacks " + missing + " on " + database,
                     grant(missing));
  } else {
    d.report.ok("service account",
                account + " may read and write rows of " + database + ", nothing more");
  }
}

}  // namespace users::ctl
