// doctor: the machine: programs, folders, disks, the clock.
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

Finding judge_program(const std::string& name) {
  const fs::path file = find_program(name);
  // Its package has the same name.
  if (file.empty()) return problem("not installed", "apt install " + name);
  const Finished outcome = run_bounded({file, "-v"}, 5s);
  const std::string version = first_line(outcome.output + "\n" + outcome.errors);
  return ok(file.string() + (version.empty() ? "" : ": " + version));
}

/// The worker's program that belongs to this one: beside it, else on PATH.
Finding judge_release() {
  std::error_code error;
  fs::path worker = fs::read_symlink("/proc/self/exe", error).parent_path() / "users-fcgi";
  if (::access(worker.c_str(), X_OK) != 0) worker = find_program("users-fcgi");
  if (worker.empty()) {
    return problem("the program users-fcgi is not there",
                   "install it beside users-ctl, from the same release");
  }
  const std::string version = first_line(run_bounded({worker, "--version"}, 5s).output);
  if (version == "users-fcgi " USERS_FCGI_VERSION) return ok(worker.string() + ": " + version);
  return problem(worker.string() + " says '" + version + "', users-ctl is " USERS_FCGI_VERSION,
                 "install both from the same release");
}

/// Space or inodes of a file system.
struct Room {
  const char* what;
  std::uint64_t free;
  std::uint64_t all;     ///< 0 if there is no fixed number
  std::uint64_t plenty;  ///< more than this is enough, however small the share is
};

Finding judge_disk(const fs::path& folder) {
  constexpr std::uint64_t kLow = 10;  // per cent
  constexpr std::uint64_t kFull = 2;  // per cent
  struct statvfs disk {};
  std::string found = folder.string();
  if (::statvfs(folder.c_str(), &disk) != 0) return skipped(found + ": " + explain(errno));
  if ((disk.f_flag & ST_RDONLY) != 0) {
    return problem(found + " is mounted read-only",
                   "look for the disk's errors in dmesg, then mount -o remount,rw");
  }
  const std::string advice = "see what fills it: df " + found +
                             " ; du -x -d 2; delete or move that, or make the file system larger";
  const std::uint64_t block = std::max<std::uint64_t>(disk.f_frsize, 1);
  const Room rooms[] = {
      {"the space", disk.f_bavail, disk.f_blocks, (std::uint64_t{10} << 30U) / block},
      {"the inodes", disk.f_favail, disk.f_files, std::uint64_t{1} << 20U}};
  std::string separator = ": ";
  for (const Room& room : rooms) {
    if (room.all == 0) continue;
    const std::uint64_t share = room.free * 100 / room.all;
    const std::string free = std::to_string(share) + " % of " + room.what + " free";
    if (share < kLow && room.free <= room.plenty) {
      const std::string only = folder.string() + ": " + free;
      return share < kFull ? problem(only, advice) : warning(only, advice);
    }
    found += std::exchange(separator, ", ") + free;
  }
  return ok(found);
}

/// A folder that the service makes files in.
Finding judge_folder(const Diagnosis& d, const fs::path& folder, const std::string& mend) {
  const std::string name = folder.string();
  std::error_code error;
  const bool is_folder = fs::is_directory(folder, error);
  if (error == std::errc::permission_denied) return skipped(name + " is hidden from this user");
  if (!is_folder) return problem(name + " is no folder", mend);
  const std::string user = word_for(d.service_uid);
  if (!may_act_as(d.service_uid)) return skipped("only root and " + user + " can try it");
  if (user_may(d.service_uid, folder, W_OK | X_OK)) return ok(name);
  return problem(name + " cannot be written by " + user, mend);
}

}  // namespace

void check_programs(Diagnosis& d) {
  // Each says its version for -v.
  for (const char* name : {"nginx", "spawn-fcgi", "multiwatch"}) d.add(name, judge_program(name));
  d.add("release", judge_release());
}

void check_folders(Diagnosis& d) {
  const std::string user = word_for(d.service_uid);
  const std::string& log = d.config->log_directory;
  d.add("log folder", judge_folder(d, log, "install -d -m 0750 -o " + user + " " + log));
  const fs::path metrics = fs::path(d.config->metrics_file).parent_path();
  d.add("metrics folder",
        judge_folder(d, metrics, "name a file in a folder of " + user + " in metrics.file"));
  if (d.courier_uid != d.service_uid && ::geteuid() == 0 &&
      !user_may(d.courier_uid, metrics, W_OK | X_OK)) {
    d.add("metrics folder",
          warning(metrics.string() + " is closed to " + user_name(*d.courier_uid) +
                      ", so what the courier counts is not told",
                  "set metrics.file to one in a folder that their group shares (mode 2770), such "
                  "as /run/users-fcgi-metrics/metrics"));
  }
}

void check_disks(Diagnosis& d) {
  d.add("disk of the log", judge_disk(d.config->log_directory));
  d.add("disk of the database", d.data_folder.empty()
                                    ? skipped("it is on another machine, or hidden from this user")
                                    : judge_disk(d.data_folder));
}

void check_clock(Diagnosis& d) {
  const fs::path program = find_program("timedatectl");
  if (program.empty()) return d.add("clock", skipped("timedatectl is not there to ask"));
  const Finished outcome = run_bounded({program, "show", "-p", "NTPSynchronized", "--value"}, 5s);
  const std::string answer = first_line(outcome.output);
  d.add("clock", answer == "yes" ? ok("synchronised by NTP")
                 : answer == "no"
                     ? warning("not synchronised by NTP: codes and sessions end at wrong times",
                               "apt install systemd-timesyncd && timedatectl set-ntp true")
                     : skipped("timedatectl does not know: " + first_line(outcome.errors)));
}

}  // namespace users::ctl
