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

std::string courier_name(const Diagnosis& d) {
  return d.courier_uid ? user_word(*d.courier_uid) : "USER";
}

/// Whether this process may look at what belongs to the courier.
bool may_act_as_courier(const Diagnosis& d) {
  return ::geteuid() == 0 || d.courier_uid == ::geteuid();
}

std::string sms_settings_file() {
  const char* named = std::getenv("SEND_SMS_CONF");  // NOLINT(concurrency-mt-unsafe): one thread
  return named == nullptr || *named == '\0' ? "/etc/users-fcgi/send-sms.conf" : named;
}

/// The settings as the courier reads them; empty if they are no file. They may be the courier's
/// own, so this neither waits for anything nor reads without a bound.
std::string read_settings(const Diagnosis& d, const std::string& file) {
  constexpr std::size_t kMost = std::size_t{64} * 1024;
  const AsUser courier(d.courier_uid.value_or(::geteuid()));
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return "";
  std::string text(kMost, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(fd.get(), text.data(), kMost), 0)));
  return text;
}

/// The files of secrets that the settings of a ready-made command name.
std::vector<std::string> sms_secret_files(const std::string& settings,
                                          const std::string& provider) {
  std::istringstream stream(settings);
  std::vector<std::string> files;
  for (std::string line; std::getline(stream, line);) {
    const auto equals = line.find('=');
    if (equals == std::string::npos || trim(line).starts_with('#')) continue;
    const auto key = trim(std::string_view(line).substr(0, equals));
    if (!key.starts_with(provider + "_") || !key.ends_with("_file")) continue;
    files.emplace_back(trim(std::string_view(line).substr(equals + 1)));
  }
  return files;
}

void check_sms_settings(Diagnosis& d, const std::string& provider) {
  const std::string settings = sms_settings_file();
  if (find_program("curl").empty()) {
    d.report.problem("sms settings", "curl is not installed, the command needs it",
                     "apt install curl");
    return;
  }
  if (!user_may(d.courier_uid, settings, R_OK)) {
    d.report.problem("sms settings", settings + " cannot be read by " + courier_name(d),
                     "copy send-sms.conf.example to " + settings +
                         " and fill it in, or name another file by SEND_SMS_CONF in the courier's "
                         "environment; chown root:" +
                         (d.courier_uid ? group_name_of(*d.courier_uid) : "GROUP") +
                         " it and chmod 0640");
    return;
  }
  for (const std::string& file : sms_secret_files(read_settings(d, settings), provider)) {
    struct stat status {};
    const bool there = ::stat(file.c_str(), &status) == 0;
    const bool closed = there && (status.st_mode & 0177U) == 0;
    if (there && closed && user_may(d.courier_uid, file, R_OK)) continue;
    std::string found = file;
    found += !there ? " is missing or hidden" : !closed ? " is open to others" : " cannot be read";
    std::string advice = "write the provider's secret into it; chown " + courier_name(d);
    advice.append(" ").append(file).append(" && chmod 0600 ").append(file);
    d.report.problem("sms settings", found, advice);
    return;
  }
  d.report.ok("sms settings", settings);
}

}  // namespace

void check_sms(Diagnosis& d) {
  const fs::path command = d.config->sms_command;
  const std::string origin =
      " (sms.command, " + d.config->origins.find("sms.command")->second + ")";
  std::error_code error;
  const bool is_file = fs::is_regular_file(command, error);
  if (!may_act_as_courier(d) || error == std::errc::permission_denied) {
    d.report.skipped("sms command", "only root and " + courier_name(d) + " can try it");
    return;
  }
  if (!is_file) {
    d.report.problem("sms command", command.string() + " is not there" + origin,
                     "set command in [sms] to a program that sends one message; ready ones are "
                     "aliyun, tencent, twilio and webhook in /usr/share/users-fcgi/send-sms");
    return;
  }
  if (!user_may(d.courier_uid, command, X_OK)) {
    d.report.problem("sms command",
                     command.string() + " cannot be run by " + courier_name(d) + origin,
                     "chmod 0755 " + command.string());
    return;
  }
  const std::string name = fs::canonical(command).filename();
  if (name == "spool") {
    d.report.warning("sms command", command.string() + " writes messages to a file and sends none",
                     "on a site set command in [sms] to one that sends");
    return;
  }
  d.report.ok("sms command", command.string());
  for (const char* ready : {"aliyun", "tencent", "twilio", "webhook"}) {
    if (name == ready) check_sms_settings(d, name);
  }
}

}  // namespace users::ctl
