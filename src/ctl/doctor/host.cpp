// doctor: the machine: programs, the command that sends messages, folders, disks, and the clock.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/text.hpp"
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

/// Checks the worker's program beside this one, otherwise the one on PATH.
Finding judge_release() {
  std::error_code error;
  fs::path worker = fs::read_symlink("/proc/self/exe", error).parent_path() / "users-fcgi";
  if (::access(worker.c_str(), X_OK) != 0) worker = find_program("users-fcgi");
  if (worker.empty()) {
    return problem("the program users-fcgi is not installed",
                   "install it beside users-ctl, from the same release");
  }
  const std::string version = first_line(run_bounded({worker, "--version"}, 5s).output);
  if (version == "users-fcgi " USERS_FCGI_VERSION) return ok(worker.string() + ": " + version);
  return problem(worker.string() + " says '" + version + "', users-ctl is " USERS_FCGI_VERSION,
                 "install both from the same release");
}

Finding judge_disk(const std::string& folder) {
  constexpr std::uint64_t kPlenty = std::uint64_t{10} << 30U;  // bytes: enough on any disk
  constexpr std::uint64_t kManyFiles = std::uint64_t{1} << 20U;
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return skipped(folder + ": " + explain(errno));
  if ((disk.f_flag & ST_RDONLY) != 0) {
    return problem(folder + " is mounted read-only",
                   "see dmesg for errors of the disk, then mount -o remount,rw");
  }
  // Some file systems have no fixed number of inodes.
  const auto space = disk.f_bavail * 100 / std::max<std::uint64_t>(disk.f_blocks, 1);
  const auto inodes = disk.f_files == 0 ? 100 : disk.f_favail * 100 / disk.f_files;
  const std::string found = folder + ": " + std::to_string(space) + " % of the space free, " +
                            std::to_string(inodes) + " % of the inodes";
  const std::string advice = "see what fills it: du -xh -d 2 " + folder +
                             "; delete or move it, or enlarge the file system";
  const auto least = std::min(disk.f_bavail * disk.f_frsize > kPlenty ? 100 : space,
                              disk.f_favail > kManyFiles ? 100 : inodes);
  return least < 2 ? problem(found, advice) : least < 10 ? warning(found, advice) : ok(found);
}

/// Checks a folder in which the service creates files.
Finding judge_folder(const Diagnosis& d, const fs::path& folder, const std::string& mend) {
  const std::string name = folder.string();
  std::error_code error;
  const bool is_folder = fs::is_directory(folder, error);
  if (error == std::errc::permission_denied) return skipped(name + " is hidden from this user");
  if (!is_folder) return problem(name + " is not a folder", mend);
  const std::string user = word_for(d.service_uid);
  if (!may_act_as(d.service_uid)) return skipped("only root and " + user + " can try it");
  if (user_may(d.service_uid, folder, W_OK | X_OK)) return ok(name);
  return problem(name + " cannot be written by " + user, mend);
}

/// The secret files that the settings of a shipped command name. The courier may be able to replace
/// the settings, so this reads them as the courier, without waiting, up to a limit.
std::vector<std::string> secret_files(std::optional<uid_t> courier, const std::string& settings,
                                      const std::string& provider) {
  const AsUser eyes(courier.value_or(::geteuid()));
  const Descriptor fd(::open(settings.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::string text(std::size_t{64} * 1024, '\0');
  const ssize_t got = ::read(fd.get(), text.data(), text.size());
  std::istringstream lines(text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0))));
  std::vector<std::string> files;
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    const auto key = trim(std::string_view(line).substr(0, equals));
    if (!key.starts_with(provider + "_") || !key.ends_with("_file")) continue;
    files.emplace_back(trim(std::string_view(line).substr(equals + 1)));
  }
  return files;
}

Finding judge_settings(const Diagnosis& d, const std::string& provider) {
  const char* named = std::getenv("SEND_SMS_CONF");  // NOLINT(concurrency-mt-unsafe): one thread
  const std::string settings =
      named == nullptr || *named == '\0' ? "/etc/users-fcgi/send-sms.conf" : named;
  const std::string user = word_for(d.courier_uid);
  if (find_program("curl").empty()) {
    return problem("curl is not installed, but the command needs it", "apt install curl");
  }
  if (!user_may(d.courier_uid, settings, R_OK)) {
    const std::string group = d.courier_uid ? group_name_of(*d.courier_uid) : "GROUP";
    return problem(settings + " cannot be read by " + user,
                   "copy send-sms.conf.example to it or to a file that the courier's SEND_SMS_CONF "
                   "names, and fill it in; chmod 0640 it and chown it root:" +
                       group);
  }
  for (const std::string& file : secret_files(d.courier_uid, settings, provider)) {
    struct stat status {};
    const char* fault = ::stat(file.c_str(), &status) != 0     ? " is missing or hidden"
                        : (status.st_mode & 0177U) != 0        ? " is open to others"
                        : !user_may(d.courier_uid, file, R_OK) ? " cannot be read"
                                                               : nullptr;
    if (fault == nullptr) continue;
    return problem(file + fault, "write the provider's secret into it; chown " + user + " " + file +
                                     " && chmod 0600 " + file);
  }
  return ok(settings);
}

Finding judge_command(const Diagnosis& d, const fs::path& command) {
  const std::string name = command.string();
  const std::string user = word_for(d.courier_uid);
  const std::string origin =
      " (sms.command, " + d.config->origins.find("sms.command")->second + ")";
  std::error_code error;
  const bool is_file = fs::is_regular_file(command, error);
  if (!may_act_as(d.courier_uid) || error == std::errc::permission_denied) {
    return skipped("only root and " + user + " can try it");
  }
  if (!is_file) {
    return problem(name + " does not exist" + origin,
                   "set command in [sms] to a program that sends one message; "
                   "/usr/share/users-fcgi/send-sms has some");
  }
  if (!user_may(d.courier_uid, command, X_OK)) {
    return problem(name + " cannot be run by " + user + origin, "chmod 0755 " + name);
  }
  if (fs::canonical(command).filename() != "spool") return ok(name);
  return warning(name + " writes messages to a file and sends none",
                 "on a site set command in [sms] to a program that sends");
}

}  // namespace

void check_programs(Diagnosis& d) {
  // Each prints its version for -v.
  for (const char* name : {"nginx", "spawn-fcgi", "multiwatch"}) d.add(name, judge_program(name));
  d.add("release", judge_release());
}

void check_sms(Diagnosis& d) {
  const fs::path command = d.config->sms_command;
  d.add("sms command", judge_command(d, command));
  if (d.findings.back().state != State::ok) return;
  // Ours share their settings' reader.
  const fs::path program = fs::canonical(command);
  if (fs::exists(program.parent_path() / "common.sh")) {
    d.add("sms settings", judge_settings(d, program.filename()));
  }
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
          warning(metrics.string() + " is closed to the courier's user, so its metrics are lost",
                  "set metrics.file to one in a folder that their group shares (mode 2770), such "
                  "as /run/users-fcgi-metrics/metrics"));
  }
}

void check_disks(Diagnosis& d) {
  d.add("disk of the log", judge_disk(d.config->log_directory));
  d.add("disk of the database", d.data_folder.empty()
                                    ? skipped("it is on another machine, or hidden from this user")
                                    : judge_disk(d.data_folder.string()));
}

void check_clock(Diagnosis& d) {
  const fs::path program = find_program("timedatectl");
  if (program.empty()) return d.add("clock", skipped("timedatectl is not installed"));
  const Finished outcome = run_bounded({program, "show", "-p", "NTPSynchronized", "--value"}, 5s);
  const std::string answer = first_line(outcome.output);
  d.add("clock",
        answer == "yes" ? ok("synchronised by NTP")
        : answer == "no"
            ? warning("not synchronised by NTP: codes and sessions expire at the wrong time",
                      "apt install systemd-timesyncd && timedatectl set-ntp true")
            : skipped("timedatectl reports nothing: " + first_line(outcome.errors)));
}

}  // namespace users::ctl
