// users-ctl doctor: faults of nginx's configuration, sockets, workers and the courier.
#include <sys/socket.h>

#include "ctl/doctor_fixture.hpp"
#include "support/daemon.hpp"
#include "support/fcgi_client.hpp"

using namespace users::test;

namespace {

/// A socket file that is bound and optionally listened on, but never answered.
class MuteSocket {
 public:
  MuteSocket(const std::string& path, bool listens)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = fcgi::address_of(path);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0660) != 0 || (listens && ::listen(fd_, 8) != 0)) {
      throw std::runtime_error("cannot make " + path);
    }
  }
  ~MuteSocket() { ::close(fd_); }
  MuteSocket(const MuteSocket&) = delete;
  MuteSocket& operator=(const MuteSocket&) = delete;

 private:
  int fd_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(doctor_nginx, DoctorFixture)

BOOST_AUTO_TEST_CASE(an_nginx_that_was_not_reloaded) {
  const auto read = fs::last_write_time(nginx);
  finds(
      {"nginx runs", "warning", "has not read " + nginx, "systemctl reload nginx"},
      [&] { fs::last_write_time(nginx, fs::file_time_type::clock::now() + std::chrono::hours(1)); },
      [&] { fs::last_write_time(nginx, read); });
}

BOOST_AUTO_TEST_CASE(nginx_that_does_not_reach_the_service) {
  const std::string include = "include snippets/users-fcgi/users.conf;";
  finds_with({{include, ""}, {"include snippets/users-fcgi/users_auth.conf;", ""}},
             {"nginx include", "problem", "nothing reaches a worker", include});
  finds_nginx({"nginx configuration", "problem", "unknown \"users_conf\" variable", include},
              include, "");
  finds_nginx({"nginx configuration", "problem", "unknown directive \"usrs\"", "nginx -t"}, include,
              "usrs on;");
  finds_nginx({"nginx configuration", "problem", "\"proxy_cache\" directive is duplicate",
               "remove the one of the same name beside the include"},
              "location ^~ /private/ {", "location ^~ /private/ { proxy_cache off;");
  const std::string origins =
      "map $http_origin $doctor { https://" + std::string(39, 'a') + " 1; }";
  finds_nginx({"nginx configuration", "problem", "increase map_hash_bucket_size",
               "map_hash_bucket_size 512;"},
              "map_hash_bucket_size 512;", origins);
  passes_nginx("nginx configuration",
               {{"map_hash_bucket_size 512;", "map_hash_bucket_size 512;" + origins}});
  const std::string server = "server unix:run/hash.sock max_fails=0;";
  finds_nginx({"nginx users_hash", "problem", "without max_fails=0", server}, server,
              "server unix:run/hash.sock;");
  const std::string ours = read_file(nginx);
  const std::string fast = ours.substr(ours.find("server unix:run/fast.sock"));
  finds_nginx({"nginx users_fast", "problem", "1 times", "3 times"}, fast.substr(0, fast.find('}')),
              "server unix:run/fast.sock max_fails=0;\n");
  finds_nginx({"nginx users_fast", "warning", "not one unix socket", "users_site.conf"},
              "unix:run/fast.sock", "127.0.0.1:9");
  finds_nginx({"nginx trusted", "problem", "everybody may request", "default 0;"}, "default   0;",
              "default   1;");

  const std::string sample = "location ^~ /private/ {";
  const std::string plain = "location /private/ {";
  finds_nginx({"nginx precedence", "warning", "location ~ ^/pri", sample}, sample,
              "location ~ ^/pri { }\n" + plain);
  // Locations that refuse, cannot match, are protected, or are another server's.
  for (const char* harmless :
       {"location ~ /\\.ht { deny all; }", "location ~* \\.php$ { return 404; }",
        "location ~ ^/static/ { }",
        "location ~ \\.png$ { include snippets/users-fcgi/users_auth.conf; }"}) {
    passes_nginx("nginx precedence", {{sample, std::string(harmless) + "\n" + plain}});
  }
  const std::string geo = "geo $users_trusted {";
  passes_nginx("nginx precedence",
               {{sample, plain},
                {geo, "server { listen unix:other.sock; location ~ \\.png$ { } }\n" + geo}});

  const std::string changed = state + "/users-doctor.conf";
  const Mend mended([&] { fs::remove(changed); });
  std::string text = read_file("nginx/users.conf");
  const std::string size = "client_max_body_size      16k;";
  BOOST_TEST_REQUIRE(contains(text, size));
  std::ofstream(changed) << text.replace(text.find(size), size.size(), "client_max_body_size 1k;");
  finds_nginx({"nginx body size", "problem", "1k refuses", "client_max_body_size 16k;"}, include,
              "include users-doctor.conf;");
}

BOOST_AUTO_TEST_CASE(a_socket_that_is_missing_open_to_all_or_without_workers) {
  const std::string hash = state + "/run/hash.sock";
  finds(
      {"socket hash", "problem", "open to other users", "chmod 0660 " + hash},
      [&] { ::chmod(hash.c_str(), 0666); }, [&] { ::chmod(hash.c_str(), 0660); });
  const std::string original = "unix:run/hash.sock";
  finds_nginx({"socket hash", "problem", "No such file", "users-fcgi-hash"}, original,
              "unix:run/none.sock");
  finds_nginx({"workers hash", "problem", "no process users-fcgi", "users-fcgi-hash"}, original,
              "unix:run/none.sock");
  finds_nginx({"socket hash", "problem", "is no socket", "rm "}, original, "unix:run/nginx.pid");
  if (::geteuid() == 0) {
    // Only root can use the stack's folder.
    finds_nginx(
        {"socket hash", "problem", "nginx's workers, which are nobody", "spawn-fcgi -G nogroup"},
        "user root;", "user nobody nogroup;");
  }
  const std::string deserted = folder.path() / "deserted.sock";
  const MuteSocket nobody(deserted, false);
  finds_nginx({"socket hash", "problem", "nobody listens", "users-fcgi-hash"}, original,
              "unix:" + deserted);
  const std::string mute = folder.path() / "mute.sock";
  const MuteSocket silent(mute, true);
  finds_nginx({"socket hash", "problem", "no worker answers", "systemctl restart users-fcgi-hash"},
              original, "unix:" + mute);
}

BOOST_AUTO_TEST_CASE(a_courier_that_does_not_run_and_messages_that_wait) {
  finds(
      {"courier", "problem", "no message is sent", "systemctl start users-fcgi-courier"},
      [&] { run_script("scripts/stop courier"); }, [&] { run_script("scripts/start courier"); });

  run_script("scripts/stop courier");
  const Mend started([] { run_script("scripts/start courier"); });
  const auto message = [](const std::string& kind, const std::string& time) {
    return "INSERT INTO outbox (sealed, state, createTime, nextTime, expireTime) SELECT 'doctor', "
           "'" +
           kind + "', t, t, t + INTERVAL 1 DAY FROM (SELECT UTC_TIMESTAMP() - INTERVAL " + time +
           " t) x";
  };
  const std::string gone = "DELETE FROM outbox WHERE sealed = 'doctor'";
  query("UPDATE outbox SET nextTime = nextTime - INTERVAL 1 DAY WHERE state = 'failed'");
  finds_sql({"outbox", "problem", "waiting for longer than a minute: 1 message, the oldest ",
             "users-fcgi-courier"},
            message("pending", "5 MINUTE"), gone);
  finds_sql({"outbox", "warning", "given up within an hour: 1 message", "users.log"},
            message("failed", "5 MINUTE"), gone);
}

BOOST_AUTO_TEST_CASE(a_program_that_was_replaced_under_a_running_process) {
  const std::string copy = folder.path() / "users-courier";
  run_script("cp \"$BIN\"/users-courier '" + copy + "'");
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  {
    const Daemon courier({copy, "--config", fs::absolute(config)}, variables,
                         folder.path() / "courier.log");
    BOOST_TEST_REQUIRE(wait_until(30, [&] {
      look();
      return contains(row("courier")["found"].get<std::string>(), "2 running");
    }));
    fs::remove(copy);
    look();
    expect({"courier", "warning", "was replaced since", "users-ctl reload"});
  }
  look();
  expect_ok("courier");
}

BOOST_AUTO_TEST_SUITE_END()
