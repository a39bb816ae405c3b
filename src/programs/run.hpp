// Shared by the programs' main functions: from argv to an exit code.
#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/config.hpp"
#include "base/program.hpp"
#include "base/secret.hpp"
#include "db/database.hpp"
#include "metrics/metrics.hpp"

namespace users {

/// Runs a program: first sets UTC and disables core dumps, then turns an exception from `body` into
/// one line on standard error and an exit code.
int run_program(std::string_view name, const std::function<int(int argc, char** argv)>& body,
                int argc, char** argv);

/// What a running server program works with.
struct Server {
  const Config& config;
  const Secret& password;
  const Secret& key;
  Metrics metrics{config.metrics_file};
  db::Database database{config, password, metrics};
  Counter ended = metrics.counter(MetricId::workers_ended);
  std::chrono::steady_clock::time_point next_look{};  ///< for stuck workers

  /// It can serve from now on, and stops only when stop_requested() looks.
  void set_ready();
  /// Call this often. Keeps the database's connection, and at most once a second kills workers that
  /// have been in one request for too long.
  void tend();
};

/// A server program.
struct Service {
  std::string_view name;
  std::string_view role;   ///< for the log: worker, courier
  std::string_view about;  ///< begins the help
  std::string_view notes;  ///< of the help, after the options that both programs have
  std::span<const PrintedFile> documents;  ///< for --print
  std::string (*place)();                  ///< for WorkerTable::enter()
  void (*serve)(Server&);                  ///< returns when a stop signal came
};

/// Runs a server program. It takes --config, --check-config, --check-database, --print-config,
/// --print, --help and --version. If its configuration is bad, it exits one second after the
/// message.
int run_service(const Service& service, int argc, char** argv);

}  // namespace users
