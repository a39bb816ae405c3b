// users-ctl doctor: the table of its checks, and the printing.
#include "ctl/doctor/doctor.hpp"

#include <algorithm>
#include <iostream>

#include <fcntl.h>
#include <unistd.h>

#include "ctl/system.hpp"

namespace users::ctl {
namespace {

struct Group {
  const char* name;  ///< of its row where it cannot run as a whole
  bool needs_configuration;
  void (*run)(Diagnosis&);
};

constexpr Group kGroups[] = {
    {"configuration", false, check_configuration},
    {"policy", true, check_policy},
    {"secrets", true, check_secrets},
    {"programs", false, check_programs},
    {"sms command", true, check_sms},
    {"folders", true, check_folders},
    {"units", true, check_units},
    {"nginx", false, check_nginx},
    {"sockets", false, check_sockets},
    {"workers", false, check_workers},
    {"nginx peers", false, check_peers},
    {"database", true, check_database},
    {"migrations", true, check_migrations},
    {"disk", true, check_disks},
    {"clock", false, check_clock},
};

constexpr const char* kStateNames[] = {"ok", "warning", "problem", "skipped"};

void run_group(const Group& group, Diagnosis& d) {
  if (group.needs_configuration && !d.config) {
    d.report.skipped(group.name, "the configuration does not load");
    return;
  }
  try {
    group.run(d);
  } catch (const std::exception& error) {
    // The other checks still run.
    d.report.problem(group.name, std::string("the check itself failed: ") + error.what(),
                     "run users-ctl doctor as root; mend what the message names");
  }
}

void print(const Diagnosis& d) {
  std::vector<json::Object> rows;
  for (const Finding& finding : d.report.findings()) {
    rows.push_back({{"state", kStateNames[static_cast<int>(finding.state)]},
                    {"check", finding.check},
                    {"found", finding.found},
                    {"advice", finding.advice}});
  }
  print_rows(std::cout, d.call.form(), {"state", "check", "found", "advice"}, rows);
}

}  // namespace

void Report::ok(std::string check, std::string found) {
  findings_.push_back({State::ok, std::move(check), std::move(found), ""});
}

void Report::warning(std::string check, std::string found, std::string advice) {
  findings_.push_back({State::warning, std::move(check), std::move(found), std::move(advice)});
}

void Report::problem(std::string check, std::string found, std::string advice) {
  findings_.push_back({State::problem, std::move(check), std::move(found), std::move(advice)});
}

void Report::skipped(std::string check, std::string reason) {
  findings_.push_back({State::skipped, std::move(check), std::move(reason), ""});
}

bool Diagnosis::may_act_as_service() const {
  return ::geteuid() == 0 || service_uid == ::geteuid();
}

bool user_may(std::optional<uid_t> user, const std::filesystem::path& file, int mode) {
  const AsUser eyes(user.value_or(::geteuid()));
  return ::faccessat(AT_FDCWD, file.c_str(), mode, AT_EACCESS) == 0;
}

std::string Diagnosis::service_name() const {
  return service_uid ? user_word(*service_uid) : "USER";
}

int doctor(const Call& call) {
  Diagnosis d(call);
  for (const Group& group : kGroups) run_group(group, d);
  print(d);
  const bool sound = std::ranges::none_of(
      d.report.findings(), [](const Finding& finding) { return finding.state == State::problem; });
  return sound ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace users::ctl
