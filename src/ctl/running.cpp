// users-ctl workers and config: the running workers and couriers, and the effective configuration.
#include <algorithm>
#include <iostream>

#include "ctl/processes.hpp"
#include "ctl/system.hpp"
#include "web/routes.hpp"

namespace users::ctl {
namespace {

constexpr std::chrono::seconds kLongestWait{30};

using Worker = WorkerTable::Worker;

json::Value count_of(auto duration) {
  return static_cast<std::uint64_t>(duration.count());
}

std::string state_of(const Worker& worker) {
  if (!worker.is_ready) return "starting";
  return worker.busy ? "busy" : "idle";
}

int workers(const Call& call) {
  constexpr std::uint64_t kMost = MetricsLayout::kWorkers;
  const auto typed = call.option("wait");
  const std::uint64_t wanted = typed ? parse_number("--wait", *typed, 1, kMost) : 0;
  const auto as_service = [](const Config& own) { return std::vector{*service_user(own)}; };
  constexpr std::chrono::seconds kSpare{10};
  if (const auto status = done_as(call, as_service, kLongestWait + kSpare)) return *status;
  const Config config = call.config();
  std::vector<Worker> found;
  std::uint64_t ready = 0;
  wait_until(kLongestWait, [&] {
    found = list_workers(config);
    if (!call.arguments.empty()) {
      std::erase_if(found, [&](const Worker& one) { return one.pool != call.arguments.front(); });
    }
    ready = static_cast<std::uint64_t>(std::ranges::count(found, true, &Worker::is_ready));
    return ready >= wanted;
  });
  print_rows(call, found,
             {{"pool", &Worker::pool},
              {"pid", [](const Worker& one) { return static_cast<std::uint64_t>(one.pid); }},
              {"state", state_of},
              {"age", [](const Worker& one) { return count_of(one.age); }},
              {"busy_ms",
               [](const Worker& one) { return one.busy ? count_of(*one.busy) : json::Value(); }},
              {"request", [](const Worker& one) { return web::name_of_request(one.request); }}});
  if (ready >= wanted) return EXIT_SUCCESS;
  throw Refused("ready are " + std::to_string(ready) + " of " + std::to_string(wanted) + " after " +
                std::to_string(kLongestWait.count()) +
                " seconds: see the service's log and the journal of its units");
}

int show_config(const Call& call) {
  const Config config = call.config();
  const auto keys = config_keys();
  // For a secret the configuration has only the file name, so there is nothing to mask.
  print_rows(
      call, std::vector<ConfigKey>(keys.begin(), keys.end()),
      {{"key", &ConfigKey::name},
       {"value", [&](const ConfigKey& key) { return config.texts.find(key.name)->second; }},
       {"origin", [&](const ConfigKey& key) { return config.origins.find(key.name)->second; }}});
  return EXIT_SUCCESS;
}

}  // namespace

const std::vector<Command> kRunningCommands{
    {"config", "", "--json",
     "Prints the effective configuration: key, value, origin (file and line, environment, or "
     "default). For secrets it shows only the file names.",
     show_config},
    {"doctor", "", "--json --nginx --prefix",
     "Checks everything that can be wrong with the service on this host. Prints state (ok, "
     "warning, problem, skipped), check, what was found, and what to do. Changes nothing, and runs "
     "every check even if earlier ones fail. Run it as root to check the most; what it cannot read "
     "is skipped, never ok. With the users.conf of a local stack (make run) it checks the nginx of "
     "that stack. Exit code 1 if there is a problem.",
     doctor},
    {"workers", "[POOL]", "--wait --json",
     "Lists the running workers and couriers, or those of one pool (hash, fast, courier): pool, "
     "pid, state (starting, idle, busy), age in seconds, busy_ms (in the current request), "
     "request. --wait waits up to 30 seconds until N are ready.",
     workers},
};

}  // namespace users::ctl
