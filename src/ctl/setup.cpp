// Creates what the service needs on a machine, after listing it.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "ctl/command.hpp"
#include "ctl/setup_database.hpp"
#include "ctl/setup_files.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

constexpr std::string_view kNext = R"(
Next:
  1. who sends the messages:      command in [sms] of the configuration
  2. nginx, in the http block:    include snippets/users-fcgi/users_http.conf;
                                  include snippets/users-fcgi/users_site.conf;
     in the site's server block:  include snippets/users-fcgi/users.conf;
  3. systemctl enable --now users-fcgi.target
     nginx -t && systemctl reload nginx
  4. users-ctl doctor
)";

class Setup {
 public:
  explicit Setup(const Call& call)
      : config_(call.config()),
        user_(call.option("user").value_or("users-fcgi")),
        database_(call, config_) {}

  std::vector<Step> steps() {
    std::error_code error;
    is_new_ = !std::filesystem::exists(config_.secrets_key_file, error);
    std::vector<Step> all;
    all.push_back(
        {"system user " + user_, has_system_user(user_), [this] { add_system_user(user_); }});
    all.push_back(secret("key of the keyed hashes", config_.secrets_key_file, user_));
    all.push_back(
        secret("password of " + config_.database_user, config_.database_password_file, user_));
    all.push_back(secret("password of " + config_.database_migration_user,
                         config_.database_migration_password_file, ""));
    all.push_back({"log folder " + config_.log_directory, owns_folder(user_, config_.log_directory),
                   [this] { make_folder(user_, config_.log_directory); }});
    const auto of_database = database_.steps(!is_new_);
    all.insert(all.end(), of_database.begin(), of_database.end());
    return all;
  }

  [[nodiscard]] bool is_new() const { return is_new_; }

 private:
  /// Keeps an existing file.
  static Step secret(const std::string& what, const std::string& file, const std::string& owner) {
    struct stat status {};
    const bool is_there = ::lstat(file.c_str(), &status) == 0;
    require_safe_path(file);
    if (is_there && (!S_ISREG(status.st_mode) || status.st_size == 0)) {
      throw Refused(file +
                    " is there, but is no file with a secret in it: restore it from the backup; "
                    "only for a new service remove it, and setup makes one");
    }
    return {what + ", random, in " + file, is_there, [file, owner] {
              std::filesystem::create_directories(std::filesystem::path(file).parent_path());
              write_secret(file, owner);
            }};
  }

  const Config config_;
  std::string user_;
  DatabaseSetup database_;
  bool is_new_ = true;  ///< the service has no key yet
};

int setup(const Call& call) {
  Setup setup(call);
  const auto steps = setup.steps();
  for (const Step& step : steps) {
    std::cout << (step.is_done ? "there      " : "to be made ") << step.what << '\n';
  }
  std::cout << std::flush;
  const auto missing = std::ranges::count(steps, false, &Step::is_done);
  if (missing == 0) {
    std::cout << "nothing to do\n";
    return EXIT_SUCCESS;
  }
  if (!confirmed(call, std::to_string(missing) + " things are to be made.")) return EXIT_FAILURE;
  for (const Step& step : steps) {
    if (step.is_done) continue;
    step.act();
    std::cout << "made       " << step.what << std::endl;
  }
  std::cout << (setup.is_new() ? kNext
                               : "\nNext: users-ctl reload; systemctl restart users-fcgi-courier; "
                                 "users-ctl doctor\n");
  return EXIT_SUCCESS;
}

}  // namespace

const std::vector<Command> kSetupCommands{
    {"setup", "", "--user --for-hosts --take-over --yes",
     "Creates what the service needs and does not have yet: its system user, the random secrets in "
     "the files that the configuration names (mode 0600), its log folder, the database with its "
     "two accounts, the tables. Run it as root: it creates the accounts as the server's "
     "administrator, over the socket in database.hosts. If database.hosts names no socket, it "
     "creates everything else and prints the SQL to run on the server; then run it again. It lists "
     "what it will do and asks first; a second run finds nothing to do. An account with another "
     "password, or a database that already has tables, may belong to another installation: it "
     "takes these only with --take-over. With --for-hosts, the service may also log in from these "
     "addresses, over TLS: on a cluster each host uses another's node while its own is away.",
     setup},
};

}  // namespace users::ctl
