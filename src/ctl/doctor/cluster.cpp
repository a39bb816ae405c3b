// doctor: the nodes of a Galera cluster: each one's state and settings, and what must be the same
// on all.
#include <charconv>

#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/algorithm/string/trim.hpp>

#include "ctl/doctor/doctor.hpp"

namespace users::ctl {
namespace {

struct StatusVariable {
  std::string name;
  std::string value;
};
const db::Query<StatusVariable()> list_status{
    "list_status",
    "SELECT",
    {{"LOWER(VARIABLE_NAME)", &StatusVariable::name}, {"VARIABLE_VALUE", &StatusVariable::value}},
    "FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME LIKE 'wsrep%'"};

/// `a = 1; b = 2` of wsrep_provider_options.
std::map<std::string, std::string> options_of(const std::string& text) {
  std::vector<std::string> parts;
  boost::split(parts, text, boost::is_any_of(";"));
  std::map<std::string, std::string> options;
  for (const std::string& part : parts) {
    const auto equals = part.find('=');
    if (equals == std::string::npos) continue;
    options[boost::trim_copy(part.substr(0, equals))] = boost::trim_copy(part.substr(equals + 1));
  }
  return options;
}

/// Of a period such as PT0.5S; nullopt for others, such as PT1M.
std::optional<double> seconds_of(const std::string& period) {
  if (!period.starts_with("PT") || !period.ends_with('S')) return std::nullopt;
  const char* end = period.data() + period.size() - 1;
  double seconds = 0;
  const auto [rest, error] = std::from_chars(period.data() + 2, end, seconds);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return seconds;
}

Finding judge_state(const Node& node, std::map<std::string, std::string> status,
                    std::size_t hosts) {
  const std::string found = node.host + ": " + status["wsrep_local_state_comment"] + " in a " +
                            status["wsrep_cluster_status"] + " component of " +
                            status["wsrep_cluster_size"];
  if (status["wsrep_cluster_status"] != "Primary") {
    return problem(
        found + ": it serves nobody",
        "start the other nodes; if all have stopped, conf/CLUSTER.md says which one begins");
  }
  if (status["wsrep_local_state_comment"] != "Synced") {
    return warning(found + ": it is not up to date", "wait, and see the server's error log");
  }
  if (std::to_string(hosts) != status["wsrep_cluster_size"]) {
    return warning(found + ", but database.hosts names " + std::to_string(hosts),
                   "start the missing node, or name all nodes in database.hosts");
  }
  return ok(found);
}

/// A node that stops is noticed after its suspect timeout; until then nothing is committed.
Finding judge_timeouts(const Node& node, unsigned read_timeout) {
  const auto at = [&](const char* name) {
    const auto option = node.options.find(name);
    return option == node.options.end() ? std::nullopt : seconds_of(option->second);
  };
  const auto keepalive = at("evs.keepalive_period");
  const auto suspect = at("evs.suspect_timeout");
  if (!keepalive || !suspect) return skipped(node.host + ": its evs timeouts are not in seconds");
  const std::string found =
      node.host + ": evs.suspect_timeout = " + node.options.at("evs.suspect_timeout");
  if (*keepalive > *suspect / 3) {
    return problem(found + " is less than three times evs.keepalive_period: mariadbd may abort",
                   "lower evs.keepalive_period in wsrep_provider_options of every node");
  }
  constexpr double kAgreement = 2;  // seconds, measured
  if (read_timeout < *suspect + kAgreement) {
    return warning(found + ", but database.read_timeout is " + std::to_string(read_timeout) +
                       ": when a node dies, requests are given up before the others go on",
                   "raise database.read_timeout, or lower evs.suspect_timeout on every node");
  }
  return ok(found);
}

/// The first evs or gmcast setting in which they differ.
std::optional<std::string> difference(const Node& a, const Node& b) {
  for (const auto& [name, value] : a.options) {
    if (!name.starts_with("evs.") || name == "evs.evict") continue;
    const auto other = b.options.find(name);
    if (other != b.options.end() && other->second != value) {
      return name + " is " + value + " on " + a.host + " and " + other->second + " on " + b.host;
    }
  }
  return std::nullopt;
}

Finding judge_nodes(const std::vector<Node>& nodes) {
  const Node& first = nodes.front();
  for (const Node& node : nodes) {
    if (node.is_in_cluster != first.is_in_cluster ||
        (!node.is_in_cluster && node.server != first.server)) {
      return problem(
          node.host + " and " + first.host +
              " are two servers without a cluster: an account of one is unknown to the other",
          "name one server in database.hosts, or make a cluster of them: conf/CLUSTER.md");
    }
    if (const auto found = difference(first, node)) {
      return problem(
          *found + ": the cluster may split when a node dies",
          "write the same wsrep_provider_options on all nodes, restart one after another");
    }
  }
  return ok(first.is_in_cluster ? "the nodes have the same timeouts" : "all hosts are one server");
}

}  // namespace

void check_node(Diagnosis& d, db::Connection& connection, const std::string& host,
                const std::map<std::string, std::string>& variables) {
  const auto value = [&](const char* name) {
    const auto variable = variables.find(name);
    return variable == variables.end() ? std::string() : variable->second;
  };
  Node& node = d.nodes.emplace_back();
  node = {host, value("server_uid"), value("wsrep_on") == "ON",
          options_of(value("wsrep_provider_options"))};
  if (!node.is_in_cluster) return;
  std::map<std::string, std::string> status;
  for (const StatusVariable& variable : list_status.all(connection))
    status[variable.name] = variable.value;
  d.add("cluster node", judge_state(node, status, d.config->database_hosts.size()));
  d.add("cluster timeouts", judge_timeouts(node, d.config->database_read_timeout));
}

void check_cluster(Diagnosis& d) {
  if (d.nodes.size() > 1) d.add("cluster", judge_nodes(d.nodes));
}

}  // namespace users::ctl
