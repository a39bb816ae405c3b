#include "cluster/host.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <pwd.h>
#include <unistd.h>

#include "support/stack.hpp"

namespace users::test {

std::string Host::address() const {
  return std::string(std::getenv("NETWORK")) + "." + std::to_string(number_);
}

std::string Host::url() const {
  return "http://" + address() + ":" + std::getenv("PORT");
}

std::string Host::network_namespace() const {
  return std::string("users-") + std::getenv("PORT") + "-" + std::to_string(number_);
}

std::string Host::folder() const {
  return std::string(std::getenv("CLUSTER")) + "/host" + std::to_string(number_);
}

void Host::start(const std::string& parts, const std::string& environment) const {
  // Close the test's descriptors first. Workers would inherit them, and the ledger counts those.
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

void Host::signal_all(int number) const {
  for (const char* part : {"nginx", "hash", "fast", "courier", "database"}) signal(part, number);
}

std::unique_ptr<db::Connection> Host::connect() const {
  const std::string socket = std::filesystem::canonical(folder() + "/run") / "mariadb.sock";
  const db::Endpoint endpoint{socket, "users", ::getpwuid(::geteuid())->pw_name};
  return std::make_unique<db::Connection>(endpoint, Secret());
}

std::string Host::query(const std::string& sql) const {
  return connect()->run_script(sql, "test").value_or("");
}

std::string Host::status(const std::string& name) const {
  try {
    return query(
        "SET wsrep_sync_wait = 0; SELECT variable_value FROM information_schema.global_status "
        "WHERE variable_name = '" +
        name + "'");
  } catch (const db::DatabaseError&) {
    return "";
  }
}

long Host::last_commit() const {
  const std::string position =
      run_script("mariadbd --defaults-file='" + folder() + "/mariadb.cnf' --datadir='" + folder() +
                 "/mariadb' --socket='" + folder() +
                 "/recover.sock' --skip-networking --wsrep-recover 2>&1 | sed -n 's/.*Recovered "
                 "position: .*://p'");
  return std::stol(position);
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
