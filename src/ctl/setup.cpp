// Creates what the service needs on a machine, after listing it.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/command.hpp"
#include "ctl/setup_files.hpp"
#include "db/database.hpp"
#include "db/provision.hpp"

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

struct Step {
  std::string what;
  bool is_done;
  std::function<void()> act;
};

class Setup {
 public:
  explicit Setup(const Call& call)
      : call_(call),
        config_(call.config()),
        user_(call.option("user").value_or("users-fcgi")),
        files_(user_),
        administrator_(connect_as_administrator()) {
    if (config_.database_user == config_.database_migration_user) {
      throw Refused("database.user and database.migration_user are both " + config_.database_user +
                    ": the service's account must not have the rights of the other; name two");
    }
    if (administrator_ &&
        db::tables_of(*administrator_, config_.database_name) == db::Tables::foreign) {
      throw Refused("database " + config_.database_name +
                    " has tables of something else: name another in database.name of " +
                    call.config_file);
    }
  }

  std::vector<Step> steps() {
    std::error_code error;
    is_new_ = !std::filesystem::exists(config_.secrets_key_file, error);
    if (administrator_) require_own_tables();
    std::vector<Step> all;
    all.push_back({"system user " + user_, files_.has_user(), [this] { files_.add_user(); }});
    all.push_back(secret("key of the keyed hashes", config_.secrets_key_file, true));
    if (!is_new_) static_cast<void>(read_key(config_));  // it may be incomplete
    all.push_back(
        secret("password of " + config_.database_user, config_.database_password_file, true));
    all.push_back(secret("password of " + config_.database_migration_user,
                         config_.database_migration_password_file, false));
    all.push_back({"log folder " + config_.log_directory, files_.owns_folder(config_.log_directory),
                   [this] { files_.make_folder(config_.log_directory); }});
    if (administrator_) {
      all.push_back({"database " + config_.database_name,
                     db::has_database(*administrator_, config_.database_name),
                     [this] { db::make_database(*administrator_, config_.database_name); }});
      all.push_back(account(config_.database_user, "database.password_file",
                            config_.database_password_file, db::Rights::rows));
      all.push_back(account(config_.database_migration_user, "database.migration_password_file",
                            config_.database_migration_password_file, db::Rights::everything));
    } else {
      all.push_back(accounts_elsewhere());
    }
    all.push_back({"tables, by users-ctl migrate", has_tables(), [this] { bring_up_to_date(); }});
    return all;
  }

  [[nodiscard]] bool is_new() const { return is_new_; }

 private:
  /// Returns null if the server is reachable only over the network, where an administrator needs a
  /// password.
  [[nodiscard]] std::unique_ptr<db::Connection> connect_as_administrator() const {
    const auto socket = std::ranges::find_if(config_.database_hosts, [](const std::string& host) {
      return host.find('/') != std::string::npos;
    });
    if (socket == config_.database_hosts.end()) return nullptr;
    const passwd* me = ::getpwuid(::geteuid());  // NOLINT(concurrency-mt-unsafe): one thread
    try {
      const std::string name = me == nullptr ? "root" : me->pw_name;
      return std::make_unique<db::Connection>(db::Endpoint{*socket, "mysql", name}, Secret());
    } catch (const db::DatabaseError& error) {
      throw Refused(std::string(error.what()) +
                    ": the database must run and let you in as its administrator over its socket: "
                    "apt install mariadb-server, systemctl start mariadb, and run this as root");
    }
  }

  /// Keeps an existing file.
  [[nodiscard]] Step secret(const std::string& what, const std::string& file,
                            bool of_service) const {
    struct stat status {};
    const bool is_there = ::lstat(file.c_str(), &status) == 0;
    ServiceFiles::require_roots_way(file);
    if (is_there && (!S_ISREG(status.st_mode) || status.st_size == 0)) {
      throw Refused(file +
                    " is there, but is no file with a secret in it: restore it from the backup; "
                    "only for a new service remove it, and setup makes one");
    }
    return {what + ", random, in " + file, is_there, [this, file, of_service] {
              std::filesystem::create_directories(std::filesystem::path(file).parent_path());
              files_.write_secret(file, of_service);
            }};
  }

  /// To the database, or only to the server if `database` is empty.
  [[nodiscard]] bool can_log_in(const std::string& user, const char* key, const std::string& file,
                                const std::string& database) const {
    try {
      db::Endpoint endpoint = db::service_endpoint(config_, config_.database_hosts.front());
      endpoint.user = user;
      endpoint.database = database;
      const db::Connection connection(endpoint, read_secret(config_, key, file));
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  /// Advice about accounts or a database that may belong to another installation.
  [[nodiscard]] std::string how_to_part() const {
    return "if it belongs to another installation, give this one a database and accounts of its "
           "own in [database] of " +
           call_.config_file +
           " (name, user, migration_user); if it is this one's: users-ctl --config " +
           call_.config_file + " setup --take-over";
  }

  Step account(const std::string& user, const char* key, const std::string& file,
               db::Rights rights) {
    const std::string what = "account " + user + "@localhost with " +
                             (rights == db::Rights::rows ? "rights on rows" : "all rights") +
                             " of database " + config_.database_name;
    // Decided now: an account that another installation creates in the meantime is not replaced.
    const bool is_there = db::has_account(*administrator_, user);
    const bool is_done = can_log_in(user, key, file, config_.database_name);
    const bool is_others = !is_done && is_there && !can_log_in(user, key, file, "");
    if (is_others && !call_.has("take-over")) {
      std::error_code error;
      throw Refused(
          "the server has an account " + user + "@localhost already, with a password that " +
          (std::filesystem::exists(file, error) ? file + " does not hold"
                                                : "is not in " + file + ", which is missing") +
          "; " + how_to_part());
    }
    const auto password = !is_there   ? db::AccountPassword::create
                          : is_others ? db::AccountPassword::replace
                                      : db::AccountPassword::keep;
    return {is_others ? "password of " + user + "@localhost: the one in " + file +
                            ", in place of its own, which is void then"
                      : what,
            is_done, [this, user, key, file, rights, password] {
              db::make_account(*administrator_, {user, read_secret(config_, key, file), password},
                               rights, config_.database_name);
            }};
  }

  void require_own_tables() {
    if (db::tables_of(*administrator_, config_.database_name) == db::Tables::ours &&
        !call_.has("take-over") && !db::has_account(*administrator_, config_.database_user) &&
        !db::has_account(*administrator_, config_.database_migration_user) &&
        !can_log_in(config_.database_user, "database.password_file", config_.database_password_file,
                    config_.database_name)) {
      throw Refused("the server has a database " + config_.database_name +
                    " with the tables of this service already, but none of the accounts; " +
                    how_to_part());
    }
  }

  /// For creation by hand, since database.hosts names no socket of the server.
  Step accounts_elsewhere() {
    const std::string server = config_.database_hosts.front();
    const bool is_done =
        can_log_in(config_.database_user, "database.password_file", config_.database_password_file,
                   config_.database_name) &&
        can_log_in(config_.database_migration_user, "database.migration_password_file",
                   config_.database_migration_password_file, config_.database_name);
    return {"database " + config_.database_name + " and two accounts on " + server, is_done,
            [this, server] {
              std::cout << "\nsetup can create the accounts only over the server's own socket. "
                           "Run on "
                        << server << ", as its administrator:\n\n"
                        << db::provision_script(config_)
                        << "\nHOST is this machine's name for the server: localhost if the server "
                           "is on this\nmachine (127.0.0.1 if it has skip_name_resolve), otherwise "
                           "an address such as 192.0.2.10 or\n192.0.2.%. Error 1045 shows it.\n"
                        << std::flush;
              throw Refused("create the database as shown above, then run this again");
            }};
  }

  [[nodiscard]] bool has_tables() const {
    try {
      return pending_migrations(config_).empty();
    } catch (const db::SchemaMismatch&) {
      throw;
    } catch (const std::exception&) {
      return false;
    }
  }

  void bring_up_to_date() const {
    Call migration = call_;
    migration.options.clear();
    migrate(migration);
  }

  const Call& call_;
  Config config_;
  bool is_new_ = true;  ///< the service has no key yet
  std::string user_;
  ServiceFiles files_;
  std::unique_ptr<db::Connection>
      administrator_;  ///< null if the server is reachable only over the network
};

}  // namespace

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

}  // namespace users::ctl
