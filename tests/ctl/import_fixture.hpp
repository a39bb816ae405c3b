// users-ctl import and export on a separate database.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>
#include <pwd.h>
#include <unistd.h>

#include "service/account_service.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/text.hpp"
#include "unit/child_process.hpp"

namespace users::test {

/// A table of the tutorial's server with `count` valid rows, whose phones are `188` and eight
/// digits.
inline std::string rows(int count) {
  std::string table = "id\tphone\tpassword\tcreateTime\n";
  for (int id = 10'000'000; id < 10'000'000 + count; ++id) {
    const std::string digits = std::to_string(id);
    table += digits + "\t188" + digits + "\tsecret " + digits + "\t2018-04-22 10:00:00\n";
  }
  return table;
}

struct ImportFixture {
  const Secret key{std::string(32, 'k')};
  const Secret no_password;
  ScratchDatabase database;
  TemporaryDirectory directory;
  std::string user_name = ::getpwuid(::geteuid())->pw_name;
  unsigned memory = 64;  ///< KiB per hash

  /// users-ctl on the scratch database; `exec` in front replaces the shell.
  [[nodiscard]] std::string ctl(const std::string& arguments) const {
    return "env USERS_FCGI_DATABASE_NAME=" + database.name() +
           " USERS_FCGI_DATABASE_USER=" + user_name + " USERS_FCGI_DATABASE_PASSWORD_FILE='" +
           state_folder() + "/secrets/migration_password' USERS_FCGI_PASSWORD_ARGON2_PASSES=1 " +
           "USERS_FCGI_PASSWORD_ARGON2_MEMORY=" + std::to_string(memory) +
           " \"$BIN\"/users-ctl --config '" + state_folder() + "/users.conf' " + arguments;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return directory.path() / name; }
  [[nodiscard]] std::string errors() const { return read_file(path("errors")); }

  struct Result {
    int status;
    std::string output;
    std::string errors;
  };
  [[nodiscard]] Result run(const std::string& arguments) const {
    const Command command = run_command(ctl(arguments) + " 2>'" + path("errors") + "'");
    return {command.status, command.output, errors()};
  }
  /// Imports a file with this content.
  [[nodiscard]] Result import(const std::string& content, const std::string& options = "") const {
    return run("import " + options + " '" + directory.write("import.tsv", content).string() + "'");
  }
  /// Exports to a file of mode 0600.
  [[nodiscard]] Result export_to(const std::string& name) const {
    return run("export >'" + directory.write(name, "").string() + "'");
  }
  /// Starts users-ctl in the background; appends its output to the files `output` and `errors`.
  [[nodiscard]] pid_t start(const std::string& arguments) const {
    const std::string command =
        "exec " + ctl(arguments) + " >>'" + path("output") + "' 2>>'" + path("errors") + "'";
    return start_child([&] {
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      return 127;
    });
  }

  [[nodiscard]] std::uint64_t count(const std::string& table = "users") {
    return std::stoull(database.query("SELECT COUNT(*) FROM " + table));
  }
  /// Logs in through the service.
  [[nodiscard]] ResultCode login(const std::string& phone, const std::string& password) const {
    const Config config = database.config();
    Metrics metrics;
    db::Database connection(config, no_password, metrics);
    AccountService service(config, key, connection, metrics);
    return service.login(phone, password, {"192.0.2.1", "0123456789abcdef"}).code;
  }
  [[nodiscard]] bool lets_in(const std::string& phone, const std::string& password) const {
    return login(phone, password) == ResultCode::ok;
  }
};

}  // namespace users::test
