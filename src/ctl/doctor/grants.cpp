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
  bool is_wide = false;  ///< on all databases that fit this one's name as a pattern
};

/// `users`.`audit` as users.audit. A database's name is a pattern here: `\_` and `\%` are plain
/// characters, and what is left of `_` and `%` stands for any, so it is shown with its backslashes.
std::string plain_name(std::string_view quoted) {
  std::string name(quoted);
  std::erase(name, '`');
  return name;
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

/// Reads `GRANT a, b ON c TO d ...` or `GRANT role TO d`; only a, b, c and the role leave here.
void read_grant(std::string_view grant, const std::string& database, Rights& rights) {
  constexpr std::string_view kStart = "GRANT ";
  if (!grant.starts_with(kStart)) return;  // SET DEFAULT ROLE and the like
  grant.remove_prefix(kStart.size());
  const auto on = grant.find(" ON ");
  const auto to = grant.find(" TO ", on == std::string_view::npos ? 0 : on);
  if (on == std::string_view::npos || to == std::string_view::npos) {
    rights.more = "the role " + plain_name(grant.substr(0, to));
    return;
  }
  const std::string pattern = db::grant_pattern(database);
  const std::string object = plain_name(grant.substr(on + 4, to - on - 4));
  rights.is_wide = rights.is_wide || (object == database + ".*" && database != pattern);
  // Only before .* is it a pattern.
  const bool is_own = rights.is_wide || object == pattern + ".*" ||
                      (!object.ends_with(".*") && object.starts_with(database + "."));
  for (const std::string& privilege : split(grant.substr(0, on))) {
    // With columns in parentheses it is less than the whole, but of the same kind.
    const bool is_needed = std::ranges::count(kNeeded, privilege.substr(0, privilege.find(" (")));
    if (is_own && is_needed) {
      rights.on_rows.insert(privilege);
    } else if (privilege != "USAGE") {  // none at all
      rights.more = privilege + " ON " + object;
    }
  }
  if (grant.ends_with(" WITH GRANT OPTION")) rights.more = "GRANT OPTION ON " + object;
}

}  // namespace

Finding judge_grants(const Config& config, db::Connection& connection, const std::string& account) {
  const std::string& database = config.database_name;
  Rights rights;
  for (const Grant& grant : list_grants.all(connection)) read_grant(grant.text, database, rights);
  std::string missing;
  for (const std::string_view needed : kNeeded) {
    if (rights.on_rows.contains(needed)) continue;
    missing.append(missing.empty() ? "" : ", ").append(needed);
  }
  std::string quoted = "'" + account + "'";
  quoted.replace(quoted.rfind('@'), 1, "'@'");
  const std::string on = " ON `" + db::grant_pattern(database) + "`.* TO " + quoted;
  const std::string wanted = "GRANT SELECT, INSERT, UPDATE, DELETE" + on;
  // What it has more comes first: an account with ALL misses nothing.
  if (rights.is_wide) {
    return problem(account + " has rights on every database whose name is like " + database +
                       ", since in GRANT _ stands for any character",
                   "REVOKE ALL PRIVILEGES ON `" + database + "`.* FROM " + quoted + "; " + wanted);
  }
  if (!rights.more.empty()) {
    return problem(account + " has " + rights.more + ": a worker needs to read and write rows only",
                   "REVOKE " + rights.more + " FROM " + quoted + "; " + wanted);
  }
  if (!missing.empty()) {
    return problem(account + " lacks " + missing + " on " + database, "GRANT " + missing + on);
  }
  return ok(account + " may read and write rows of " + database + ", nothing more");
}

}  // namespace users::ctl
