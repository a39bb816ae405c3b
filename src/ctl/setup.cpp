// Creates what the service needs on a machine, after listing it.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "ctl/command.hpp"
#include "ctl/key_check.hpp"
#include "ctl/setup_files.hpp"
#include "ctl/system.hpp"
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

/// One of the two database accounts: its name, and where its password is.
struct Login {
  std::string user;
  const char* key;  ///< of the configuration, for `file`
  std::string file;
  db::Rights rights;
};

class Setup {
 public:
  explicit Setup(const Call& call)
      : call_(call),
        config_(call.config()),
        user_(call.option("user").value_or("users-fcgi")),
        network_(call.option("for-hosts")),
        administrator_(connect_as_administrator()) {
    if (network_ && !db::has_network_syntax(*network_)) {
      throw UsageError("--for-hosts " + *network_ +
                       ": give the other hosts' addresses as MariaDB writes them: 192.0.2.% or "
                       "192.0.2.0/255.255.255.0");
    }
    if (network_ && !administrator_) {
      throw Refused(
          "--for-hosts needs the server's socket in database.hosts: run it on a host "
          "with a node of the cluster");
    }
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
    all.push_back(
        {"system user " + user_, has_system_user(user_), [this] { add_system_user(user_); }});
    all.push_back(secret("key of the keyed hashes", config_.secrets_key_file, user_));
    if (!is_new_) static_cast<void>(read_key(config_));  // it may be incomplete
    require_own_key();
    all.push_back(secret("password of " + service_.user, service_.file, user_));
    all.push_back(secret("password of " + migrator_.user, migrator_.file, ""));
    all.push_back({"log folder " + config_.log_directory, owns_folder(user_, config_.log_directory),
                   [this] { make_folder(user_, config_.log_directory); }});
    if (administrator_) {
      all.push_back({"database " + config_.database_name,
                     db::has_database(*administrator_, config_.database_name),
                     [this] { db::make_database(*administrator_, config_.database_name); }});
      all.push_back(account(service_));
      all.push_back(account(migrator_));
      if (network_) all.push_back(network_account());
    } else {
      all.push_back(accounts_elsewhere());
    }
    all.push_back({"tables, by users-ctl migrate", has_tables(),
                   [this] { apply_migrations(config_, pending_migrations(config_)); }});
    if (has_others_key_) {
      all.push_back({"fingerprint of the key in database " + config_.database_name, false,
                     [this] { replace_key(*connect_to_tables(), read_key(config_)); }});
    }
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
    try {
      const db::Endpoint endpoint{*socket, "mysql", user_name(::geteuid())};
      return std::make_unique<db::Connection>(endpoint, Secret());
    } catch (const db::DatabaseError& error) {
      throw Refused(std::string(error.what()) +
                    ": the database must run and let you in as its administrator over its socket: "
                    "apt install mariadb-server, systemctl start mariadb, and run this as root");
    }
  }

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

  /// To the database, or only to the server if `database` is empty.
  [[nodiscard]] bool can_log_in(const Login& login, const std::string& database) const {
    try {
      db::Endpoint endpoint = db::service_endpoint(config_, config_.database_hosts.front());
      endpoint.user = login.user;
      endpoint.database = database;
      const db::Connection connection(endpoint, read_secret(config_, login.key));
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  [[nodiscard]] bool is_ready(const Login& login) const {
    return can_log_in(login, config_.database_name);
  }

  /// Advice about accounts or a database that may belong to another installation.
  [[nodiscard]] std::string how_to_part() const {
    return "if it belongs to another installation, give this one a database and accounts of its "
           "own in [database] of " +
           call_.config_file +
           " (name, user, migration_user); if it is this one's: users-ctl --config " +
           call_.config_file + " setup --take-over";
  }

  Step account(const Login& login) {
    const std::string name = login.user + "@localhost";
    const std::string what = "account " + name + " with " +
                             (login.rights == db::Rights::rows ? "rights on rows" : "all rights") +
                             " of database " + config_.database_name;
    // Decided now: an account that another installation creates in the meantime is not replaced.
    const bool is_there = db::has_account(*administrator_, login.user);
    const bool is_done = is_ready(login);
    const bool is_others = !is_done && is_there && !can_log_in(login, "");
    if (is_others && !call_.has("take-over")) {
      std::error_code error;
      throw Refused("the server has an account " + name + " already, with a password that " +
                    (std::filesystem::exists(login.file, error)
                         ? login.file + " does not hold"
                         : "is not in " + login.file + ", which is missing") +
                    "; " + how_to_part());
    }
    const auto password = !is_there   ? db::AccountPassword::create
                          : is_others ? db::AccountPassword::replace
                                      : db::AccountPassword::keep;
    return {is_others ? "password of " + name + ": the one in " + login.file +
                            ", in place of its own, which is void then"
                      : what,
            is_done, [this, &login, password] {
              const Secret secret = read_secret(config_, login.key);
              db::make_account(*administrator_, {login.user, secret, password}, login.rights,
                               config_.database_name);
            }};
  }

  /// The service of another host connects to this one's node when its own is away.
  Step network_account() {
    using db::NetworkAccount;
    const std::string& user = service_.user;
    const std::string name = user + "@" + *network_;
    const auto found = db::network_account(*administrator_, user, *network_, config_.database_name);
    if (found == NetworkAccount::others && !call_.has("take-over")) {
      throw Refused("the server has an account " + name + " already, with another password than " +
                    user + "@localhost; " + how_to_part());
    }
    // A password that is about to be replaced is replaced here, too.
    const bool is_done = found == NetworkAccount::ready && is_ready(service_);
    return {"account " + name + ", over TLS only, with rights on rows of database " +
                config_.database_name,
            is_done, [this, &user] {
              db::make_network_account(*administrator_, user, read_secret(config_, service_.key),
                                       *network_, config_.database_name);
            }};
  }

  /// Null if that is not possible yet.
  [[nodiscard]] std::unique_ptr<db::Connection> connect_to_tables() const {
    try {
      db::Endpoint endpoint = db::service_endpoint(config_, config_.database_hosts.front());
      endpoint.user = migrator_.user;
      return std::make_unique<db::Connection>(endpoint, read_secret(config_, migrator_.key));
    } catch (const std::exception&) {
      return nullptr;
    }
  }

  /// Another host of the cluster may have made another key, or a backup may be of another service.
  void require_own_key() {
    const auto connection = connect_to_tables();
    if (!connection) return;
    try {
      const auto found =
          is_new_ ? find_key(*connection) : check_key(*connection, read_key(config_));
      has_others_key_ = found == KeyCheck::other;
    } catch (const db::NoSuchTable&) {
      return;
    }
    if (!has_others_key_ || call_.has("take-over")) return;
    throw Refused(
        "the service has used database " + config_.database_name + " with another key than " +
        config_.secrets_key_file +
        ": copy that file from another host, or from the backup; with a new key every session "
        "and code is void: if that is wanted, users-ctl --config " +
        call_.config_file + " setup --take-over");
  }

  void require_own_tables() {
    if (db::tables_of(*administrator_, config_.database_name) == db::Tables::ours &&
        !call_.has("take-over") && !db::has_account(*administrator_, service_.user) &&
        !db::has_account(*administrator_, migrator_.user) && !is_ready(service_)) {
      throw Refused("the server has a database " + config_.database_name +
                    " with the tables of this service already, but none of the accounts; " +
                    how_to_part());
    }
  }

  /// For creation by hand, since database.hosts names no socket of the server.
  Step accounts_elsewhere() {
    const std::string server = config_.database_hosts.front();
    const bool is_done = is_ready(service_) && is_ready(migrator_);
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

  const Call& call_;
  Config config_;
  const Login service_{config_.database_user, "database.password_file",
                       config_.database_password_file, db::Rights::rows};
  const Login migrator_{config_.database_migration_user, "database.migration_password_file",
                        config_.database_migration_password_file, db::Rights::everything};
  bool is_new_ = true;           ///< the service has no key yet
  bool has_others_key_ = false;  ///< the database has another key's fingerprint
  std::string user_;
  std::optional<std::string> network_;  ///< of the other hosts
  /// Null if the server is reachable only over the network.
  std::unique_ptr<db::Connection> administrator_;
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
