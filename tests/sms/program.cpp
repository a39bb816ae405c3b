#include "sms/program.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/wait.h>

namespace users::test {
namespace {

namespace fs = std::filesystem;

// All that the programs may need beside bash.
constexpr const char* kCommands[] = {"base64", "cat",      "curl",      "dirname", "head",
                                     "od",     "realpath", "sha256sum", "stat",    "tr"};

constexpr std::string_view kWrapper = R"(#!/bin/bash
printf '%s\n' "${0##*/} $*" >>"${0%/*}/../commands"
PATH=/usr/bin:/bin exec "${0##*/}" "$@"
)";

std::string read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::system_category());
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

std::string message_line(const Text& text) {
  return nlohmann::json{{"id", 7},       {"phone", text.phone},       {"purpose", text.purpose},
                        {"code", kCode}, {"language", text.language}, {"text", text.text}}
             .dump() +
         "\n";
}

SendSms::SendSms() {
  fs::create_directory(path() / "bin");
  const fs::path wrapper = directory_.write("wrapper", kWrapper);
  fs::permissions(wrapper, fs::perms::owner_all);
  for (const char* command : kCommands) fs::create_symlink(wrapper, path() / "bin" / command);
}

void SendSms::configure(std::string_view settings) const {
  (void)directory_.write("send-sms.conf", settings);
}

std::string SendSms::secret(std::string_view content) const {
  return directory_.write("secret", content);
}

Ended SendSms::run(const std::string& program, std::string_view input,
                   const std::vector<std::string>& environment) const {
  return execute({"conf/send-sms/" + program}, input, environment);
}

Ended SendSms::bash(const std::string& script, std::string_view input,
                    const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{"/bin/bash", "-c", "set -euo pipefail; " + script, "bash"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return execute(command, input, {});
}

Ended SendSms::execute(std::vector<std::string> command, std::string_view input,
                       std::vector<std::string> environment) const {
  const std::string in = directory_.write("input", input);
  const std::string out = directory_.write("output", "");
  const std::string err = directory_.write("errors", "");
  (void)directory_.write("commands", "");
  environment.insert(environment.begin(), {"PATH=" + (path() / "bin").string(),
                                           "SEND_SMS_CONF=" + (path() / "send-sms.conf").string()});
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, in.c_str(), O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_WRONLY | O_APPEND, 0);
  ::posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_WRONLY | O_APPEND, 0);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, command[0].c_str(), &files, nullptr,
                                   pointers_to(command).data(), pointers_to(environment).data());
  ::posix_spawn_file_actions_destroy(&files);
  if (failed != 0) throw std::system_error(failed, std::system_category(), command[0]);
  const int status = wait_for(child);
  return {status, read_file(out), read_file(err), read_file(path() / "commands")};
}

}  // namespace users::test
