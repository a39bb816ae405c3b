// Fixture of the doctor's tests: plants a fault, runs doctor, looks for a row, mends the fault.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include <boost/algorithm/string/replace.hpp>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/text.hpp"

namespace users::test {

namespace fs = std::filesystem;

/// Removes a planted fault, also after an exception.
class Mend {
 public:
  explicit Mend(std::function<void()> work) : work_(std::move(work)) {}
  ~Mend() {
    try {
      work_();
    } catch (const std::exception& error) {
      BOOST_ERROR("a planted fault stays: " << error.what());
    }
  }
  Mend(const Mend&) = delete;
  Mend& operator=(const Mend&) = delete;

 private:
  std::function<void()> work_;
};

struct Fault {
  const char* check;
  const char* state;
  std::string found;   ///< part of it
  std::string advice;  ///< part of it
};

/// Texts of nginx's configuration and their replacements.
using Changes = std::vector<std::pair<std::string, std::string>>;

struct DoctorFixture {
  std::string state = state_folder();
  const std::string stack_config = state + "/users.conf";
  const std::string stack_nginx = state + "/nginx.conf";
  std::string config = stack_config;
  std::string nginx = stack_nginx;
  std::map<std::string, std::string> environment;  ///< settings that override the file
  TemporaryDirectory folder;
  int status = -1;
  nlohmann::json rows;

  [[nodiscard]] std::string command(const std::string& options) const {
    std::string text = "env";
    for (const auto& [name, value] : environment) text += " " + name + "='" + value + "'";
    text += " \"$BIN\"/users-ctl --config '" + config + "' doctor " + options;
    // The stack's own configuration is found without options.
    if (config != stack_config || nginx != stack_nginx) {
      text += " --nginx '" + nginx + "' --prefix '" + state + "'";
    }
    return text;
  }

  /// Opens `folder` to other users until the Mend is destroyed.
  [[nodiscard]] Mend open_folder() const {
    const fs::path above = folder.path().parent_path();
    const auto before = fs::status(above).permissions();
    fs::permissions(folder.path(), fs::perms{0711});
    if (above != "/tmp") fs::permissions(above, fs::perms{0711});
    return Mend([above, before] {
      if (above != "/tmp") fs::permissions(above, before);
    });
  }

  void look() {
    const Command done = run_command(command("--json 2>&1"));
    status = done.status;
    rows = nlohmann::json::parse(done.output, nullptr, false);
    BOOST_TEST_REQUIRE(rows.is_array(), done.output);
  }

  /// The worst row of this name: several servers may have one each.
  [[nodiscard]] nlohmann::json row(const std::string& check) const {
    nlohmann::json found;
    for (const auto& one : rows) {
      if (one["check"] == check && (found.is_null() || one["state"] != "ok")) found = one;
    }
    BOOST_TEST_REQUIRE(!found.is_null(), "no row of " << check);
    return found;
  }

  [[nodiscard]] std::set<std::string> checks_in_state(const std::string& wanted) const {
    std::set<std::string> names;
    for (const auto& one : rows) {
      if (one["state"] == wanted) names.insert(one["check"].get<std::string>());
    }
    return names;
  }

  void expect(const Fault& fault) const {
    const auto one = row(fault.check);
    BOOST_TEST_CONTEXT(one.dump()) {
      BOOST_TEST(one["state"].get<std::string>() == fault.state);
      BOOST_TEST(contains(one["found"].get<std::string>(), fault.found));
      BOOST_TEST(contains(one["advice"].get<std::string>(), fault.advice));
      if (one["state"] == "problem") BOOST_TEST(status == 1);
    }
  }

  void expect_ok(const std::string& check) const {
    const auto one = row(check);
    BOOST_TEST(one["state"].get<std::string>() == "ok", one.dump());
    BOOST_TEST(one["advice"].get<std::string>() == "", one.dump());
  }

  /// Plants the fault, looks, mends, looks again.
  void finds(const Fault& fault, const std::function<void()>& plant, std::function<void()> mend) {
    {
      const Mend mended(std::move(mend));
      plant();
      look();
      expect(fault);
    }
    look();
    expect_ok(fault.check);
  }

  /// The same for a value of the configuration.
  void finds_setting(const Fault& fault, const std::string& name, const std::string& value) {
    const std::string variable = "USERS_FCGI_" + name;
    const auto before = environment;
    finds(
        fault, [&] { environment[variable] = value; }, [&] { environment = before; });
  }

  /// The same for SQL of the administrator.
  void finds_sql(const Fault& fault, const std::string& plant, const std::string& mend) {
    finds(
        fault, [&] { query(plant); }, [&] { query(mend); });
  }

  /// Runs doctor on nginx's configuration with these changes.
  void look_with(const Changes& changes) {
    const std::string usual = std::exchange(nginx, changed_nginx(changes));
    look();
    fs::remove(nginx);
    nginx = usual;
  }

  /// Lets doctor run a script that begins with this shell code and ends with the real nginx.
  void fake_nginx(const std::string& code) {
    const std::string real = run_command("PATH=$PATH:/usr/sbin command -v nginx").output;
    const fs::path fake = folder.write(
        "nginx", "#!/bin/sh\n" + code + " exec " + real.substr(0, real.find('\n')) + " \"$@\"\n");
    ::chmod(fake.c_str(), 0700);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    environment["PATH"] = fake.parent_path().string() + ":" + std::getenv("PATH");
  }

  /// Plants a fault in nginx's configuration, looks, mends, looks again.
  void finds_nginx(const Fault& fault, const std::string& original, const std::string& text) {
    look_with({{original, text}});
    expect(fault);
    look();
    expect_ok(fault.check);
  }

  /// Expects the fault in a configuration that nginx accepts.
  void finds_with(const Changes& changes, const Fault& fault) {
    BOOST_TEST_CONTEXT(changes.back().second) {
      look_with(changes);
      expect_ok("nginx configuration");
      expect(fault);
    }
  }

  /// Expects no fault in nginx's configuration with these changes.
  void passes_nginx(const std::string& check, const Changes& changes) {
    finds_with(changes, {check.c_str(), "ok", "", ""});
  }

  /// nginx's configuration with these changes.
  [[nodiscard]] std::string changed_nginx(const Changes& changes) const {
    std::string changed = read_file(nginx);
    for (const auto& [original, text] : changes) {
      BOOST_TEST_REQUIRE(contains(changed, original), original);
      boost::replace_all(changed, original, text);
    }
    const std::string file = state + "/nginx-doctor.conf";
    std::ofstream(file) << changed;
    return file;
  }

  /// Copies a secret of the stack.
  [[nodiscard]] std::string copy_of(const std::string& name) const {
    return folder.write(name, read_file(state + "/secrets/" + name));
  }
};

}  // namespace users::test
