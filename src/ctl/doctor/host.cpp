// doctor: the machine: programs, folders, disks, the clock.
#include <array>
#include <cerrno>
#include <system_error>

#include <sys/statvfs.h>
#include <unistd.h>

#include "ctl/doctor/doctor.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Program {
  const char* name;
  const char* package;
};

// Each says its version for -v.
constexpr std::array<Program, 3> kPrograms{
    {{"nginx", "nginx"}, {"spawn-fcgi", "spawn-fcgi"}, {"multiwatch", "multiwatch"}}};

void check_program(Diagnosis& d, const Program& program) {
  const fs::path file = find_program(program.name);
  if (file.empty()) {
    d.report.problem(program.name, "not installed", std::string("apt install ") + program.package);
    return;
  }
  const Finished outcome = run_bounded({file, "-v"}, 5s);
  const std::string version = first_line(outcome.output + "\n" + outcome.errors);
  d.report.ok(program.name, file.string() + (version.empty() ? "" : ": " + version));
}

/// The worker's program that belongs to this one: beside it, else on PATH.
void check_release(Diagnosis& d) {
  std::error_code error;
  fs::path worker = fs::read_symlink("/proc/self/exe", error).parent_path() / "users-fcgi";
  if (::access(worker.c_str(), X_OK) != 0) worker = find_program("users-fcgi");
  if (worker.empty()) {
    d.report.problem("release", "the program users-fcgi is not there",
                     "install it beside users-ctl, from the same release");
    return;
  }
  const Finished outcome = run_bounded({worker, "--version"}, 5s);
  const std::string version = first_line(outcome.output);
  if (version != "users-fcgi " USERS_FCGI_VERSION) {
    d.report.problem(
        "release", worker.string() + " says '" + version + "', users-ctl is " + USERS_FCGI_VERSION,
        "install both from the same release");
  } else {
    d.report.ok("release", worker.string() + ": " + version);
  }
}

/// A file system: space, or inodes.
struct Room {
  const char* what;
  std::uint64_t free;
  std::uint64_t all;
  bool plenty;  ///< however small the share is
};

constexpr std::uint64_t kLow = 10;  // per cent
constexpr std::uint64_t kFull = 2;  // per cent

std::string percent(const Room& room) {
  return std::to_string(room.free * 100 / room.all) + " % of " + room.what + " free";
}

void check_disk(Diagnosis& d, const std::string& check, const fs::path& folder) {
  constexpr std::uint64_t kPlenty = std::uint64_t{10} << 30U;
  struct statvfs fs {};
  if (::statvfs(folder.c_str(), &fs) != 0) {
    d.report.skipped(check, folder.string() + ": " + std::generic_category().message(errno));
    return;
  }
  const std::uint64_t bytes = std::uint64_t{fs.f_bavail} * fs.f_frsize;
  const std::array<Room, 2> rooms{
      {{"the space", fs.f_bavail, fs.f_blocks, bytes > kPlenty},
       {"the inodes", fs.f_favail, fs.f_files, fs.f_favail > std::uint64_t{1} << 20U}}};
  const std::string advice = "see what fills it: df " + folder.string() +
                             " ; du -x -d 2; delete or move that, or make the "
                             "file system larger";
  if ((fs.f_flag & ST_RDONLY) != 0) {
    d.report.problem(check, folder.string() + " is mounted read-only",
                     "look for the disk's errors in dmesg, then mount -o remount,rw");
    return;
  }
  std::string found = folder.string();
  for (const Room& room : rooms) {
    if (room.all == 0) continue;  // a file system without a fixed number
    if (!room.plenty && room.free * 100 < room.all * kFull) {
      d.report.problem(check, folder.string() + ": " + percent(room), advice);
      return;
    }
    if (!room.plenty && room.free * 100 < room.all * kLow) {
      d.report.warning(check, folder.string() + ": " + percent(room), advice);
      return;
    }
    found += (found == folder ? ": " : ", ") + percent(room);
  }
  d.report.ok(check, found);
}

/// A folder that the service makes files in.
void check_folder(Diagnosis& d, const char* check, const fs::path& folder,
                  const std::string& mend) {
  std::error_code error;
  const bool is_folder = fs::is_directory(folder, error);
  if (error == std::errc::permission_denied) {
    d.report.skipped(check, folder.string() + " is hidden from this user");
  } else if (!is_folder) {
    d.report.problem(check, folder.string() + " is no folder", mend);
  } else if (!d.may_act_as_service()) {
    d.report.skipped(check, "only root and " + d.service_name() + " can try it");
  } else if (!user_may(d.service_uid, folder, W_OK | X_OK)) {
    d.report.problem(check, folder.string() + " cannot be written by " + d.service_name(), mend);
  } else {
    d.report.ok(check, folder.string());
  }
}

}  // namespace

void check_programs(Diagnosis& d) {
  for (const Program& program : kPrograms) check_program(d, program);
  check_release(d);
}

void check_folders(Diagnosis& d) {
  const fs::path log = d.config->log_directory;
  check_folder(d, "log folder", log,
               "install -d -m 0750 -o " + d.service_name() + " " + log.string());
  const fs::path metrics = fs::path(d.config->metrics_file).parent_path();
  check_folder(d, "metrics folder", metrics,
               "name a file in a folder of " + d.service_name() + " in metrics.file");
  if (d.courier_uid != d.service_uid && ::geteuid() == 0 &&
      !user_may(d.courier_uid, metrics, W_OK | X_OK)) {
    d.report.warning(
        "metrics folder",
        metrics.string() + " is closed to " + user_name(*d.courier_uid) +
            ", so what the courier counts is not told",
        "set metrics.file to one in a folder that their group shares (mode 2770), such "
        "as /run/users-fcgi-metrics/metrics");
  }
}

void check_disks(Diagnosis& d) {
  check_disk(d, "disk of the log", d.config->log_directory);
  if (d.data_folder.empty()) {
    d.report.skipped("disk of the database", "it is on another machine, or hidden from this user");
  } else {
    check_disk(d, "disk of the database", d.data_folder);
  }
}

void check_clock(Diagnosis& d) {
  const fs::path program = find_program("timedatectl");
  if (program.empty()) {
    d.report.skipped("clock", "timedatectl is not there to ask");
    return;
  }
  const Finished outcome = run_bounded({program, "show", "-p", "NTPSynchronized", "--value"}, 5s);
  const std::string answer = first_line(outcome.output);
  if (answer == "yes") {
    d.report.ok("clock", "synchronised by NTP");
  } else if (answer == "no") {
    d.report.warning("clock", "not synchronised by NTP: codes and sessions end at wrong times",
                     "apt install systemd-timesyncd && timedatectl set-ntp true");
  } else {
    const std::string why = first_line(outcome.errors);
    d.report.skipped("clock", "timedatectl does not know" + (why.empty() ? "" : ": " + why));
  }
}

}  // namespace users::ctl
