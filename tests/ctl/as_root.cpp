// users-ctl as root on another user's service: it uses root's rights on nothing that the service or
// any other user could have prepared.
#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/doctor_fixture.hpp"
#include "support/daemon.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"

using namespace users::test;

namespace {

constexpr uid_t kService = 65533;
constexpr uid_t kStranger = 65534;
constexpr uid_t kCourier = 1;  // daemon
const std::string kKey(64, 'k');

boost::test_tools::assertion_result is_root(boost::unit_test::test_unit_id /*unused*/) {
  boost::test_tools::assertion_result answer(::geteuid() == 0);
  answer.message() << "only root can give up its rights";
  return answer;
}

/// A folder open to all users, with files of any owner.
struct Place {
  TemporaryDirectory folder;
  fs::path above = folder.path().parent_path();
  fs::perms mode_above = fs::status(above).permissions();

  Place() {
    for (const fs::path& each : {above, folder.path()}) ::chmod(each.c_str(), 0711);
  }
  ~Place() { fs::permissions(above, mode_above); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const {
    return folder.path().string() + "/" + name;
  }
  [[nodiscard]] std::string read(const std::string& name) const { return read_file(path(name)); }
  [[nodiscard]] bool has(const std::string& name) const { return fs::exists(path(name)); }
  /// Creates a file, or a folder if there is no content, for a user.
  std::string give(uid_t user, const std::string& name,
                   const std::optional<std::string>& content = std::nullopt,
                   mode_t mode = 0700) const {
    if (!content) {
      fs::create_directory(path(name));
    } else {
      std::ofstream(path(name)) << *content;
    }
    BOOST_TEST_REQUIRE(::chmod(path(name).c_str(), mode) == 0);
    BOOST_TEST_REQUIRE(::chown(path(name).c_str(), user, user) == 0);
    return path(name);
  }
};

Command ctl(const std::string& config, const std::string& arguments,
            const std::string& environment = "") {
  return run_command(environment + " \"$BIN\"/users-ctl --config '" + config + "' " + arguments +
                     " 2>&1");
}

/// Runs users-ctl sms test with this key and command.
Command send_test(const Place& place, const std::string& key, const std::string& command,
                  const std::string& more = "") {
  return ctl(
      place.give(0, "users.conf", "", 0644), "sms test 18866668888",
      more + " USERS_FCGI_SECRETS_KEY_FILE='" + key + "' USERS_FCGI_SMS_COMMAND='" + command + "'");
}

std::vector<std::string> as(uid_t user, std::vector<std::string> command) {
  const std::string id = std::to_string(user);
  command.insert(command.begin(), {"setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups"});
  return command;
}

/// A pool of two workers of the service's user, whose program is that user's script. The file
/// `check` holds what the script does when the configuration is checked.
struct Pool : Place {
  std::string config = write_config();
  std::string worker = write_worker();
  Daemon leader = lead(kService, worker);

  Pool() { await(2); }

  std::string write_config() {
    // As the package does: the folder is shared with the courier's group.
    run_script("install -d -m 2770 -o " + std::to_string(kService) + " -g " +
               std::to_string(kCourier) + " '" + path("run") + "'");
    give(kService, "log");
    return give(0, "users.conf",
                ("[database]\nhosts = " + path("none.sock") +
                 "\npassword_file = " + give(kService, "password", "x", 0600) +
                 "\n[secrets]\nkey_file = " + give(kService, "key", kKey, 0600) +
                 "\n[log]\ndirectory = " + path("log") +
                 "\n[metrics]\nfile = " + path("run/metrics") + "\n"),
                0644);
  }

  std::string write_worker() {
    run_script("install -m 0755 \"$BIN\"/users-fcgi '" + path("real") + "'");
    give(kService, "check", "exit 0\n", 0755);
    return give(kService, "users-fcgi",
                ("#!/bin/bash\ncase $* in *--check*) . '" + path("check") +
                 "' ;; esac\nexec -a \"$0\" '" + path("real") + "' \"$@\"\n"),
                0755);
  }

  /// Sets what a configuration check does from now on.
  void let_check(const std::string& script) const { std::ofstream(path("check")) << script; }

  [[nodiscard]] Daemon lead(uid_t user, const std::string& program) const {
    const std::string socket = "pool" + std::to_string(user) + ".sock";
    return {as(user, {"/usr/bin/spawn-fcgi", "-n", "-s",
                      give(user, "sockets" + std::to_string(user)) + "/" + socket, "--",
                      "/usr/bin/multiwatch", "-r", "1000000", "-f", "2", "--", program, "--config",
                      config}),
            {},
            path("leader" + std::to_string(user) + ".log")};
  }

  /// Waits for `count` ready workers of the service's user.
  void await(int count) const {
    const Command command = ctl(config, "workers --wait " + std::to_string(count));
    BOOST_TEST_REQUIRE(command.status == 0, command.output);
  }

  [[nodiscard]] static std::vector<int> children(const Daemon& leader) {
    std::istringstream list(run_script("pgrep -P " + std::to_string(leader.pid()) + " || true"));
    std::vector<int> pids;
    for (int pid = 0; list >> pid;) pids.push_back(pid);
    return pids;
  }

  [[nodiscard]] Command reload(const std::string& arguments = "") const {
    return ctl(config, "reload " + arguments);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(as_root, *boost::unit_test::precondition(is_root))

BOOST_FIXTURE_TEST_CASE(a_reload_acts_as_the_owner_of_the_key_in_a_session_of_its_own, Pool) {
  let_check("{ id -u; id -G; cut -d' ' -f6,7 /proc/$$/stat; env; } >'" + path("run/seen") +
            "'\nexit 0\n");
  const auto before = children(leader);
  const Command command = ctl(config, "reload", "SECRET_OF_ROOT=x");
  BOOST_TEST(command.status == 0, command.output);
  BOOST_TEST(says(command, "users-fcgi: 2 of 2 replaced"));
  for (const int pid : children(leader)) BOOST_TEST(std::ranges::count(before, pid) == 0);
  std::istringstream seen(read("run/seen"));
  unsigned user = 0;
  unsigned group = 0;
  int session = 0;
  int terminal = -1;
  seen >> user >> group >> session >> terminal;
  BOOST_TEST(user == kService);
  BOOST_TEST(group == kService);
  BOOST_TEST(session != ::getsid(0));
  BOOST_TEST(terminal == 0);
  BOOST_TEST(!contains(read("run/seen"), "SECRET_OF_ROOT"));
}

BOOST_FIXTURE_TEST_CASE(what_the_service_says_is_bounded_and_no_terminal_obeys_it, Pool) {
  let_check("printf '\\033]0;owned\\007'\nyes | head -c 200000000\nexit 1\n");
  const auto before = children(leader);
  const Command command = reload();
  BOOST_TEST(command.status == 1);
  BOOST_TEST(says(command, "\\x1b]0;owned\\x07"));
  BOOST_TEST(!says(command, "\x1b"));
  BOOST_TEST(command.output.size() < 100'000U);
  BOOST_TEST(children(leader) == before);
}

BOOST_FIXTURE_TEST_CASE(a_multiwatch_of_another_user_counts_for_nothing, Pool) {
  // A program that always fails and leaves a trace.
  give(kStranger, "stranger");
  const std::string program = give(kStranger, "stranger/users-fcgi",
                                   ("#!/bin/sh\ncase $* in *--check*) echo stranger; touch '" +
                                    path("stranger/asked") + "'; exit 1 ;; esac\nsleep 60\n"),
                                   0755);
  const Daemon impostor = lead(kStranger, program);
  BOOST_TEST_REQUIRE(wait_until(30, [&] { return children(impostor).size() == 2; }));
  const auto left_alone = children(impostor);
  const Command command = reload();
  BOOST_TEST(command.status == 0, command.output);
  BOOST_TEST(says(command, "users-fcgi: 2 of 2 replaced"));
  BOOST_TEST(!says(command, "stranger"));
  BOOST_TEST(!has("stranger/asked"));
  BOOST_TEST(children(impostor) == left_alone);
  const Command named = reload(std::to_string(impostor.pid()));
  BOOST_TEST(named.status == 1);
  BOOST_TEST(says(named, "is no multiwatch of this service"));
  BOOST_TEST(!has("stranger/asked"));
}

BOOST_FIXTURE_TEST_CASE(no_other_user_holds_a_reload_up, Pool) {
  // Anyone can open and lock it.
  const std::string held = path("stranger.held");
  const Daemon stranger(
      as(kStranger, {"/bin/sh", "-c",
                     "exec 3</proc/" + std::to_string(leader.pid()) + "/cmdline 4<'" + config +
                         "'; flock 3; flock 4; echo held; exec sleep 60"}),
      {}, held);
  BOOST_TEST_REQUIRE(wait_until(30, [&] { return contains(read("stranger.held"), "held"); }));
  const Command command = reload();
  BOOST_TEST(command.status == 0, command.output);
  // The lock is the key's file, which nobody else can open.
  BOOST_TEST(run_command("setpriv --reuid=65534 --clear-groups flock -n '" + path("key") +
                         "' true 2>/dev/null")
                 .status != 0);
}

BOOST_FIXTURE_TEST_CASE(a_test_message_is_sent_as_the_service, Place) {
  give(kService, "out");
  const std::string command =
      give(kService, "send",
           "#!/bin/sh\n{ id -u; id -G; cat '" + path("of_root") + "' 2>&1; } >'" +
               path("out/seen") + "'\nprintf '\\033[31m'\n",
           0755);
  give(0, "of_root", "root's secret", 0600);
  const Command test = send_test(*this, give(kService, "key", kKey, 0600), command);
  BOOST_TEST(test.status == 0, test.output);
  BOOST_TEST(says(test, "took the test message"));
  BOOST_TEST(!says(test, "\x1b"));
  BOOST_TEST(read("out/seen").starts_with("65533\n65533\n"));
  BOOST_TEST(!contains(read("out/seen"), "root's secret"));
}

BOOST_FIXTURE_TEST_CASE(a_test_message_is_sent_as_the_couriers_own_user, Place) {
  const std::string command =
      give(kCourier, "send", "#!/bin/sh\nid -u >'" + give(kCourier, "out") + "/seen'\n", 0755);
  const Command test =
      send_test(*this, give(kService, "key", kKey, 0600), command, "USERS_FCGI_SMS_USER=daemon");
  BOOST_TEST(test.status == 0, test.output);
  BOOST_TEST(read("out/seen") == "1\n");
}

BOOST_FIXTURE_TEST_CASE(a_reload_replaces_the_workers_and_a_courier_of_its_own_user, Pool) {
  std::ofstream(config, std::ios::app) << "[sms]\nuser = daemon\n";
  run_script("install -m 0755 \"$BIN\"/users-courier '" + path("real-courier") + "'");
  const std::string program = give(0, "users-courier",
                                   ("#!/bin/bash\ncase $* in *--check*) exit 0 ;; esac\n"
                                    "exec -a \"$0\" '" +
                                    path("real-courier") + "' \"$@\"\n"),
                                   0755);
  const Daemon courier(
      as(kCourier,
         {"/usr/bin/multiwatch", "-r", "1000000", "-f", "1", "--", program, "--config", config}),
      {"USERS_FCGI_SECRETS_KEY_FILE=" + give(kCourier, "key2", kKey, 0400),
       "USERS_FCGI_DATABASE_PASSWORD_FILE=" + give(kCourier, "password2", "x", 0400),
       "USERS_FCGI_LOG_DIRECTORY=" + give(kCourier, "log2")},
      path("courier.log"));
  await(3);
  const auto before = children(courier);
  const Command command = reload();
  BOOST_TEST(command.status == 0, command.output);
  BOOST_TEST(says(command, "users-fcgi: 2 of 2 replaced"));
  BOOST_TEST(says(command, "users-courier: 1 of 1 replaced"));
  BOOST_TEST(children(courier) != before);
  const Command named = reload(std::to_string(courier.pid()));
  BOOST_TEST(named.status == 0, named.output);
  BOOST_TEST(says(named, "users-courier: 1 of 1 replaced"));
  BOOST_TEST(!says(named, "users-fcgi:"));
}

BOOST_FIXTURE_TEST_CASE(without_a_key_nothing_is_run_as_root, Place) {
  const std::string command =
      give(kService, "send", "#!/bin/sh\ntouch '" + path("ran") + "'\n", 0755);
  fs::create_symlink(give(0, "roots", kKey, 0600), path("link"));
  for (const std::string& key : {path("nosuch"), path("link"), give(kService, "folder")}) {
    const Command test = send_test(*this, key, command);
    BOOST_TEST(test.status == 1, key);
    BOOST_TEST(says(test, "is no file"), test.output);
  }
  // Root's secret, in a folder where the service can give it the key's name.
  give(kService, "secrets");
  const Command test = send_test(*this, give(0, "secrets/key", kKey, 0600), command);
  BOOST_TEST(test.status == 1);
  BOOST_TEST(says(test, "changed through " + path("secrets") + ", which belongs to uid 65533"));
  BOOST_TEST(!has("ran"));
}

BOOST_FIXTURE_TEST_CASE(a_process_of_another_user_tells_doctor_nothing, DoctorFixture) {
  const Place place;
  place.give(kStranger, "stranger");
  std::vector<std::unique_ptr<Daemon>> impostors;
  for (const char* name : {"users-courier", "users-fcgi"}) {
    run_script("install -m 0755 /bin/bash '" + place.path("stranger/") + name + "'");
    impostors.push_back(std::make_unique<Daemon>(
        as(kStranger,
           {place.path("stranger/") + name, "-c", "sleep 60; :", "--config", fs::absolute(config)}),
        std::vector<std::string>{}, place.path("impostor.log")));
  }
  BOOST_TEST_REQUIRE(wait_until(
      30, [] { return run_command("pgrep -u 65534 -c 'users-(fcgi|courier)'").output == "2\n"; }));
  look();
  for (const char* check : {"courier", "workers hash", "workers fast", "log folder", "key"}) {
    BOOST_TEST(!contains(row(check).dump(), "nobody"), row(check).dump());
    expect_ok(check);
  }
  BOOST_TEST(contains(row("courier")["found"].get<std::string>(), "1 running as root"));
}

BOOST_FIXTURE_TEST_CASE(setup_makes_nothing_where_a_link_could_lead_it_elsewhere, Place) {
  give(0, "etc");
  give(0, "etc/log");
  give(kService, "srv");
  fs::create_symlink(path("etc"), path("srv/var"));
  const std::string file = give(0, "users.conf",
                                ("[database]\nhosts = " + run_folder() +
                                 "/mariadb.sock\n[log]\ndirectory = " + path("srv/var/log") +
                                 "\n[secrets]\nkey_file = " + path("srv/key") + "\n"),
                                0644);
  const Command setup = ctl(file, "setup --user daemon --yes");
  BOOST_TEST(setup.status == 1, setup.output);
  BOOST_TEST(says(setup, "lies in " + path("srv")));
  BOOST_TEST(!has("srv/key"));
  struct stat status {};
  BOOST_TEST_REQUIRE(::stat(path("etc/log").c_str(), &status) == 0);
  BOOST_TEST(status.st_uid == 0U);
}

BOOST_FIXTURE_TEST_CASE(doctor_waits_for_no_file_of_the_services, DoctorFixture) {
  const Place place;
  place.give(kService, "run", std::nullopt, 0755);
  const std::string fifo = place.path("run/fifo");
  BOOST_TEST_REQUIRE(::mkfifo(fifo.c_str(), 0666) == 0);
  fs::create_symlink("/dev/zero", place.path("run/zero"));
  for (const std::string& file : {fifo, place.path("run/zero")}) {
    environment["USERS_FCGI_SMS_COMMAND"] = fs::absolute("conf/send-sms/webhook");
    environment["SEND_SMS_CONF"] = file;
    look();
    environment.erase("SEND_SMS_CONF");
    const std::string http = "http {";
    nginx = changed_nginx({{http, http + "\ninclude " + file + ";"}});
    look();
    expect({"nginx paths", "problem", "which belongs to uid 65533", "only root"});
    BOOST_TEST(row("nginx configuration")["state"].get<std::string>() == "skipped");
    nginx = state + "/nginx.conf";
  }
  fs::remove(state + "/nginx-doctor.conf");
}

BOOST_FIXTURE_TEST_CASE(nginx_is_not_run_on_what_the_service_could_have_led_elsewhere,
                        DoctorFixture) {
  const Place place;
  place.give(kService, "run", std::nullopt, 0755);
  const std::string trap = place.give(0, "trap");
  const std::string cache = place.path("run/auth");
  const std::string http = "http {";
  place.give(0, "group", std::nullopt, 0775);
  BOOST_TEST_REQUIRE(::chown(place.path("group").c_str(), 0, kService) == 0);
  // Root's own links into and through the service's folder.
  fs::create_symlink(place.path("run/log"), place.path("link"));
  fs::create_symlink(place.path("run/hop"), place.path("via"));
  fs::create_symlink(trap, place.path("run/hop"));
  fs::create_directory(place.path("homes"));
  fs::create_symlink(place.path("run"), place.path("homes/one"));
  place.give(kService, "run/site.conf", "", 0644);
  place.give(kService, "run/a\tb", std::nullopt, 0755);
  for (const std::string& line :
       {"fastcgi_cache_path " + cache + " keys_zone=x:1m;", "proxy_temp_path " + cache + ";",
        "error_log " + cache + "/log;", "error_log " + place.path("run") + "/$x.log;",
        "include " + cache + "/*.conf;", "include " + place.path("homes") + "/*/site.conf;",
        "access_log " + place.path("open/log") + ";", "access_log " + place.path("group/log") + ";",
        "error_log " + place.path("link") + ";", "error_log " + place.path("via") + "/log;",
        "error_log \"" + place.path("run") + "/a\\tb/log\";",
        "server { listen unix:" + place.path("run") + "/s.sock; }",
        "server { listen unix:other.sock; ssl_certificate " + place.path("run") + "/c.pem; }"}) {
    fs::remove(cache);
    fs::create_symlink(trap, cache);
    place.give(0, "open", std::nullopt, 0777);
    finds_nginx({"nginx paths", "problem", "nginx's master", "does not run nginx -t"}, http,
                http + "\n" + line);
    BOOST_TEST(fs::is_empty(trap), line);
    fs::remove_all(place.path("open"));
  }
  struct stat of_trap {};
  BOOST_TEST_REQUIRE(::stat(trap.c_str(), &of_trap) == 0);
  BOOST_TEST(of_trap.st_uid == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
