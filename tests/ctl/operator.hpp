// Runs users-ctl with pipes or at a terminal.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include "stack/requests.hpp"

namespace users::test {

struct CtlResult {
  int status;  ///< -1: still running after 60 seconds
  std::string output;
  std::string errors;

  /// The output as JSON; discarded if it is not JSON.
  [[nodiscard]] nlohmann::json json() const;
};

/// Runs users-ctl on the stack as operator_on_duty(). `environment` overrides other variables.
CtlResult ctl(const std::vector<std::string>& arguments, const std::string& input = "",
              std::vector<std::string> environment = {});

/// The name that the audit must have.
std::string operator_on_duty();

/// The output's lines, split at tabs.
std::vector<std::vector<std::string>> rows_of(const std::string& output);

/// Runs users-ctl at a pseudo-terminal.
class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& arguments);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Waits until `text` appears after what was expected before; false after 20 seconds.
  bool expect(const std::string& text);
  void type(const std::string& line) const;
  /// Whether typed text is shown.
  [[nodiscard]] bool echoes() const;
  /// Waits for the exit status; -1 after a signal.
  int finish();
  /// Everything shown.
  [[nodiscard]] const std::string& shown() const { return shown_; }

 private:
  /// False if no more comes.
  bool read_more();

  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string shown_;
  std::size_t seen_ = 0;
};

/// An account of the stack for the operator to work on.
struct Account {
  Person person;
  std::string id;
  Account() {
    person.regist();
    id = id_of(person);
  }
};

}  // namespace users::test
