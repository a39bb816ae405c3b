// Runs a program of conf/send-sms like users-courier does, and checks its exit code and what it
// reveals.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/test/data/test_case.hpp>

#include "sms/provider.hpp"
#include "support/temporary_directory.hpp"
#include "support/text.hpp"

namespace users::test {

constexpr int kFailed = 1;
constexpr int kTryAgain = 75;
constexpr int kBadConfig = 78;

/// Exit status and output of a program.
struct Ended {
  int status;
  std::string output;
  std::string errors;
  std::string commands;  ///< name and arguments of every command it ran, one per line
};

/// For BOOST_DATA_TEST_CASE.
inline const auto kProviders = boost::unit_test::data::make(providers());

/// A long code, which no other process has by chance.
constexpr std::string_view kCode = "739184205511";

struct Text {
  std::string phone = "+8618866668888";
  std::string purpose = "regist";
  std::string language = "zh";
  std::string text = "验证码 " + std::string(kCode) + "，10 分钟内有效。";
};

/// The line that users-courier writes for message 7.
std::string message_line(const Text& text = {});

/// A folder with configuration and secrets, and with the only commands that the programs find:
/// wrappers that log their arguments.
class SendSms {
 public:
  SendSms();
  /// Configures a provider at `url`, with additional lines `more`.
  SendSms(const Provider& provider, const std::string& url, const std::string& more = "",
          int timeout = 5);

  /// Writes send-sms.conf.
  void configure(std::string_view settings) const;
  /// Writes a file with a secret and returns its path.
  [[nodiscard]] std::string secret(std::string_view content) const;
  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

  /// Runs conf/send-sms/`program` with `input`, and with `environment` (NAME=value) added.
  [[nodiscard]] Ended run(const std::string& program, std::string_view input = message_line(),
                          const std::vector<std::string>& environment = {}) const;
  /// Runs bash code that may source the programs.
  [[nodiscard]] Ended bash(const std::string& script, std::string_view input = "",
                           const std::vector<std::string>& arguments = {}) const;

 private:
  [[nodiscard]] Ended execute(const std::vector<std::string>& command, std::string_view input,
                              const std::vector<std::string>& environment) const;

  TemporaryDirectory directory_;
};

/// Checks that no secret is shown in any of its encodings.
void check_hidden(std::string_view shown);

/// Checks the exit code and that it printed one line with `said`, or none if that is empty.
void check_end(const Ended& ended, int status, std::string_view said);

/// Runs the provider's program against a server with this handler.
Ended send(const Provider& provider, const FakeServer::Handler& handler, const Text& text = {});
Ended send(const Provider& provider, const Answer& answer);

}  // namespace users::test
