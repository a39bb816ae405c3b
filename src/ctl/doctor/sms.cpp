// doctor: the command that sends messages, and the settings of a ready-made one.
#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/text.hpp"
#include "ctl/doctor/doctor.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

std::string settings_file() {
  const char* named = std::getenv("SEND_SMS_CONF");  // NOLINT(concurrency-mt-unsafe): one thread
  return named == nullptr || *named == '\0' ? "/etc/users-fcgi/send-sms.conf" : named;
}

/// The settings as the courier reads them; empty if they are no file. They may be the courier's
/// own, so this neither waits for anything nor reads without a bound.
std::string read_settings(std::optional<uid_t> courier, const std::string& file) {
  const AsUser eyes(courier.value_or(::geteuid()));
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return "";
  std::string text(std::size_t{64} * 1024, '\0');
  const ssize_t got = ::read(fd.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

/// The files of secrets that the settings of a ready-made command name.
std::vector<std::string> secret_files(const std::string& settings, const std::string& provider) {
  std::istringstream stream(settings);
  std::vector<std::string> files;
  for (std::string line; std::getline(stream, line);) {
    const auto equals = line.find('=');
    const auto key = trim(std::string_view(line).substr(0, equals));
    if (equals == std::string::npos || !key.starts_with(provider + "_")) continue;
    if (key.ends_with("_file")) files.emplace_back(trim(std::string_view(line).substr(equals + 1)));
  }
  return files;
}

Finding judge_settings(const Diagnosis& d, const std::string& provider) {
  const std::string settings = settings_file();
  const std::string user = word_for(d.courier_uid);
  if (find_program("curl").empty()) {
    return problem("curl is not installed, the command needs it", "apt install curl");
  }
  if (!user_may(d.courier_uid, settings, R_OK)) {
    const std::string group = d.courier_uid ? group_name_of(*d.courier_uid) : "GROUP";
    return problem(settings + " cannot be read by " + user,
                   "copy send-sms.conf.example to " + settings +
                       " and fill it in, or name another file by SEND_SMS_CONF in the courier's "
                       "environment; chown root:" +
                       group + " it and chmod 0640");
  }
  for (const std::string& file : secret_files(read_settings(d.courier_uid, settings), provider)) {
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
    return problem(name + " is not there" + origin,
                   "set command in [sms] to a program that sends one message; ready ones are "
                   "aliyun, tencent, twilio and webhook in /usr/share/users-fcgi/send-sms");
  }
  if (!user_may(d.courier_uid, command, X_OK)) {
    return problem(name + " cannot be run by " + user + origin, "chmod 0755 " + name);
  }
  if (fs::canonical(command).filename() != "spool") return ok(name);
  return warning(name + " writes messages to a file and sends none",
                 "on a site set command in [sms] to one that sends");
}

}  // namespace

void check_sms(Diagnosis& d) {
  const fs::path command = d.config->sms_command;
  d.add("sms command", judge_command(d, command));
  if (d.findings.back().state != State::ok) return;
  const std::string name = fs::canonical(command).filename();
  for (const char* ready : {"aliyun", "tencent", "twilio", "webhook"}) {
    if (name == ready) d.add("sms settings", judge_settings(d, name));
  }
}

}  // namespace users::ctl
