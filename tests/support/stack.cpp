#include "support/stack.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.hpp"
#include "db/migrations.hpp"
#include "support/text.hpp"

namespace users::test {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    throw std::runtime_error(std::string(name) + " is not set: start the tests with make test");
  }
  return value;
}

db::Endpoint administrator_endpoint(const std::string& database) {
  return {run_folder() + "/mariadb.sock", database, ::getpwuid(::geteuid())->pw_name};
}

}  // namespace

std::string state_folder() {
  return environment("STATE");
}

std::vector<std::string> with_stack_database(std::vector<std::string> more) {
  more.insert(more.end(),
              {"USERS_FCGI_DATABASE_HOSTS=" + run_folder() + "/mariadb.sock",
               "USERS_FCGI_DATABASE_PASSWORD_FILE=" + state_folder() + "/secrets/service_password",
               "USERS_FCGI_SECRETS_KEY_FILE=" + state_folder() + "/secrets/key"});
  return more;
}

std::string run_folder() {
  return std::filesystem::canonical(state_folder() + "/run");
}

std::string base_url() {
  return environment("PORT") == "unix" ? "unix:" + run_folder() + "/nginx.sock" : origin();
}

std::string origin() {
  const std::string port = environment("PORT");
  return "http://127.0.0.1" + (port == "unix" ? "" : ":" + port);
}

std::string curl_environment() {
  return "CURL_HOME='" + state_folder() + "/curl' ";
}

HttpReply regist(std::string_view phone, std::string_view password) {
  return send(base_url(), {.body = registration(phone, password)});
}

std::string fresh_phone() {
  static std::atomic<int> next{0};
  static const std::string series = environment("PHONE_SERIES");
  const std::string digits = std::to_string(10'000'000 + next++);
  return "13" + series + digits;
}

std::unique_ptr<db::Connection> administrator(const std::string& database) {
  return std::make_unique<db::Connection>(administrator_endpoint(database), Secret());
}

std::string query(const std::string& sql) {
  return administrator("users")->run_script(sql, "test").value_or("NULL");
}

std::string program(const std::string& name) {
  return std::filesystem::absolute(environment("BIN")) / name;
}

std::string users_ctl(const std::string& arguments) {
  return "'" + program("users-ctl") + "' --config '" + state_folder() + "/users.conf' " + arguments;
}

int count_users(const std::string& e164) {
  return std::stoi(query("SELECT COUNT(*) FROM users WHERE phone = '" + e164 + "'"));
}

Command run_command(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  Command result{-1, ""};
  char buffer[4096];
  for (size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    result.output.append(buffer, got);
  }
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

std::string run_script(const std::string& command) {
  const Command result = run_command(command + " 2>&1");
  if (result.status != 0) throw std::runtime_error(command + " failed: " + result.output);
  return result.output;
}

std::vector<int> worker_pids(const std::string& part) {
  // The parent of the workers is multiwatch.
  std::istringstream list(
      run_script("pgrep -P \"$(cat '" + run_folder() + "/" + part + ".pid')\" || true"));
  std::vector<int> pids;
  for (int pid = 0; list >> pid;) pids.push_back(pid);
  return pids;
}

void in_parallel(int threads, int count, const std::function<void(int)>& work) {
  std::atomic<int> next{0};
  std::vector<std::jthread> pool;
  for (int thread = 0; thread < threads; ++thread) {
    pool.emplace_back([&] {
      for (int i = next++; i < count; i = next++) work(i);
    });
  }
}

int row_lock_waits() {
  // Not information_schema.innodb_trx: it is cached and not refreshed for frequent readers.
  return std::stoi(
      query("SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = "
            "'INNODB_ROW_LOCK_CURRENT_WAITS'"));
}

void over_all_workers(const std::string& bucket, int count, const std::function<void(int)>& work) {
  constexpr int kThreads = 16;
  const int workers = static_cast<int>(worker_pids("hash").size());
  const auto holder = administrator("users");
  holder->run_script("START TRANSACTION", "lock");
  holder->run_script("SELECT 1 FROM throttle WHERE bucket = '" + bucket + "' FOR UPDATE", "lock");
  std::jthread requests([&] { in_parallel(kThreads, count, work); });
  const bool came = wait_until(30, [&] { return row_lock_waits() >= workers; });
  holder->run_script("COMMIT", "unlock");
  requests.join();
  if (!came) throw std::runtime_error("not every worker was at " + bucket);
}

bool wait_until(double seconds, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::chrono::milliseconds pause{1};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds{20});
  }
  return true;
}

ScratchDatabase::ScratchDatabase(bool with_tables) {
  crypto::start();
  name_ = "scratch_" + crypto::random_hex(6);
  connection_ = administrator();
  connection_->run_script("CREATE DATABASE " + name_ + "; USE " + name_, "scratch");
  if (!with_tables) return;
  connection_->run_script(read_file("sql/schema.sql") +
                              "INSERT INTO schema_migrations (version, name, applyTime) VALUES (" +
                              std::to_string(db::kSchemaVersion) +
                              ", 'schema.sql', UTC_TIMESTAMP())",
                          "tables");
}

ScratchDatabase::~ScratchDatabase() {
  try {
    administrator()->run_script("DROP DATABASE IF EXISTS " + name_, "drop scratch");
  } catch (const db::DatabaseError& error) {
    (void)std::fprintf(stderr, "scratch database left behind: %s\n", error.what());
  }
}

Config ScratchDatabase::config() const {
  const auto endpoint = administrator_endpoint(name_);
  Config config = load_config("conf/development.conf", nullptr);
  config.database_hosts = {endpoint.host};
  config.database_name = name_;
  config.database_user = endpoint.user;
  config.password_argon2_memory = 64;
  config.password_argon2_passes = 1;
  return config;
}

std::unique_ptr<db::Connection> ScratchDatabase::connect() const {
  return administrator(name_);
}

std::string ScratchDatabase::query(const std::string& sql) {
  return connection_->run_script(sql, "test").value_or("NULL");
}

std::string ScratchDatabase::open_transactions() {
  return query(
      "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p "
      "ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE()");
}

}  // namespace users::test
