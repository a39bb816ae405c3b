// users-ctl doctor: the table of its checks, and the printing.
#include "ctl/doctor/doctor.hpp"

#include <algorithm>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "ctl/system.hpp"

namespace users::ctl {
namespace {

constexpr const char* kStateNames[] = {"ok", "warning", "problem", "skipped"};

struct Group {
  const char* name;  ///< of its row if the whole group is skipped or fails
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
    {"workers", true, check_workers},
    {"nginx peers", false, check_peers},
    {"database", true, check_database},
    {"migrations", true, check_migrations},
    {"disk", true, check_disks},
    {"clock", false, check_clock},
};

void run_group(const Group& group, Diagnosis& d) {
  if (group.needs_configuration && !d.config) {
    return d.add(group.name, skipped("the configuration does not load"));
  }
  try {
    group.run(d);
  } catch (const std::exception& error) {
    // The other checks still run.
    d.add(group.name, problem(std::string("the check failed: ") + error.what(),
                              "run users-ctl doctor as root; fix what the message names"));
  }
}

}  // namespace

void Diagnosis::add(const std::string& check, Finding finding) {
  finding.check = check;
  findings.push_back(std::move(finding));
}

bool may_act_as(std::optional<uid_t> user) {
  return ::geteuid() == 0 || user == ::geteuid();
}

std::string word_for(std::optional<uid_t> user) {
  return user ? user_name(*user, "") : "USER";
}

std::string start_all_as(std::optional<uid_t> user) {
  return "start all parts as " + word_for(user) +
         ", and chown the files in the folders of log and metrics to that user";
}

bool user_may(std::optional<uid_t> user, const std::filesystem::path& file, int mode) {
  const AsUser eyes(user.value_or(::geteuid()));
  return ::faccessat(AT_FDCWD, file.c_str(), mode, AT_EACCESS) == 0;
}

std::string explain(int error) {
  return std::generic_category().message(error);
}

int doctor(const Call& call) {
  Diagnosis d(call);
  for (const Group& group : kGroups) run_group(group, d);
  print_rows(
      call, d.findings,
      {{"state", [](const Finding& one) { return kStateNames[static_cast<int>(one.state)]; }},
       {"check", &Finding::check},
       {"found", &Finding::found},
       {"advice", &Finding::advice}});
  const bool is_sound = std::ranges::count(d.findings, State::problem, &Finding::state) == 0;
  return is_sound ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace users::ctl
