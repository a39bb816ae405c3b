// Runs a program of conf/send-sms as users-courier does, and watches what it shows to others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/temporary_directory.hpp"

namespace users::test {

/// How a program ended, and what it showed.
struct Ended {
  int status;
  std::string output;
  std::string errors;
  std::string commands;  ///< the name and the arguments of every command it ran, a line each
};

/// A long code: no other process has it by chance.
constexpr std::string_view kCode = "739184205511";

struct Text {
  std::string phone = "+8618866668888";
  std::string purpose = "regist";
  std::string language = "zh";
  std::string text = "验证码 " + std::string(kCode) + "，10 分钟内有效。";
};

/// The line that users-courier writes for a message with id 7.
std::string message_line(const Text& text = {});

/// A folder with the configuration and the secrets of the programs, and the only commands they
/// find: each is the system's own behind a wrapper that notes its arguments.
class SendSms {
 public:
  SendSms();

  /// Writes send-sms.conf.
  void configure(std::string_view settings) const;
  /// Writes a file with a secret and gives its path.
  [[nodiscard]] std::string secret(std::string_view content) const;
  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

  /// Runs conf/send-sms/`program` with `input`; `environment` (NAME=value) is added.
  [[nodiscard]] Ended run(const std::string& program, std::string_view input,
                          const std::vector<std::string>& environment = {}) const;
  /// Runs a piece of bash that may source the programs.
  [[nodiscard]] Ended bash(const std::string& script, std::string_view input = "",
                           const std::vector<std::string>& arguments = {}) const;

 private:
  [[nodiscard]] Ended execute(std::vector<std::string> command, std::string_view input,
                              std::vector<std::string> environment) const;

  TemporaryDirectory directory_;
};

}  // namespace users::test
