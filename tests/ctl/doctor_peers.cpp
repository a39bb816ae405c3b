// users-ctl doctor: other programs with the rights of nginx's workers.
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/doctor_fixture.hpp"
#include "support/daemon.hpp"
#include "support/fcgi_client.hpp"

using namespace users::test;

namespace {

boost::test_tools::assertion_result is_root(boost::unit_test::test_unit_id /*unused*/) {
  boost::test_tools::assertion_result answer(::geteuid() == 0);
  answer.message() << "only root can start a program as another user";
  return answer;
}

struct PeersFixture : DoctorFixture {
  const Mend closed = open_folder();

  /// Starts a process with these ids, as options of setpriv, and any name.
  [[nodiscard]] std::unique_ptr<Daemon> start(const std::string& ids,
                                              const std::string& name) const {
    std::vector<std::string> command{"setpriv"};
    std::istringstream words(ids);
    for (std::string word; words >> word;) command.push_back(word);
    command.insert(command.end(),
                   {"/bin/sh", "-c", "printf '" + name + "' >/proc/$$/comm; sleep 600; :"});
    auto process = std::make_unique<Daemon>(command, std::vector<std::string>{},
                                            (folder.path() / "log").string());
    const std::string comm = "/proc/" + std::to_string(process->pid()) + "/comm";
    const std::string wanted = run_command("printf '" + name + "'").output + "\n";
    BOOST_TEST_REQUIRE(wait_until(30, [&] { return read_file(comm) == wanted; }));
    return process;
  }
};

std::string number(const std::unique_ptr<Daemon>& process) {
  return std::to_string(process->pid());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(doctor_peers, *boost::unit_test::precondition(is_root))

BOOST_FIXTURE_TEST_CASE(a_program_that_runs_as_nginxs_user_is_named, PeersFixture) {
  const std::string games = "--reuid=games --regid=games --clear-groups";
  const auto php = start(games, "0php\\033[31m");
  const auto impostor = start(games, "nginx");
  const auto other = start("--reuid=65533 --regid=65533 --clear-groups", "0other");
  look_with({{"user root;", "user games games;"}});
  expect({"nginx peers", "warning", "0php\\x1b[31m (" + number(php) + ")", "PHP-FPM"});
  const std::string found = row("nginx peers")["found"];
  BOOST_TEST(contains(found, number(impostor)), found);
  BOOST_TEST(!contains(found, number(other)), found);
}

BOOST_FIXTURE_TEST_CASE(the_user_of_nginxs_build_counts_if_its_configuration_names_none,
                        PeersFixture) {
  const auto php = start("--reuid=games --regid=games --clear-groups", "0php");
  fake_nginx("[ \"$1\" != -V ] || { echo 'configure arguments: --user=games' >&2; exit; };");
  look_with({{"user root;", ""}});
  expect({"nginx peers", "warning", "0php (" + number(php) + ")", "PHP-FPM"});
}

BOOST_FIXTURE_TEST_CASE(nginxs_own_workers_are_not, PeersFixture) {
  const std::string place = folder.path();
  const std::string file =
      folder.write("own.conf",
                   "user games games; daemon off; pid own.pid; error_log own.log; events { } "
                   "http { access_log off; client_body_temp_path a; fastcgi_temp_path b; "
                   "proxy_temp_path c; scgi_temp_path d; uwsgi_temp_path e; "
                   "server { listen unix:" +
                       place + "/own.sock; } }");
  const Daemon own({"nginx", "-p", place, "-c", file}, {}, place + "/log");
  const auto workers = [&] {
    return run_command("pgrep -u games -P " + std::to_string(own.pid())).output;
  };
  BOOST_TEST_REQUIRE(wait_until(30, [&] { return !workers().empty(); }));
  look_with({{"user root;", "user games games;"}});
  expect_ok("nginx peers");
}

BOOST_FIXTURE_TEST_CASE(a_program_in_the_group_of_the_sockets_is_named, PeersFixture) {
  const std::string path = folder.path() / "peers.sock";
  const int bound = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = fcgi::address_of(path);
  BOOST_TEST_REQUIRE(::bind(bound, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                     0);
  ::close(bound);
  BOOST_TEST_REQUIRE(::chown(path.c_str(), 0, 64001) == 0);
  BOOST_TEST_REQUIRE(::chmod(path.c_str(), 0660) == 0);
  const auto main = start("--reuid=64002 --regid=64001 --clear-groups", "0main");
  const auto more = start("--reuid=64002 --regid=64002 --groups=64001", "0more");
  const auto none = start("--reuid=64002 --regid=64002 --clear-groups", "0none");
  const Changes changes{{"unix:run/hash.sock", "unix:" + path}};
  look_with(changes);
  expect({"nginx peers", "warning", "0main (" + number(main) + ")", "group of its own"});
  std::string found = row("nginx peers")["found"];
  BOOST_TEST(contains(found, "0more (" + number(more) + ")"), found);
  BOOST_TEST(!contains(found, "0none"), found);
  // The folder keeps them out.
  ::chmod(folder.path().c_str(), 0700);
  look_with(changes);
  found = row("nginx peers")["found"];
  BOOST_TEST(!contains(found, "0main"), found);
}

BOOST_FIXTURE_TEST_CASE(where_proc_hides_them_it_does_not_say_ok, PeersFixture) {
  const std::string nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
  const std::string script =
      folder.write("look", "mount -t proc -o hidepid=2 proc /proc || exit 77\n" + nobody +
                               command("--json 2>/dev/null"));
  const Command done = run_command("unshare -m sh '" + script + "'");
  if (done.status == 77 || run_command(nobody + "test -x \"$BIN\"/users-ctl").status != 0) {
    BOOST_TEST_MESSAGE("not tried: no right to mount, or the programs are out of nobody's reach");
    return;
  }
  rows = nlohmann::json::parse(done.output, nullptr, false);
  BOOST_TEST_REQUIRE(rows.is_array(), done.output);
  expect({"nginx peers", "skipped", "not looked at: /proc hides", ""});
}

BOOST_AUTO_TEST_SUITE_END()
