#include "cluster/host.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <pwd.h>
#include <unistd.h>

#include "support/stack.hpp"

namespace users::test {

std::string Host::url() const {
  return "http://127.0.1." + std::to_string(number_) + ":" + std::getenv("PORT");
}

std::string Host::folder() const {
  return std::string(std::getenv("CLUSTER")) + "/host" + std::to_string(number_);
}

void Host::start(const std::string& parts, const std::string& environment) const {
  // Without the descriptors of the test, which the ledger would count as the workers'.
  run_script(
      "bash -c 'for fd in /proc/$$/fd/*; do fd=${fd##*/}; ((fd < 3)) || eval \"exec $fd>&-\"; "
      "done 2>/dev/null; exec \"$@\"' bash env " +
      environment + " scripts/cluster host " + std::to_string(number_) + " start " + parts);
}

void Host::stop(const std::string& parts) const {
  run_script("scripts/cluster host " + std::to_string(number_) + " stop " + parts);
}

void Host::signal(const std::string& part, int number) const {
  int leader = 0;
  std::ifstream(folder() + "/run/" + part + ".pid") >> leader;
  if (leader > 1) ::kill(-leader, number);
}

void Host::kill() const {
  for (const char* part : {"nginx", "hash", "fast", "courier", "database"}) signal(part, SIGKILL);
}

std::string Host::query(const std::string& sql) const {
  const std::string socket = std::filesystem::canonical(folder() + "/run") / "mariadb.sock";
  const db::Endpoint endpoint{socket, "users", ::getpwuid(::geteuid())->pw_name};
  return db::Connection(endpoint, Secret()).run_script(sql, "test").value_or("");
}

std::string Host::status(const std::string& name) const {
  try {
    return query(
        "SELECT variable_value FROM information_schema.global_status WHERE variable_name = '" +
        name + "'");
  } catch (const db::DatabaseError&) {
    return "";
  }
}

bool Host::is_home() const {
  // tests/cluster/run starts two workers in each pool.
  constexpr int kProcesses = 5;
  try {
    return std::stoi(query("SELECT COUNT(*) FROM information_schema.processlist WHERE user = "
                           "'users_service' AND host = "
                           "'localhost'")) >= kProcesses;
  } catch (const db::DatabaseError&) {
    return false;
  }
}

}  // namespace users::test
