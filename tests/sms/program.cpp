#include "sms/program.hpp"

#include <algorithm>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "sms/signatures.hpp"
#include "support/stack.hpp"

namespace users::test {
namespace {

namespace fs = std::filesystem;

// Everything the programs may need besides bash.
constexpr const char* kCommands[] = {"base64", "cat",      "curl",      "dirname", "head",
                                     "od",     "realpath", "sha256sum", "stat",    "tr"};

constexpr std::string_view kWrapper = R"(#!/bin/bash
printf '%s\n' "${0##*/} $*" >>"${0%/*}/../commands"
PATH=/usr/bin:/bin exec "${0##*/}" "$@"
)";

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

SendSms::SendSms(const Provider& provider, const std::string& url, const std::string& more,
                 int timeout)
    : SendSms() {
  configure(provider.config(url, secret(kSecret), timeout) + more);
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

Ended SendSms::execute(const std::vector<std::string>& command, std::string_view input,
                       const std::vector<std::string>& environment) const {
  const fs::path errors = directory_.write("errors", "");
  const fs::path commands = directory_.write("commands", "");
  std::string line = "exec env -i PATH=" + shell_word(path() / "bin") +
                     " SEND_SMS_CONF=" + shell_word(path() / "send-sms.conf");
  for (const auto& words : {environment, command}) {
    for (const std::string& word : words) line += " " + shell_word(word);
  }
  const auto [status, output] = run_command(
      line + " <" + shell_word(directory_.write("input", input)) + " 2>" + shell_word(errors));
  return {status, output, read_file(errors), read_file(commands)};
}

void check_hidden(std::string_view shown) {
  const std::string secret = kSecret;
  for (const std::string& hidden :
       {std::string(kCode), secret, base64_of("AC0123:" + secret), hex_of(secret),
        hex_of("TC3" + secret), std::string("验证码")}) {
    BOOST_TEST(!contains(shown, hidden), "found " << hidden << " in: " << shown);
  }
}

void check_end(const Ended& ended, int status, std::string_view said) {
  BOOST_TEST(ended.status == status, ended.errors);
  BOOST_TEST(ended.output == "");
  BOOST_TEST(contains(ended.errors, said), "\"" << said << "\" is not in: " << ended.errors);
  BOOST_TEST(std::ranges::count(ended.errors, '\n') == (said.empty() ? 0 : 1));
  BOOST_TEST(!contains(ended.errors, "8866668888"));
  check_hidden(ended.errors);
  check_hidden(ended.commands);
}

Ended send(const Provider& provider, const FakeServer::Handler& handler, const Text& text) {
  const FakeServer server(handler);
  return SendSms(provider, server.url()).run(provider.name, message_line(text));
}

Ended send(const Provider& provider, const Answer& answer) {
  return send(provider, [&](const Received&) { return answer; });
}

}  // namespace users::test
