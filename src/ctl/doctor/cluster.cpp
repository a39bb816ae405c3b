// doctor: the nodes of a Galera cluster. Checks the state and timeouts of each node, and that all
// nodes agree.
#include <charconv>

#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/algorithm/string/trim.hpp>

#include "ctl/doctor/doctor.hpp"

namespace users::ctl {
namespace {

/// Parses wsrep_provider_options, which reads `a = 1; b = 2`.
std::map<std::string, std::string> options_of(const Node& node) {
  std::vector<std::string> parts;
  boost::split(parts, node.value("wsrep_provider_options"), boost::is_any_of(";"));
  std::map<std::string, std::string> options;
  for (const std::string& part : parts) {
    const auto equals = part.find('=');
    if (equals == std::string::npos) continue;
    options[boost::trim_copy(part.substr(0, equals))] = boost::trim_copy(part.substr(equals + 1));
  }
  return options;
}

/// Parses a period such as PT0.5S. Returns nullopt for units other than seconds, such as PT1M.
std::optional<double> seconds_of(const std::string& period) {
  if (!period.starts_with("PT") || !period.ends_with('S')) return std::nullopt;
  const char* end = period.data() + period.size() - 1;
  double seconds = 0;
  const auto [rest, error] = std::from_chars(period.data() + 2, end, seconds);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return seconds;
}

Finding judge_state(const Node& node, std::size_t hosts) {
  const std::string state = node.value("wsrep_local_state_comment");
  const std::string component = node.value("wsrep_cluster_status");
  const std::string size = node.value("wsrep_cluster_size");
  const std::string found =
      node.host + ": " + state + " in a " + component + " component of " + size;
  if (component != "Primary") {
    return problem(
        found + ": it serves nobody",
        "start the other nodes; if all have stopped, conf/CLUSTER.md says which one begins");
  }
  if (state != "Synced") {
    return warning(found + ": it is not up to date", "wait, and see the server's error log");
  }
  if (size != std::to_string(hosts)) {
    return warning(found + ", but database.hosts names " + std::to_string(hosts),
                   "start the missing node, or name all nodes in database.hosts");
  }
  return ok(found);
}

/// The cluster commits nothing from the moment a node stops until the suspect timeout is over.
Finding judge_timeouts(const Node& node, unsigned read_timeout) {
  auto options = options_of(node);
  const auto keepalive = seconds_of(options["evs.keepalive_period"]);
  const auto suspect = seconds_of(options["evs.suspect_timeout"]);
  if (!keepalive || !suspect) return skipped(node.host + ": its evs timeouts are not in seconds");
  const std::string found = node.host + ": evs.suspect_timeout = " + options["evs.suspect_timeout"];
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

/// Describes the first evs setting that differs.
std::optional<std::string> difference(const Node& a, const Node& b) {
  auto others = options_of(b);
  for (const auto& [name, value] : options_of(a)) {
    if (!name.starts_with("evs.") || name == "evs.evict" || value == others[name]) continue;
    return name + " is " + value + " on " + a.host + " and " + others[name] + " on " + b.host;
  }
  return std::nullopt;
}

bool is_in_cluster(const Node& node) {
  return node.value("wsrep_on") == "ON";
}

/// The same for two names of one server, and for all nodes of one cluster.
std::string identity_of(const Node& node) {
  return node.value(is_in_cluster(node) ? "wsrep_cluster_state_uuid" : "server_uid");
}

Finding judge_nodes(const std::vector<Node>& nodes) {
  const Node& first = nodes.front();
  for (const Node& node : nodes) {
    if (identity_of(node) != identity_of(first)) {
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
  return ok(is_in_cluster(first) ? "the nodes have the same timeouts" : "all hosts are one server");
}

}  // namespace

void check_cluster(Diagnosis& d) {
  for (const Node& node : d.nodes) {
    if (!is_in_cluster(node)) continue;
    d.add("cluster node", judge_state(node, d.config->database_hosts.size()));
    d.add("cluster timeouts", judge_timeouts(node, d.config->database_read_timeout));
  }
  if (d.nodes.size() > 1) d.add("cluster", judge_nodes(d.nodes));
}

}  // namespace users::ctl
