// doctor: the workers of each pool, and the courier.
#include <ctime>
#include <system_error>

#include <sys/stat.h>

#include "ctl/doctor/doctor.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;
using Workers = std::vector<WorkerTable::Worker>;

/// What is wrong with a process that does run; empty if nothing is.
std::string staleness(const Diagnosis& d, const WorkerTable::Worker& worker) {
  // Its age is of whole seconds.
  constexpr std::time_t kInexact = 2;
  const std::time_t start = std::time(nullptr) - worker.age.count() + kInexact;
  const auto command = command_of(worker.pid);
  if (command.empty()) return "";
  struct stat status {};
  const std::string process = "process " + std::to_string(worker.pid);
  // Its mtime is the package's.
  if (::stat(command.front().c_str(), &status) != 0 || status.st_ctime > start) {
    return process + " runs a program that was replaced since";
  }
  if (::stat(d.call.config_file.c_str(), &status) == 0 && status.st_mtime > start) {
    return process + " is older than the configuration";
  }
  return "";
}

/// Of workers that run.
Finding judge(const Diagnosis& d, const std::string& unit, const Workers& found) {
  std::string as;
  for (const auto& worker : found) {
    const auto process = find_process(worker.pid);
    if (!process) continue;
    const bool is_courier = worker.pool == kCourierPool && process->uid == d.courier_uid;
    if (d.service_uid && process->uid != d.service_uid && !is_courier) {
      const std::string owner = user_name(*d.service_uid);
      return problem("process " + std::to_string(worker.pid) + " runs as " +
                         user_name(process->uid) + ", the secrets are those of " + owner +
                         ": what it writes is closed to the others",
                     "start all parts as " + owner +
                         ", and chown the files in the folders of log and metrics to it");
    }
    as = " as " + user_name(process->uid);
    const AsUser eyes(process->uid);
    const std::string stale = staleness(d, worker);
    if (!stale.empty()) {
      return warning(stale, "users-ctl reload (or systemctl reload users-fcgi-" + unit + ")");
    }
  }
  return ok(std::to_string(found.size()) + " running" + as);
}

/// Those of d.workers that are `wanted`.
template <class Wanted>
Workers select(const Diagnosis& d, Wanted wanted) {
  Workers found = *d.workers;
  std::erase_if(found, [&](const auto& worker) { return !wanted(worker); });
  return found;
}

Finding judge_pool(const Diagnosis& d, const std::string& pool) {
  const auto socket = d.sockets.find(pool);
  if (socket == d.sockets.end()) return skipped("the pool's socket is not known");
  const Workers found = select(d, [&](const auto& worker) {
    std::error_code error;
    return worker.socket == socket->second || fs::equivalent(worker.socket, socket->second, error);
  });
  if (!found.empty()) return judge(d, pool, found);
  return problem("no process users-fcgi listens on " + socket->second.string(),
                 start_of_pool(pool));
}

Finding judge_courier(const Diagnosis& d) {
  const Workers found = select(d, [](const auto& worker) { return worker.pool == kCourierPool; });
  if (!found.empty()) return judge(d, "courier", found);
  return problem("no users-courier runs with this configuration: no message is sent",
                 "systemctl start users-fcgi-courier");
}

}  // namespace

void check_workers(Diagnosis& d) {
  const Finding unseen = skipped(d.config ? "only root and " + word_for(d.service_uid) +
                                                " can read the table of workers"
                                          : "the configuration does not load");
  for (const std::string pool : kPools) {
    d.add("workers " + pool, d.workers ? judge_pool(d, pool) : unseen);
  }
  d.add("courier", d.workers ? judge_courier(d) : unseen);
}

}  // namespace users::ctl
