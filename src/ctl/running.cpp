// users-ctl workers and config: the running workers and couriers, and the effective configuration.
#include <algorithm>
#include <iostream>

#include "ctl/command.hpp"
#include "ctl/processes.hpp"
#include "ctl/service.hpp"
#include "ctl/system.hpp"
#include "web/routes.hpp"

namespace users::ctl {
namespace {

constexpr std::chrono::seconds kLongestWait{30};

std::string state_of(const WorkerTable::Worker& worker) {
  if (!worker.is_ready) return "starting";
  return worker.busy ? "busy" : "idle";
}

std::vector<WorkerTable::Worker> workers_of_pool(const Config& config, const Call& call) {
  auto workers = list_workers(config);
  if (!call.arguments.empty()) {
    std::erase_if(workers,
                  [&](const auto& worker) { return worker.pool != call.arguments.front(); });
  }
  return workers;
}

}  // namespace

int workers(const Call& call) {
  constexpr std::uint64_t kMost = MetricsLayout::kWorkers;
  const auto typed = call.option("wait");
  const std::uint64_t wanted = typed ? parse_number("--wait", *typed, 1, kMost) : 0;
  const auto as_service = [](const Config& own) { return std::vector{*service_user(own)}; };
  constexpr std::chrono::seconds kSpare{10};
  if (const auto status = done_as(call, as_service, kLongestWait + kSpare)) return *status;
  const Config config = call.config();
  std::vector<WorkerTable::Worker> found;
  std::uint64_t ready = 0;
  wait_until(kLongestWait, [&] {
    found = workers_of_pool(config, call);
    ready =
        static_cast<std::uint64_t>(std::ranges::count(found, true, &WorkerTable::Worker::is_ready));
    return ready >= wanted;
  });
  std::vector<json::Object> rows;
  for (const auto& worker : found) {
    rows.push_back(
        {{"pool", worker.pool},
         {"pid", static_cast<std::uint64_t>(worker.pid)},
         {"state", state_of(worker)},
         {"age", static_cast<std::uint64_t>(worker.age.count())},
         {"busy_ms", worker.busy ? json::Value(static_cast<std::uint64_t>(worker.busy->count()))
                                 : json::Value(nullptr)},
         {"request", web::name_of_request(worker.request)}});
  }
  print_rows(std::cout, call.form(), {"pool", "pid", "state", "age", "busy_ms", "request"}, rows);
  if (ready >= wanted) return EXIT_SUCCESS;
  throw Refused("ready are " + std::to_string(ready) + " of " + std::to_string(wanted) + " after " +
                std::to_string(kLongestWait.count()) +
                " seconds: see the service's log and the journal of its units");
}

int show_config(const Call& call) {
  const Config config = call.config();
  std::vector<json::Object> rows;
  for (const ConfigKey& key : config_keys()) {
    // For a secret the configuration has only the file name, so there is nothing to mask.
    rows.push_back({{"key", key.name},
                    {"value", config.texts.find(key.name)->second},
                    {"origin", config.origins.find(key.name)->second}});
  }
  print_rows(std::cout, call.form(), {"key", "value", "origin"}, rows);
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
